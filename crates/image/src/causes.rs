//! An error and its causes as one line, for the edge where types end.

use std::error::Error;

/// `the layer cannot be written: No space left on device`.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
