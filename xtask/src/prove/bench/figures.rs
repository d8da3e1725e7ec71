//! Numbers out of many measurements.

use std::time::Duration;

/// The value below which `percent` of `sorted` lie; zero for none.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent)
        .div_ceil(100)
        .clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The middle one.
pub(crate) fn median(measured: &[Duration]) -> Duration {
    let mut sorted = measured.to_vec();
    sorted.sort_unstable();
    percentile(&sorted, 50)
}

/// `12.3 s` or `87 ms`.
pub(crate) fn span(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ 0..10_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// `12.3 ms` or `870 us`: of calls that take less than a second.
pub(crate) fn microspan(duration: Duration) -> String {
    match duration.as_micros() {
        microseconds @ 0..1_000 => format!("{microseconds} us"),
        _ => format!("{:.1} ms", duration.as_secs_f64() * 1_000.0),
    }
}

/// KiB as MB, rounded up to a tenth.
pub(crate) fn megabytes(kib: u64) -> String {
    format!("{:.1} MB", (kib as f64 * 1024.0 / 100_000.0).ceil() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(numbers: &[u64]) -> Vec<Duration> {
        numbers.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_measured_values() {
        let sorted = milliseconds(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(5));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(10));
        assert_eq!(percentile(&sorted, 100), Duration::from_millis(10));
        assert_eq!(percentile(&sorted, 0), Duration::from_millis(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn the_median_needs_no_order() {
        assert_eq!(median(&milliseconds(&[9, 1, 5])), Duration::from_millis(5));
    }

    #[test]
    fn units_fit_the_size() {
        assert_eq!(span(Duration::from_millis(9_999)), "9999 ms");
        assert_eq!(span(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(microspan(Duration::from_micros(999)), "999 us");
        assert_eq!(microspan(Duration::from_micros(12_345)), "12.3 ms");
        assert_eq!(megabytes(1_000), "1.1 MB");
    }
}
