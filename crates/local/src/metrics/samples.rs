//! Numbers that were summed up.

use std::collections::BTreeMap;

use super::{Distribution, Metric, Percent, Resolution, Span, Statistic};
use crate::clock::EpochMillis;

/// What is known of the numbers of one metric, in one unit, within some time. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
    /// None when only the four above were put: then there are no percentiles, as on AWS.
    pub distribution: Option<Distribution>,
}

/// Numbers to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    pub metric: Metric,
    /// As on the wire: `Count`, `Percent`, `None`...
    pub unit: String,
    pub at: EpochMillis,
    /// The finest that they can be asked for in.
    pub resolution: Resolution,
    pub samples: Samples,
}

/// Samples by the start of their period.
pub type Series = BTreeMap<EpochMillis, Samples>;

impl Samples {
    /// `value`, `count` times.
    #[must_use]
    pub fn of(value: f64, count: f64) -> Self {
        let mut distribution = Distribution::default();
        distribution.add(value, count);
        Self {
            count,
            sum: value * count,
            minimum: value,
            maximum: value,
            distribution: Some(distribution),
        }
    }

    /// Adds other numbers.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        match (&mut self.distribution, &other.distribution) {
            (Some(own), Some(other)) => own.merge(other),
            (distribution, _) => *distribution = None,
        }
    }

    /// The statistic; none for a percentile of numbers whose distribution is not known.
    #[must_use]
    pub fn value(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::SampleCount => Some(self.count),
            Statistic::Sum => Some(self.sum),
            Statistic::Average => Some(self.sum / self.count),
            Statistic::Minimum => Some(self.minimum),
            Statistic::Maximum => Some(self.maximum),
            Statistic::Percentile(percent) => self.percentile(percent),
        }
    }

    fn percentile(&self, percent: Percent) -> Option<f64> {
        let distribution = self.distribution.as_ref()?;
        let fraction = percent.fraction();
        // The extremes are known exactly. The middle of a bucket may lie beyond them.
        if fraction <= 0.0 {
            return Some(self.minimum);
        }
        if fraction >= 1.0 {
            return Some(self.maximum);
        }
        let told = distribution.quantile(fraction)?;
        Some(told.max(self.minimum).min(self.maximum))
    }
}

/// Sums samples up by the periods that they begin in.
pub(crate) fn by_period(
    samples: impl IntoIterator<Item = (EpochMillis, Samples)>,
    span: Span,
) -> Series {
    let mut series = Series::new();
    for (at, samples) in samples {
        let start = span.start_of_period(at);
        match series.get_mut(&start) {
            Some(held) => held.merge(&samples),
            None => {
                series.insert(start, samples);
            }
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(samples: &Samples) -> [Option<f64>; 6] {
        ["SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50"]
            .map(|name| samples.value(Statistic::parse(name).unwrap()))
    }

    #[test]
    fn numbers_add_up() {
        let mut samples = Samples::of(10.0, 1.0);
        samples.merge(&Samples::of(40.0, 3.0));
        let expected = [4.0, 130.0, 32.5, 10.0, 40.0, 40.0];
        assert_eq!(statistics(&samples), expected.map(Some));
    }

    #[test]
    fn a_percentile_of_numbers_nobody_has_seen_is_not_made_up() {
        let mut samples = Samples::of(10.0, 1.0);
        samples.merge(&Samples {
            distribution: None,
            ..Samples::of(1.0, 2.0)
        });
        assert_eq!(statistics(&samples)[5], None);
        assert_eq!(statistics(&samples)[1], Some(12.0));
    }

    #[test]
    fn the_lowest_and_the_highest_percentile_are_the_extremes() {
        let mut samples = Samples::of(1.0, 1.0);
        (2..=5000).for_each(|value| samples.merge(&Samples::of(f64::from(value), 1.0)));
        let value = |name| samples.value(Statistic::parse(name).unwrap());
        assert_eq!((value("p0"), value("p100")), (Some(1.0), Some(5000.0)));
    }
}
