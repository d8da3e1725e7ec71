//! What can be asked about the numbers of a period.

/// A statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    Percentile(Percent),
}

/// 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(f64);

impl Statistic {
    /// Reads `Average`, `p99.9` and the like; none where it is neither one of the five nor a
    /// percentile.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => Self::Percentile(Percent::parse(text.strip_prefix('p')?)?),
        })
    }
}

impl Percent {
    /// The same from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = match text.split_once('.') {
            Some((whole, decimals)) => digits(whole) && digits(decimals) && !decimals.is_empty(),
            None => digits(text),
        };
        let percent = plain.then(|| text.parse().ok())??;
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_decimals_and_an_upper_end() {
        for (text, fraction) in [("p0", 0.0), ("p50", 0.5), ("p99.9", 0.999), ("p100", 1.0)] {
            let Some(Statistic::Percentile(percent)) = Statistic::parse(text) else {
                panic!("{text} is a percentile");
            };
            assert!((percent.fraction() - fraction).abs() < 1e-9, "{text}");
        }
        for text in [
            "p", "p100.1", "p-1", "p1e1", "pinf", "p9.", "tm99", "average", "",
        ] {
            assert_eq!(Statistic::parse(text), None, "{text}");
        }
    }
}
