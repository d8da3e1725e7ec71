//! Decides the state of an alarm from the newest values of its metric. Pure.
//!
//! Source: "Configuring how CloudWatch alarms treat missing data",
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>,
//! whose tables are tests below.

use seaway_aws_wire::cloudwatch::ComparisonOperator;

/// CloudWatch looks at more periods than it needs, in case that some have no value. How many it
/// does not say; in its examples it is five for three.
const SPARE: usize = 2;

/// When a value breaches, and what follows from that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) comparison: Comparison,
    pub(super) threshold: f64,
    /// `EvaluationPeriods`: how many values are compared.
    pub(super) periods: usize,
    /// `DatapointsToAlarm`: how many of them must breach.
    pub(super) to_alarm: usize,
    pub(super) missing: Treatment,
}

/// How a value breaches the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    GreaterOrEqual,
    Greater,
    Less,
    LessOrEqual,
}

/// `TreatMissingData`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

/// What the values say about the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Alarm,
    InsufficientData,
    /// Nothing: the state stays as it is.
    Unchanged,
}

/// A verdict and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evaluation {
    pub(super) verdict: Verdict,
    /// Which of the values were compared, the newest first.
    pub(super) compared: Vec<usize>,
    /// How many values were missing.
    pub(super) filled: usize,
}

impl Rule {
    /// How many periods the evaluation wants to see.
    pub(super) fn range(&self) -> usize {
        self.periods + SPARE
    }

    /// Whether the value breaches the threshold.
    pub(super) fn is_breached_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::GreaterOrEqual => value >= self.threshold,
            Comparison::Greater => value > self.threshold,
            Comparison::Less => value < self.threshold,
            Comparison::LessOrEqual => value <= self.threshold,
        }
    }

    /// Judges the values of the newest [`Rule::range`] periods, the newest first.
    pub(super) fn evaluate(&self, values: &[Option<f64>]) -> Evaluation {
        let present = values.iter().enumerate();
        let present = present.filter_map(|(at, value)| Some((at, (*value)?)));
        let newest: Vec<(usize, f64)> = present.take(self.periods).collect();
        let filled = self.periods - newest.len();
        Evaluation {
            verdict: self.judge(&newest, filled),
            compared: newest.into_iter().map(|(at, _)| at).collect(),
            filled,
        }
    }

    fn judge(&self, newest: &[(usize, f64)], filled: usize) -> Verdict {
        let breaching = newest.iter().filter(|(_, it)| self.is_breached_by(*it));
        let breaching = breaching.count();
        let alarm_if = |alarm: bool| if alarm { Verdict::Alarm } else { Verdict::Ok };
        if filled == 0 || breaching >= self.to_alarm {
            return alarm_if(breaching >= self.to_alarm);
        }
        let all_breach = breaching == newest.len();
        match self.missing {
            Treatment::Breaching => alarm_if(breaching + filled >= self.to_alarm),
            Treatment::NotBreaching => Verdict::Ok,
            _ if !all_breach => Verdict::Ok,
            Treatment::Ignore => Verdict::Unchanged,
            Treatment::Missing => match newest.last() {
                None => Verdict::InsufficientData,
                // Nothing good has been heard for long enough.
                Some((oldest, _)) if oldest + 1 >= self.to_alarm => Verdict::Alarm,
                // Too early: the next value may be a good one.
                Some(_) => Verdict::Unchanged,
            },
        }
    }
}

impl Comparison {
    /// None for those that need a band of anomaly detection.
    pub(super) fn of(operator: &ComparisonOperator) -> Option<Self> {
        match operator {
            ComparisonOperator::GreaterThanOrEqualToThreshold => Some(Self::GreaterOrEqual),
            ComparisonOperator::GreaterThanThreshold => Some(Self::Greater),
            ComparisonOperator::LessThanThreshold => Some(Self::Less),
            ComparisonOperator::LessThanOrEqualToThreshold => Some(Self::LessOrEqual),
            _ => None,
        }
    }
}

impl Treatment {
    /// Reads `TreatMissingData`.
    pub(super) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("missing") => Some(Self::Missing),
            Some("ignore") => Some(Self::Ignore),
            Some("breaching") => Some(Self::Breaching),
            Some("notBreaching") => Some(Self::NotBreaching),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Alarm, InsufficientData, Ok, Unchanged};
    use super::*;

    fn rule(to_alarm: usize, periods: usize, missing: Treatment) -> Rule {
        Rule {
            comparison: Comparison::Greater,
            threshold: 0.5,
            periods,
            to_alarm,
            missing,
        }
    }

    /// Values as AWS's tables write them, the oldest first: `0` within the threshold, `X` beyond
    /// it, `-` missing.
    fn verdict(rule: Rule, picture: &str) -> Verdict {
        let values = picture.split_whitespace().rev().map(|one| match one {
            "0" => Some(0.0),
            "X" => Some(1.0),
            "-" => None,
            other => panic!("{other} is no value"),
        });
        let values: Vec<_> = values.collect();
        assert_eq!(values.len(), rule.range());
        rule.evaluate(&values).verdict
    }

    /// Checks one row of a table: the columns MISSING, IGNORE, BREACHING and NOT BREACHING.
    fn row(to_alarm: usize, picture: &str, expected: [Verdict; 4]) {
        let treatments = [
            Treatment::Missing,
            Treatment::Ignore,
            Treatment::Breaching,
            Treatment::NotBreaching,
        ];
        let found = treatments.map(|missing| verdict(rule(to_alarm, 3, missing), picture));
        assert_eq!(found, expected, "{to_alarm} out of 3: {picture}");
    }

    #[test]
    fn three_out_of_three_as_in_the_guide() {
        row(3, "0 - X - X", [Ok; 4]);
        row(3, "0 - - - -", [Ok; 4]);
        row(3, "- - - - -", [InsufficientData, Unchanged, Alarm, Ok]);
        row(3, "0 X X - X", [Alarm; 4]);
        row(3, "- - X - -", [Alarm, Unchanged, Alarm, Ok]);
    }

    #[test]
    fn two_out_of_three_as_in_the_guide() {
        row(2, "0 - X - X", [Alarm; 4]);
        row(2, "0 0 X 0 X", [Alarm; 4]);
        row(2, "0 - X - -", [Ok, Ok, Alarm, Ok]);
        row(2, "- - - - 0", [Ok, Ok, Alarm, Ok]);
        row(2, "- - - X -", [Alarm, Unchanged, Alarm, Ok]);
    }

    #[test]
    fn one_new_breach_after_silence_is_too_early() {
        row(3, "- - - - X", [Unchanged, Unchanged, Alarm, Ok]);
        row(3, "- - - X -", [Unchanged, Unchanged, Alarm, Ok]);
    }

    #[test]
    fn only_the_newest_values_count() {
        row(3, "X X 0 0 0", [Ok; 4]);
        row(3, "0 0 X X X", [Alarm; 4]);
        row(1, "X 0 0 0 0", [Ok; 4]);
    }

    #[test]
    fn the_four_comparisons_differ_at_and_beside_the_threshold() {
        for (comparison, expected) in [
            (Comparison::GreaterOrEqual, [false, true, true]),
            (Comparison::Greater, [false, false, true]),
            (Comparison::Less, [true, false, false]),
            (Comparison::LessOrEqual, [true, true, false]),
        ] {
            let rule = Rule {
                comparison,
                ..rule(1, 1, Treatment::Missing)
            };
            let found = [0.4, 0.5, 0.6].map(|value| rule.is_breached_by(value));
            assert_eq!(found, expected, "{comparison:?}");
        }
    }

    #[test]
    fn an_evaluation_tells_what_it_was_made_of() {
        let values = [None, Some(1.0), None, Some(1.0), None];
        let evaluation = rule(2, 3, Treatment::NotBreaching).evaluate(&values);
        assert_eq!(
            evaluation,
            Evaluation {
                verdict: Alarm,
                compared: vec![1, 3],
                filled: 1
            }
        );
    }
}
