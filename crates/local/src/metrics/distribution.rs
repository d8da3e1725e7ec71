//! How the numbers of a period are distributed, in bounded space.

use thiserror::Error;

/// At most so many different values are held.
const MOST_VALUES: usize = 200;
/// The width of the finest buckets on a logarithmic scale: values within 1 % of each other.
const FINEST: f64 = 0.01;
const PAIR_BYTES: usize = 16;

/// Different values with their weights.
///
/// As long as there are few, they are kept as they are. When there are too many, values that are
/// close to each other become one, in buckets of equal relative width; when the buckets are too
/// many, too, each two neighbours become one. So what a percentile is off by is a fraction of its
/// value: half a percent at first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// 0: values as they were put. Each further step doubles the width of the buckets.
    coarseness: u8,
    /// Ascending.
    values: Vec<(f64, f64)>,
}

/// A stored distribution that cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a distribution of {0} bytes")]
pub struct DistributionError(usize);

impl Distribution {
    /// Adds `value`, `weight` times.
    pub fn add(&mut self, value: f64, weight: f64) {
        let value = self.representative(value);
        let found = self
            .values
            .binary_search_by(|(held, _)| held.total_cmp(&value));
        match found {
            Ok(at) => self.values[at].1 += weight,
            Err(at) => self.values.insert(at, (value, weight)),
        }
        while self.values.len() > MOST_VALUES {
            self.coarsen_to(self.coarseness + 1);
        }
    }

    /// Adds all values of another one.
    pub fn merge(&mut self, other: &Self) {
        if other.coarseness > self.coarseness {
            self.coarsen_to(other.coarseness);
        }
        for (value, weight) in &other.values {
            self.add(*value, *weight);
        }
    }

    /// The least value that `fraction` (0 to 1) of all values do not exceed; none when empty.
    #[must_use]
    pub fn quantile(&self, fraction: f64) -> Option<f64> {
        let total: f64 = self.values.iter().map(|(_, weight)| weight).sum();
        let wanted = fraction * total;
        let mut reached = 0.0;
        let found = self.values.iter().find(|(_, weight)| {
            reached += weight;
            reached >= wanted
        });
        // Adding up may fall short of the total by a rounding error.
        found.or(self.values.last()).map(|(value, _)| *value)
    }

    /// As it is stored: the coarseness, then values and weights.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.values.len() * PAIR_BYTES);
        bytes.push(self.coarseness);
        for (value, weight) in &self.values {
            bytes.extend(value.to_le_bytes());
            bytes.extend(weight.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Distribution::to_bytes`] has written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DistributionError> {
        let damaged = DistributionError(bytes.len());
        let (coarseness, pairs) = bytes.split_first().ok_or(damaged)?;
        let (pairs, rest) = pairs.as_chunks::<8>();
        if !rest.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(damaged);
        }
        let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
        let pairs = pairs.chunks_exact(2);
        Ok(Self {
            coarseness: *coarseness,
            values: pairs
                .map(|pair| (number(&pair[0]), number(&pair[1])))
                .collect(),
        })
    }

    fn coarsen_to(&mut self, coarseness: u8) {
        let values = std::mem::take(&mut self.values);
        self.coarseness = coarseness;
        // Buckets are in the order of their values, so equal ones are neighbours.
        for (value, weight) in values {
            let value = self.representative(value);
            match self.values.last_mut() {
                Some((last, held)) if last.total_cmp(&value).is_eq() => *held += weight,
                _ => self.values.push((value, weight)),
            }
        }
    }

    /// The value that stands for all in the bucket of `value`: its middle. A bucket of one
    /// coarseness lies within one of the next, so the middle stays in it.
    fn representative(&self, value: f64) -> f64 {
        // A negative zero is a zero.
        let value = value + 0.0;
        if self.coarseness == 0 || value == 0.0 {
            return value;
        }
        let width = FINEST * f64::from(self.coarseness - 1).exp2();
        let bucket = (value.abs().ln() / width).floor();
        ((bucket + 0.5) * width).exp().copysign(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Distribution {
        let mut distribution = Distribution::default();
        values
            .into_iter()
            .for_each(|value| distribution.add(value, 1.0));
        distribution
    }

    #[test]
    fn few_values_are_kept_as_they_are() {
        let distribution = of([4.0, -1.0, 2.0, 3.0, 0.0, -0.0]);
        let quantiles = [0.0, 0.5, 0.8, 1.0].map(|at| distribution.quantile(at).unwrap());
        assert_eq!(quantiles, [-1.0, 0.0, 3.0, 4.0]);
        assert_eq!(of([]).quantile(0.5), None);
    }

    #[test]
    fn many_values_are_told_within_a_few_percent_in_bounded_space() {
        let distribution = of((1..=100_000).map(f64::from));
        assert!(distribution.values.len() <= MOST_VALUES);
        for percent in [1.0, 50.0, 90.0, 99.0, 99.9] {
            let exact = percent / 100.0 * 100_000.0;
            let told = distribution.quantile(percent / 100.0).unwrap();
            let off = (told - exact).abs() / exact;
            assert!(off < 0.05, "p{percent}: {told} is off by {off}");
        }
    }

    #[test]
    fn any_mixture_of_sizes_and_signs_fits() {
        let sizes = (-360..=360).map(|power| f64::from(power).exp2());
        let distribution = of(sizes.flat_map(|size| [size, -size]));
        assert!(distribution.values.len() <= MOST_VALUES);
        assert!(
            distribution
                .values
                .iter()
                .all(|(value, _)| value.is_finite())
        );
        assert!(distribution.values.is_sorted_by(|a, b| a.0 < b.0));
        let total: f64 = distribution.values.iter().map(|(_, weight)| weight).sum();
        assert_eq!(total, 1442.0);
    }

    #[test]
    fn merging_a_coarse_one_and_a_fine_one_loses_no_weight() {
        let coarse = of((1..=10_000).map(f64::from));
        let mut merged = of([1.0, 5000.0]);
        merged.merge(&coarse);
        assert_eq!(merged.coarseness, coarse.coarseness);
        let total: f64 = merged.values.iter().map(|(_, weight)| weight).sum();
        assert_eq!(total, 10_002.0);
        assert!(merged.values.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn what_is_stored_reads_back() {
        for distribution in [of([]), of([1.5, -2.0]), of((1..=1000).map(f64::from))] {
            let bytes = distribution.to_bytes();
            assert_eq!(Distribution::from_bytes(&bytes), Ok(distribution));
        }
        for bytes in [&[][..], &[0; 9], &[0; 10]] {
            assert_eq!(
                Distribution::from_bytes(bytes),
                Err(DistributionError(bytes.len()))
            );
        }
    }
}
