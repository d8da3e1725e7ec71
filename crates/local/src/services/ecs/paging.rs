//! Lists in pages, as ECS cuts them: at most a hundred items, and a token that goes on where the
//! page before ended, also when its last item has gone meanwhile.

use super::error::EcsError;
use crate::services::sorted_page::{BadToken, SortedPage};

const MOST: usize = 100;

/// One page of names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) items: Vec<String>,
    pub(super) next: Option<String>,
}

/// Cuts a page out of `items`, which are sorted as texts.
pub(super) fn page(
    items: Vec<String>,
    token: Option<&str>,
    size: Option<i32>,
) -> Result<Page, EcsError> {
    let (items, next) = part(token, size).of(items, Clone::clone)?;
    Ok(Page { items, next })
}

/// The part of a list that a request asks for.
pub(super) fn part(token: Option<&str>, size: Option<i32>) -> SortedPage<'_> {
    SortedPage::of_up_to(MOST, token, size)
}

impl From<BadToken> for EcsError {
    fn from(_: BadToken) -> Self {
        Self::Parameter("Invalid token.".into())
    }
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
    fn a_page_goes_on_where_the_last_item_of_the_one_before_has_gone() {
        let items = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let first = page(items(&["a", "b", "c", "d"]), None, Some(2)).unwrap();
        let second = page(items(&["a", "c", "d"]), first.next.as_deref(), Some(2)).unwrap();
        assert_eq!(second.items, ["c", "d"]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn a_made_up_token_is_refused() {
        assert!(page(vec!["a".into()], Some("!"), None).is_err());
    }
}
