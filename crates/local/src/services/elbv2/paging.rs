//! Pages of long answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::ElbError;

/// The largest page, and the one of a request that asks for none.
const MOST: usize = 400;

/// A part of a list, and the marker of what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// The page behind `marker`. `items` are in order, `key` tells them apart.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    marker: Option<&str>,
    size: Option<i32>,
) -> Result<Page<T>, ElbError> {
    let size = size
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(MOST)
        .clamp(1, MOST);
    let start = match marker {
        None | Some("") => 0,
        Some(marker) => {
            let invalid = || ElbError::validation("The specified marker is not valid");
            let last = decode(marker).ok_or_else(invalid)?;
            let at = items
                .iter()
                .position(|item| key(item) == last)
                .ok_or_else(invalid)?;
            at + 1
        }
    };
    let more = items.len() > start + size;
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let next = items
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok(Page { items, next })
}

fn decode(marker: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_without_repeating() {
        let items: Vec<String> = (0..7).map(|number| format!("item-{number}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let page = page(items.clone(), |item| item, marker.as_deref(), Some(3)).unwrap();
            seen.extend(page.items);
            marker = page.next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn a_made_up_marker_is_refused() {
        assert!(page(vec!["a".to_owned()], |item| item, Some("!"), None).is_err());
        assert!(page(vec!["a".to_owned()], |item| item, Some("Yg"), None).is_err());
    }
}
