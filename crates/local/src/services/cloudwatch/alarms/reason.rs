//! Why an alarm is in its state, as AWS words it.

use seaway_aws_wire::cloudwatch::StateValue;
use serde_json::{Value, json};

use super::definition::Watch;
use super::evaluate::{Comparison, Rule, Treatment};
use crate::clock::EpochMillis;
use crate::metrics::Span;

/// The reason of an alarm that was never looked at.
pub(super) const UNCHECKED: &str = "Unchecked: Initial alarm creation";

/// What a state was found from.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    pub(super) watch: &'a Watch,
    pub(super) span: Span,
    pub(super) now: EpochMillis,
    /// The values that were compared, the newest first.
    pub(super) points: Vec<Point>,
    pub(super) filled: usize,
}

/// One value that was compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: EpochMillis,
    pub(super) value: f64,
    pub(super) samples: f64,
}

impl Findings<'_> {
    /// One sentence for people.
    pub(super) fn text(&self, state: &StateValue) -> String {
        let rule = &self.watch.rule;
        if *state == StateValue::InsufficientData {
            return format!(
                "Insufficient Data: {} unknown.",
                datapoints(self.filled, "was", "were")
            );
        }
        let alarm = *state == StateValue::Alarm;
        let decisive = self.points.iter();
        let decisive = decisive.filter(|point| rule.is_breached_by(point.value) == alarm);
        let decisive: Vec<_> = decisive.copied().collect();
        let assumed = format!(
            "{} treated as [{}]",
            missing_datapoints(self.filled),
            treatment(rule.missing)
        );
        if self.points.is_empty() {
            let periods = counted(rule.periods, "period");
            return format!(
                "Threshold Crossed: no datapoints were received for {periods} and {assumed}."
            );
        }
        let verb = if decisive.len() == 1 { "was" } else { "were" };
        let negation = if alarm { "" } else { "not " };
        let crossed = format!(
            "Threshold Crossed: {} out of the last {} datapoints [{}] {verb} {negation}{} the \
             threshold ({:?})",
            decisive.len(),
            self.points.len(),
            listed(&decisive),
            words(rule.comparison),
            rule.threshold,
        );
        let filled_in = matches!(rule.missing, Treatment::Breaching | Treatment::NotBreaching);
        if self.filled > 0 && filled_in {
            return format!("{crossed} and {assumed}.");
        }
        format!("{crossed} (minimum {} transition).", needed(rule, alarm))
    }

    /// The same for programs.
    pub(super) fn data(&self) -> Value {
        let Watch {
            query,
            statistic,
            rule,
        } = self.watch;
        let oldest = self.points.last().map_or(self.span.start, |point| point.at);
        let values: Vec<f64> = self.points.iter().rev().map(|point| point.value).collect();
        let evaluated = self.points.iter().map(|point| {
            json!({
                "timestamp": iso(point.at),
                "sampleCount": point.samples,
                "value": point.value,
            })
        });
        let mut data = json!({
            "version": "1.0",
            "queryDate": iso(self.now),
            "startDate": iso(oldest),
            "statistic": statistic,
            "period": query.period,
            "recentDatapoints": values,
            "threshold": rule.threshold,
            "evaluatedDatapoints": evaluated.collect::<Vec<_>>(),
        });
        if let Some(unit) = &query.unit {
            data["unit"] = json!(unit);
        }
        data
    }
}

/// `2 datapoints for OK -> ALARM`.
fn needed(rule: &Rule, alarm: bool) -> String {
    if alarm {
        format!("{} for OK -> ALARM", counted(rule.to_alarm, "datapoint"))
    } else {
        let enough = rule.periods - rule.to_alarm + 1;
        format!("{} for ALARM -> OK", counted(enough, "datapoint"))
    }
}

fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterOrEqual => "greater than or equal to",
        Comparison::Greater => "greater than",
        Comparison::Less => "less than",
        Comparison::LessOrEqual => "less than or equal to",
    }
}

fn treatment(missing: Treatment) -> &'static str {
    match missing {
        Treatment::Breaching => "Breaching",
        Treatment::NotBreaching => "NonBreaching",
        Treatment::Ignore => "Ignore",
        Treatment::Missing => "Missing",
    }
}

fn listed(points: &[Point]) -> String {
    let points = points.iter().map(|point| {
        let at = moment(point.at).strftime("%d/%m/%y %H:%M:%S");
        format!("{:?} ({at})", point.value)
    });
    points.collect::<Vec<_>>().join(", ")
}

fn datapoints(count: usize, one: &str, more: &str) -> String {
    let verb = if count == 1 { one } else { more };
    format!("{} {verb}", counted(count, "datapoint"))
}

fn missing_datapoints(count: usize) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", counted(count, "missing datapoint"))
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// As AWS writes moments within JSON: `2026-11-21T12:00:00.000+0000`.
fn iso(at: EpochMillis) -> String {
    moment(at)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+0000")
        .to_string()
}

fn moment(at: EpochMillis) -> jiff::Timestamp {
    // Only moments that a platform can live in come here.
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use seaway_aws_wire::cloudwatch::{
        ComparisonOperator, PutMetricAlarmRequest, Statistic as WireStatistic,
    };

    use super::*;

    fn watch(missing: &str) -> Watch {
        Watch::read(&PutMetricAlarmRequest {
            alarm_name: "slow".into(),
            namespace: Some("shop".into()),
            metric_name: Some("latency".into()),
            statistic: Some(WireStatistic::Average),
            period: Some(60),
            evaluation_periods: Some(3),
            datapoints_to_alarm: Some(2),
            threshold: Some(50.0),
            comparison_operator: Some(ComparisonOperator::GreaterThanThreshold),
            treat_missing_data: Some(missing.into()),
            ..PutMetricAlarmRequest::default()
        })
        .unwrap()
    }

    fn text(missing: &str, state: &StateValue, values: &[f64]) -> String {
        let watch = watch(missing);
        // 2026-11-21T12:00:00Z.
        let now = EpochMillis(1_795_262_400_000);
        let points = values.iter().zip(1..).map(|(value, ago)| Point {
            at: now.plus(-60_000 * ago),
            value: *value,
            samples: 1.0,
        });
        Findings {
            span: watch.span(now).unwrap(),
            now,
            points: points.collect(),
            filled: 3 - values.len(),
            watch: &watch,
        }
        .text(state)
    }

    #[test]
    fn reasons_are_worded_as_on_aws() {
        for (state, values, expected) in [
            (
                StateValue::Alarm,
                &[99.5, 1.0, 70.0][..],
                "Threshold Crossed: 2 out of the last 3 datapoints [99.5 (21/11/26 11:59:00), 70.0 \
                 (21/11/26 11:57:00)] were greater than the threshold (50.0) (minimum 2 datapoints \
                 for OK -> ALARM transition).",
            ),
            (
                StateValue::Ok,
                &[99.5, 1.0, 2.0],
                "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (21/11/26 11:58:00), 2.0 \
                 (21/11/26 11:57:00)] were not greater than the threshold (50.0) (minimum 2 \
                 datapoints for ALARM -> OK transition).",
            ),
            (
                StateValue::InsufficientData,
                &[],
                "Insufficient Data: 3 datapoints were unknown.",
            ),
        ] {
            assert_eq!(text("missing", &state, values), expected);
        }
    }

    #[test]
    fn reasons_tell_what_was_assumed() {
        assert_eq!(
            text("breaching", &StateValue::Alarm, &[]),
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints \
             were treated as [Breaching]."
        );
        assert_eq!(
            text("notBreaching", &StateValue::Ok, &[1.0, 2.0]),
            "Threshold Crossed: 2 out of the last 2 datapoints [1.0 (21/11/26 11:59:00), 2.0 \
             (21/11/26 11:58:00)] were not greater than the threshold (50.0) and 1 missing \
             datapoint was treated as [NonBreaching]."
        );
    }
}
