//! Several calls at once, but not too many: AWS throttles by account.

use futures::stream::{self, StreamExt as _};

/// Calls under way at the same time.
const AT_ONCE: usize = 8;

/// Makes all calls and answers in their order.
pub(crate) async fn all<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    stream::iter(calls).buffered(AT_ONCE).collect().await
}

/// The same for calls that can fail; lists are joined.
pub(crate) async fn joined<T, E, F>(calls: Vec<F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<Vec<T>, E>>,
{
    let mut joined = vec![];
    for items in all(calls).await {
        joined.extend(items?);
    }
    Ok(joined)
}
