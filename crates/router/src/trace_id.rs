//! Trace ids for requests that come without one: `Root=1-67891233-abcdef012345678912345678`.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// Gives out ids that no other router is likely to give out. They are not secrets.
#[derive(Debug)]
pub(crate) struct TraceIds {
    /// Drawn when the router starts.
    seeds: [u64; 2],
    given: AtomicU64,
}

impl TraceIds {
    pub(crate) fn new() -> Self {
        Self {
            seeds: [0, 1].map(|which| RandomState::new().hash_one(which)),
            given: AtomicU64::new(0),
        }
    }

    /// The next id, as the value of `X-Amzn-Trace-Id`.
    pub(crate) fn next(&self, now: SystemTime) -> HeaderValue {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let count = self.given.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.seeds.map(|seed| scatter(seed, count));
        let mut text = *b"Root=1-00000000-000000000000000000000000";
        write_hex(&mut text[7..15], seconds);
        write_hex(&mut text[16..32], high);
        write_hex(&mut text[32..40], low);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("Root=1-0-0"))
    }
}

/// A number for each count that looks like chance and comes once only (SplitMix64).
fn scatter(seed: u64, count: u64) -> u64 {
    let mut number = seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Writes the lowest digits of a number.
fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_have_the_documented_form_and_differ() {
        let ids = TraceIds::new();
        let now = UNIX_EPOCH + Duration::from_secs(0x6789_1233);
        let (first, second) = (ids.next(now), ids.next(now));
        let text = first.to_str().unwrap();
        assert!(text.starts_with("Root=1-67891233-"), "{text}");
        assert_eq!(text.len(), 40);
        assert_ne!(first, second);
    }
}
