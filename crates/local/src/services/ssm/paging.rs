//! Pages of lists that are sorted by a key. The token is the last key of the page before, so
//! that parameters which come and go in between shift nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::ParametersError;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) limit: Option<i32>,
    /// The size of a page where the request names none, and the greatest one.
    pub(super) most: usize,
}

impl Page<'_> {
    /// The items of this page and the token of the next one.
    pub(super) fn of<T>(
        self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), ParametersError> {
        let after = self.token.map(decode).transpose()?;
        let limit = self
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(self.most)
            .clamp(1, self.most);
        let mut rest = items
            .into_iter()
            .skip_while(|item| after.as_ref().is_some_and(|after| key(item) <= *after));
        let page: Vec<T> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(page.last()).map(key);
        Ok((page, next.map(|key| BASE64.encode(key))))
    }
}

fn decode(token: &str) -> Result<String, ParametersError> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(ParametersError::Token)
}
