//! Moments, in milliseconds.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A moment with the precision of the wire: milliseconds.
///
/// JSON writes seconds since 1970 as a number, XML writes ISO 8601.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(jiff::Timestamp);

/// A moment that cannot be represented.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TimestampError {
    /// The years -9999 to 9999 can be represented.
    #[error("{0} ms since 1970 is out of range")]
    OutOfRange(i64),
    /// Not a number and not an ISO 8601 moment.
    #[error("{0:?} is not an ISO 8601 moment")]
    Unreadable(String),
}

impl Timestamp {
    /// A moment from milliseconds since 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        jiff::Timestamp::from_millisecond(millis)
            .map(Self)
            .map_err(|_| TimestampError::OutOfRange(millis))
    }

    /// A moment from ISO 8601 text with an offset, such as `2026-11-21T06:15:45.123Z`.
    pub fn from_iso8601(text: &str) -> Result<Self, TimestampError> {
        text.parse::<jiff::Timestamp>()
            .map(Self::from)
            .map_err(|_| TimestampError::Unreadable(text.to_owned()))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// ISO 8601 in UTC with three decimals, as query services write it.
    pub fn to_iso8601(self) -> String {
        format!("{:.3}", self.0)
    }

    /// Seconds since 1970 that a JSON number stands for.
    pub(crate) fn from_seconds(seconds: f64) -> Result<Self, TimestampError> {
        // Casting saturates, and what is too far away is refused.
        Self::from_millis((seconds * 1000.0).round() as i64)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(moment: jiff::Timestamp) -> Self {
        // Truncating a valid moment to milliseconds stays in range.
        Self(jiff::Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment))
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(moment: Timestamp) -> Self {
        moment.0
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso8601())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso8601())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_millis() as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, or an ISO 8601 moment")
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
        Timestamp::from_seconds(seconds).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
        Timestamp::from_millis(seconds.saturating_mul(1000)).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::from_iso8601(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Timestamp, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn json_takes_whole_and_fractional_seconds_and_text() {
        for json in ["1795241745", "1795241745.0", "\"2026-11-21T06:15:45Z\""] {
            assert_eq!(read(json).unwrap().to_iso8601(), "2026-11-21T06:15:45.000Z");
        }
        assert_eq!(read("-0.5").unwrap().as_millis(), -500);
    }

    #[test]
    fn moments_that_do_not_exist_are_refused() {
        for json in [
            "1e300",
            "18446744073709551615",
            "-9223372036854775808",
            "\"noon\"",
            "true",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_finer_than_milliseconds_is_cut_off() {
        let fine = jiff::Timestamp::from_nanosecond(1_999_999).unwrap();
        assert_eq!(Timestamp::from(fine).as_millis(), 1);
    }

    #[test]
    fn every_millisecond_survives_json() {
        for millis in [0, 1, 999, 1_795_241_745_123, 4_102_444_799_999, -1] {
            let moment = Timestamp::from_millis(millis).unwrap();
            let json = serde_json::to_string(&moment).unwrap();
            assert_eq!(read(&json).unwrap(), moment, "{json}");
        }
    }
}
