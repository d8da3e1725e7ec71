//! Pages as Elastic Load Balancing sizes them.

use super::error::ElbError;
use crate::services::sorted_page::{Order, SortedPage};

/// The largest page, and the one of a request that asks for none.
const MOST: usize = 400;

/// A part of a list, and the marker of what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// The page behind `marker`, in the order of the keys.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    marker: Option<&str>,
    size: Option<i32>,
) -> Result<Page<T>, ElbError> {
    let marker = marker.filter(|marker| !marker.is_empty());
    let page = SortedPage::of_up_to(MOST, marker, size);
    let (items, next) = page
        .sorted(items, Order::Ascending, key)
        .map_err(|_| ElbError::validation("The specified marker is not valid"))?;
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_without_repeating() {
        let items: Vec<String> = (0..7).map(|number| format!("item-{number}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let page = page(items.clone(), String::clone, marker.as_deref(), Some(3)).unwrap();
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
        assert!(page(vec!["a".to_owned()], String::clone, Some("!"), None).is_err());
    }

    #[test]
    fn a_marker_outlives_its_item() {
        let items = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let first = page(items(&["a", "b", "c"]), String::clone, None, Some(2)).unwrap();
        let rest = page(
            items(&["a", "c"]),
            String::clone,
            first.next.as_deref(),
            None,
        )
        .unwrap();
        assert_eq!(rest.items, ["c"]);
    }
}
