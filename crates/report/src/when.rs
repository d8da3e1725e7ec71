//! Points in time and spans, in the words of the display. Clock times are UTC, as in the logs of
//! AWS, and always marked with `Z`.

use std::time::Duration;

use seaway_core::time::Timestamp;

/// How long something took: `4.2s`, `42s`, `2m 05s`, `1h 02m`.
pub(crate) fn took(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => {
            let tenths = span.as_millis() / 100;
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Time from `from` to `to`; nothing when clocks disagree about their order.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    let nanoseconds = to.as_nanosecond().saturating_sub(from.as_nanosecond());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
}

/// A span in one unit: `12 s`, `2 min`, `3 h`, `4 days`.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = between(from, to).as_secs();
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        5400..129_600 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// How long ago `at` was.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    if between(at, now) < Duration::from_secs(2) {
        return "just now".into();
    }
    format!("{} ago", span(at, now))
}

/// `12:03:11Z`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// `2026-11-21 12:03:11Z`.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `2026-11-21T12:03:11.123Z`: a log's own form.
pub(crate) fn precise(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).expect("in range")
    }

    #[test]
    fn spans_have_one_scale() {
        let texts =
            [0, 4_250, 9_999, 42_000, 125_000, 3_725_000].map(|ms| took(Duration::from_millis(ms)));
        assert_eq!(texts, ["0.0s", "4.2s", "9.9s", "42s", "2m 05s", "1h 02m"]);
        let texts = [12_000, 120_000, 7_200_000, 345_600_000].map(|ms| span(at(0), at(ms)));
        assert_eq!(texts, ["12 s", "2 min", "2 h", "4 days"]);
    }

    #[test]
    fn a_clock_that_is_ahead_does_no_harm() {
        assert_eq!(ago(at(5_000), at(0)), "just now");
        assert_eq!(between(at(5_000), at(0)), Duration::ZERO);
    }

    #[test]
    fn times_say_their_zone() {
        let at = at(1_763_726_591_123);
        assert_eq!(clock(at), "12:03:11Z");
        assert_eq!(date(at), "2025-11-21 12:03:11Z");
        assert_eq!(precise(at), "2025-11-21T12:03:11.123Z");
    }
}
