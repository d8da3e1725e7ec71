//! Lists in pages: the token is the last item of the page before, so that items that come and go
//! between two pages neither repeat nor hide others.

use super::error::EcsError;

const MOST: usize = 100;

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) items: Vec<String>,
    pub(super) next: Option<String>,
}

/// Cuts a page out of `items`, which are in the order of the list.
pub(super) fn page(
    items: Vec<String>,
    token: Option<&str>,
    size: Option<i32>,
) -> Result<Page, EcsError> {
    let size = size
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(MOST)
        .clamp(1, MOST);
    let start = match token {
        None => 0,
        Some(token) => {
            let invalid = || EcsError::Parameter("Invalid token.".into());
            let last = decode(token).ok_or_else(invalid)?;
            let at = items.iter().position(|item| *item == last);
            at.map(|at| at + 1).ok_or_else(invalid)?
        }
    };
    let rest = &items[start.min(items.len())..];
    let chosen: Vec<String> = rest.iter().take(size).cloned().collect();
    let next = (rest.len() > size)
        .then(|| chosen.last().map(|last| encode(last)))
        .flatten();
    Ok(Page {
        items: chosen,
        next,
    })
}

fn encode(item: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(item)
}

fn decode(token: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_without_repeating() {
        let items: Vec<String> = (0..7).map(|n| format!("item-{n}")).collect();
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let page = page(items.clone(), token.as_deref(), Some(3)).unwrap();
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn a_made_up_token_is_refused() {
        assert!(page(vec!["a".into()], Some("!"), None).is_err());
    }
}
