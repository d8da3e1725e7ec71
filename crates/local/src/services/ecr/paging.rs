//! Pages as ECR sizes them.

use super::EcrError;
use crate::services::sorted_page::SortedPage;

const USUAL: usize = 100;
const MOST: usize = 1000;

/// The page of `items` behind `token`, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    limit: Option<i32>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), EcrError> {
    let page = SortedPage {
        token,
        limit,
        usual: USUAL,
        most: MOST,
    };
    let bad_token = |_| EcrError::parameter("nextToken", "Invalid token");
    page.of(items, key).map_err(bad_token)
}
