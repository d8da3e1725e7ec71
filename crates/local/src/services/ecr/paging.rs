//! Pages of lists that are sorted by a key. The token is the last key of the page before, so that
//! what comes and goes in between shifts nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::EcrError;

/// The size of a page where the request names none, and the greatest one.
const DEFAULT: usize = 100;
const MOST: usize = 1000;

/// The page of `items` behind `token`, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    limit: Option<i32>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), EcrError> {
    let after = token.map(decode).transpose()?;
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(DEFAULT)
        .clamp(1, MOST);
    let mut rest = items
        .into_iter()
        .skip_while(|item| after.as_ref().is_some_and(|after| key(item) <= *after));
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(page.last()).map(key);
    Ok((page, next.map(|key| BASE64.encode(key))))
}

fn decode(token: &str) -> Result<String, EcrError> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| EcrError::parameter("nextToken", "Invalid token"))
}
