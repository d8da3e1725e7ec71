//! One line of the table.

use std::fmt;

/// A ratio below this part of its target fails; machines differ, and so do their moments.
const TOLERANCE: f64 = 5.0;

/// Something that was measured on both sides.
#[derive(Debug)]
pub(super) struct Row {
    what: String,
    seaway: String,
    other: String,
    /// How many times better Seaway is.
    ratio: f64,
    target: Option<f64>,
}

impl Row {
    /// Of numbers of which the larger is better, with `format` for the reader.
    pub(super) fn more(what: &str, measured: [f64; 2], format: impl Fn(f64) -> String) -> Self {
        Self {
            what: what.to_owned(),
            seaway: format(measured[0]),
            other: format(measured[1]),
            ratio: measured[0] / measured[1],
            target: None,
        }
    }

    /// Of numbers of which the smaller is better.
    pub(super) fn less(what: &str, measured: [f64; 2], format: impl Fn(f64) -> String) -> Self {
        Self {
            ratio: measured[1] / measured[0],
            ..Self::more(what, measured, format)
        }
    }

    /// Seaway is to be so many times better.
    pub(super) fn target(self, target: f64) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// What stands above the columns.
    pub(super) fn heading() -> String {
        format!(
            "{:<42}{:>14}{:>20}{:>9}{:>9}",
            "", "seaway", "other", "ratio", "target"
        )
    }

    /// Why this is no good.
    pub(super) fn failure(&self) -> Option<String> {
        // What could not be divided is no good either.
        let good = self
            .target
            .is_none_or(|target| self.ratio >= target / TOLERANCE);
        (!good).then(|| format!("{}, far from the target", self.words()))
    }

    /// The ratio, where there is a target.
    pub(super) fn in_short(&self) -> Option<String> {
        let target = self.target?;
        Some(format!("{} {:.2} (target {target})", self.what, self.ratio))
    }

    fn words(&self) -> String {
        format!(
            "{}: {} beside {}, ratio {:.2}",
            self.what, self.seaway, self.other, self.ratio
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.map(|target| target.to_string());
        write!(
            formatter,
            "{:<42}{:>14}{:>20}{:>9.2}{:>9}",
            self.what,
            self.seaway,
            self.other,
            self.ratio,
            target.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(number: f64) -> String {
        format!("{number}")
    }

    #[test]
    fn better_is_more_than_one_either_way() {
        assert_eq!(Row::more("speed", [9.0, 3.0], plain).ratio, 3.0);
        assert_eq!(Row::less("memory", [3.0, 9.0], plain).ratio, 3.0);
    }

    #[test]
    fn only_what_is_far_from_its_target_fails() {
        let speed = |ours| Row::more("speed", [ours, 1.0], plain);
        assert_eq!(speed(0.01).failure(), None);
        assert_eq!(speed(5.0).target(20.0).failure(), None);
        let words = speed(3.0).target(20.0).failure().expect("a failure");
        assert_eq!(words, "speed: 3 beside 1, ratio 3.00, far from the target");
        assert!(
            Row::more("speed", [0.0, 0.0], plain)
                .target(1.0)
                .failure()
                .is_some()
        );
    }
}
