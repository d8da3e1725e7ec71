//! The id that a response carries and that logs refer to.

use std::fmt;

use http::HeaderValue;

/// A request's id, written like a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// An id from 128 bits, such as those of a random UUID.
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    pub(super) fn header(self) -> HeaderValue {
        // Hexadecimal digits and hyphens are always valid in a header.
        HeaderValue::from_str(&self.to_string()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, b, c) = (&digits[..8], &digits[8..12], &digits[12..16]);
        write!(f, "{a}-{b}-{c}-{}-{}", &digits[16..20], &digits[20..])
    }
}
