//! Periods: how long they may be, and when they begin.

use thiserror::Error;

use crate::clock::EpochMillis;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

/// How finely numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// Metrics of high resolution, for a few hours.
    Second,
    /// Every metric.
    Minute,
}

/// Consecutive periods of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Inclusive; a period begins here.
    pub start: EpochMillis,
    /// Exclusive; a period that has begun before is included.
    pub end: EpochMillis,
    length: i64,
    resolution: Resolution,
}

/// A length that no period has.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0} s is neither 1, 5, 10, 20 or 30 s nor a number of minutes")]
pub struct PeriodError(i32);

impl Resolution {
    /// Seconds, as stored and as on the wire.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.millis() / SECOND
    }

    /// The beginning of the bucket that `at` falls in.
    #[must_use]
    pub fn start_of(self, at: EpochMillis) -> EpochMillis {
        floor(at, self.millis())
    }

    fn millis(self) -> i64 {
        match self {
            Self::Second => SECOND,
            Self::Minute => MINUTE,
        }
    }
}

impl Span {
    /// The periods of `seconds` from `start` to `end`, the first of which begins at the full
    /// minute before `start`, or at the even division of a minute for shorter periods:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
    pub fn new(start: EpochMillis, end: EpochMillis, seconds: i32) -> Result<Self, PeriodError> {
        let length = i64::from(seconds) * SECOND;
        let resolution = match seconds {
            1 | 5 | 10 | 20 | 30 => Resolution::Second,
            60.. if seconds % 60 == 0 => Resolution::Minute,
            _ => return Err(PeriodError(seconds)),
        };
        Ok(Self {
            start: floor(start, length.min(MINUTE)),
            end,
            length,
            resolution,
        })
    }

    /// The newest `count` periods that are over at `now`, on full multiples of their length.
    pub fn newest(count: usize, now: EpochMillis, seconds: i32) -> Result<Self, PeriodError> {
        let mut span = Self::new(now, now, seconds)?;
        span.end = floor(now, span.length);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        span.start = span.end.plus(-span.length.saturating_mul(count));
        Ok(span)
    }

    /// The beginning of the period that `at` falls in.
    #[must_use]
    pub fn start_of_period(&self, at: EpochMillis) -> EpochMillis {
        self.start
            .plus(floor(EpochMillis(at.since(self.start)), self.length).0)
    }

    /// How finely the numbers of these periods must have been kept.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// The beginnings of the periods, the newest first.
    pub fn starts_newest_first(&self) -> impl Iterator<Item = EpochMillis> + use<> {
        let (start, length) = (self.start, self.length);
        (0..self.count())
            .rev()
            .map(move |at| start.plus(at * length))
    }

    /// How many periods there are.
    #[must_use]
    pub fn count(&self) -> i64 {
        let length = self.end.since(self.start).max(0);
        length / self.length + i64::from(length % self.length != 0)
    }
}

fn floor(at: EpochMillis, length: i64) -> EpochMillis {
    at.plus(-at.0.rem_euclid(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> EpochMillis {
        EpochMillis(seconds * SECOND)
    }

    #[test]
    fn periods_begin_at_a_full_minute_or_an_even_division_of_one() {
        for (seconds, start) in [(1, 83), (5, 80), (10, 80), (30, 60), (60, 60), (300, 60)] {
            let span = Span::new(EpochMillis(83_500), at(1000), seconds).unwrap();
            assert_eq!(span.start, at(start), "{seconds} s");
        }
        for seconds in [0, -60, 2, 45, 61, 90] {
            assert_eq!(Span::new(at(0), at(1), seconds), Err(PeriodError(seconds)));
        }
    }

    #[test]
    fn a_moment_belongs_to_one_period() {
        let span = Span::new(at(60), at(1000), 300).unwrap();
        for (moment, start) in [(60, 60), (359, 60), (360, 360), (1000, 960)] {
            assert_eq!(span.start_of_period(at(moment)), at(start));
        }
        assert_eq!(span.count(), 4);
    }

    #[test]
    fn the_newest_periods_are_over() {
        let span = Span::newest(3, at(605), 60).unwrap();
        let starts: Vec<_> = span.starts_newest_first().collect();
        assert_eq!(starts, [at(540), at(480), at(420)]);
        assert_eq!(span.end, at(600));
    }
}
