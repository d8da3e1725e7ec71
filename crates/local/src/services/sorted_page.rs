//! Pages of lists that are sorted by a key. The token is the last key of the page before, so that
//! what comes and goes in between shifts nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::clock::EpochMillis;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortedPage<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) limit: Option<i32>,
    /// The size of a page where the request names none.
    pub(super) usual: usize,
    /// The greatest size.
    pub(super) most: usize,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A token that no page ever ended with.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadToken;

impl<'a> SortedPage<'a> {
    /// The part that a request asks for, of `most` items where it does not say how many.
    pub(super) fn of_up_to(most: usize, token: Option<&'a str>, limit: Option<i32>) -> Self {
        Self {
            token,
            limit,
            usual: most,
            most,
        }
    }

    /// The items of this page and the token of the next one. `items` are in the order of their
    /// keys.
    pub(super) fn of<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        self.cut(items, Order::Ascending, key)
    }

    /// The same of items in the descending order of their keys.
    pub(super) fn of_descending<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        self.cut(items, Order::Descending, key)
    }

    /// Like [`of`](Self::of), of items that are still to be sorted by their keys.
    pub(super) fn sorted<T>(
        self,
        mut items: Vec<T>,
        order: Order,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        items.sort_by_cached_key(&key);
        if order == Order::Descending {
            items.reverse();
        }
        self.cut(items, order, key)
    }

    fn cut<T>(
        self,
        items: Vec<T>,
        order: Order,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        let after = self.token.map(decode).transpose()?;
        let limit = self
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(self.usual)
            .clamp(1, self.most);
        let seen = |item: &T| {
            after.as_ref().is_some_and(|after| match order {
                Order::Ascending => key(item) <= *after,
                Order::Descending => key(item) >= *after,
            })
        };
        let mut rest = items.into_iter().skip_while(seen);
        let page: Vec<T> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(page.last()).map(&key);
        Ok((page, next.map(|key| BASE64.encode(key))))
    }
}

/// The key of an item in a list by time: its name tells it from others of that millisecond.
/// What has no time comes before everything that has one.
pub(super) fn time_key(at: Option<EpochMillis>, name: &str) -> String {
    let since_the_first = at.map_or(0, |at| i128::from(at.0) - i128::from(i64::MIN) + 1);
    format!("{since_the_first:020}{name}")
}

fn decode(token: &str) -> Result<String, BadToken> {
    let bytes = BASE64.decode(token).map_err(|_| BadToken)?;
    String::from_utf8(bytes).map_err(|_| BadToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(token: Option<&str>) -> SortedPage<'_> {
        SortedPage::of_up_to(10, token, Some(2))
    }

    fn of(token: Option<&str>, items: &[&str]) -> (Vec<String>, Option<String>) {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        page(token).of(items, Clone::clone).unwrap()
    }

    #[test]
    fn what_comes_and_goes_between_two_pages_shifts_nothing() {
        let (first, next) = of(None, &["a", "c", "e"]);
        assert_eq!(first, ["a", "c"]);
        let (second, next) = of(next.as_deref(), &["b", "d", "e"]);
        assert_eq!(second, ["d", "e"]);
        assert_eq!(next, None);
    }

    #[test]
    fn a_page_behind_an_item_that_is_gone_goes_on_either_way() {
        let sorted = |token: Option<&str>, items: &[&str], order| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            page(token).sorted(items, order, String::clone).unwrap()
        };
        let (first, next) = sorted(None, &["c", "a", "d", "b"], Order::Descending);
        assert_eq!(first, ["d", "c"]);
        let (second, _) = sorted(next.as_deref(), &["b", "a"], Order::Descending);
        assert_eq!(second, ["b", "a"]);
        let (first, next) = sorted(None, &["c", "a", "d", "b"], Order::Ascending);
        assert_eq!(first, ["a", "b"]);
        let (second, _) = sorted(next.as_deref(), &["d", "c"], Order::Ascending);
        assert_eq!(second, ["c", "d"]);
    }

    #[test]
    fn times_come_in_their_order_and_names_within_one() {
        let keys = [
            time_key(None, "z"),
            time_key(Some(EpochMillis(i64::MIN)), "a"),
            time_key(Some(EpochMillis(-1)), "a"),
            time_key(Some(EpochMillis(9)), "a"),
            time_key(Some(EpochMillis(10)), "a"),
            time_key(Some(EpochMillis(10)), "b"),
            time_key(Some(EpochMillis(i64::MAX)), "a"),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn a_foreign_token_is_an_error() {
        for token in ["%", "_w"] {
            let read = page(Some(token)).of(vec![String::new()], Clone::clone);
            assert!(read.is_err(), "{token}");
        }
    }
}
