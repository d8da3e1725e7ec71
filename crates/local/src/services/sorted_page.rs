//! Pages of lists that are sorted by a key. The token is the last key of the page before, so that
//! what comes and goes in between shifts nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

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

/// A token that no page ever ended with.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadToken;

impl SortedPage<'_> {
    /// The items of this page and the token of the next one, of a list whose keys ascend.
    pub(super) fn of<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        self.cut(items, key, |key, last| key <= last)
    }

    /// The same of a list whose keys descend.
    pub(super) fn of_descending<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        self.cut(items, key, |key, last| key >= last)
    }

    fn cut<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
        was_shown: fn(&str, &str) -> bool,
    ) -> Result<(Vec<T>, Option<String>), BadToken> {
        let after = self.token.map(decode).transpose()?;
        let limit = self
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(self.usual)
            .clamp(1, self.most);
        let mut rest = items.into_iter().skip_while(|item| {
            let last = after.as_deref();
            last.is_some_and(|last| was_shown(&key(item), last))
        });
        let page: Vec<T> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(page.last()).map(key);
        Ok((page, next.map(|key| BASE64.encode(key))))
    }
}

fn decode(token: &str) -> Result<String, BadToken> {
    let bytes = BASE64.decode(token).map_err(|_| BadToken)?;
    String::from_utf8(bytes).map_err(|_| BadToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(token: Option<&str>) -> SortedPage<'_> {
        SortedPage {
            token,
            limit: Some(2),
            usual: 10,
            most: 10,
        }
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
    fn a_list_that_descends_goes_on_below_its_last_item() {
        let of = |token: Option<&str>, items: &[&str]| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            page(token)
                .of_descending::<String>(items, Clone::clone)
                .unwrap()
        };
        let (first, next) = of(None, &["e", "c", "a"]);
        assert_eq!(first, ["e", "c"]);
        let (second, next) = of(next.as_deref(), &["e", "d", "b", "a"]);
        assert_eq!(second, ["b", "a"]);
        assert_eq!(next, None);
    }

    #[test]
    fn a_foreign_token_is_an_error() {
        for token in ["%", "_w"] {
            let read = page(Some(token)).of(vec![String::new()], Clone::clone);
            assert!(read.is_err(), "{token}");
        }
    }
}
