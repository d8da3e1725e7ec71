//! Which keys a tag may have, of whatever it is.

use thiserror::Error;

/// What the keys of AWS's own tags begin with, in upper or lower case.
const RESERVED: &str = "aws:";

/// A key that only AWS sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Tag keys can't start with the reserved prefix 'aws:'.")]
pub(super) struct ReservedTagKey;

/// Refuses a key of AWS's own.
pub(super) fn check(key: &str) -> Result<(), ReservedTagKey> {
    match key.get(..RESERVED.len()) {
        Some(start) if start.eq_ignore_ascii_case(RESERVED) => Err(ReservedTagKey),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_of_aws_is_reserved() {
        for key in ["", "aws", "awsx", "team", "my:aws:key", "äws:"] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
        for key in ["aws:", "aws:x", "AWS:x", "Aws:x"] {
            assert_eq!(check(key), Err(ReservedTagKey), "{key}");
        }
    }
}
