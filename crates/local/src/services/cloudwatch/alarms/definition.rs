//! What an alarm watches, read from how it was put.

use seaway_aws_wire::cloudwatch::{ComparisonOperator, PutMetricAlarmRequest, StandardUnit};

use super::evaluate::{Comparison, Rule, Treatment};
use crate::clock::EpochMillis;
use crate::metrics::{Metric, Span, Statistic};
use crate::services::cloudwatch::data::Query;
use crate::services::cloudwatch::{CloudWatchError, naming};

const DAY: i64 = 24 * 60 * 60;
const HOUR: i32 = 60 * 60;
/// The shortest period of an alarm, in seconds.
const SHORTEST: i32 = 10;

/// A metric and the rule for its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watch {
    pub(super) query: Query,
    /// As the definition writes the statistic.
    pub(super) statistic: String,
    pub(super) rule: Rule,
}

impl Watch {
    /// Reads a definition; whatever the evaluation would not heed is refused.
    pub(super) fn read(definition: &PutMetricAlarmRequest) -> Result<Self, CloudWatchError> {
        refuse_unknown(definition)?;
        let (query, statistic) = match definition.metrics.as_deref() {
            Some(queries) => one_query(definition, queries)?,
            None => simple(definition)?,
        };
        let rule = rule(definition)?;
        check_period(query.period, rule.periods)?;
        Ok(Self {
            query,
            statistic,
            rule,
        })
    }

    /// The periods that are judged at `now`.
    pub(super) fn span(&self, now: EpochMillis) -> Result<Span, CloudWatchError> {
        Span::newest(self.rule.range(), now, self.query.period)
            .map_err(|_| CloudWatchError::invalid("Period", self.query.period))
    }
}

fn refuse_unknown(definition: &PutMetricAlarmRequest) -> Result<(), CloudWatchError> {
    let present = [
        (
            "EvaluationCriteria",
            definition.evaluation_criteria.is_some(),
        ),
        (
            "EvaluationInterval",
            definition.evaluation_interval.is_some(),
        ),
        ("EvaluationWindow", definition.evaluation_window.is_some()),
        (
            "ThresholdMetricId",
            definition.threshold_metric_id.is_some(),
        ),
        (
            "WarmUpConfiguration",
            definition.warm_up_configuration.is_some(),
        ),
    ];
    match present.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(CloudWatchError::Validation(format!(
            "The embedded platform does not support the parameter {name}."
        ))),
        None => Ok(()),
    }
}

/// An alarm that names its metric directly.
fn simple(definition: &PutMetricAlarmRequest) -> Result<(Query, String), CloudWatchError> {
    let required = |value: &Option<String>, name: &str| {
        let missing = || CloudWatchError::Missing(name.to_owned());
        value.clone().ok_or_else(missing)
    };
    let name = required(&definition.metric_name, "MetricName")?;
    let text = match (&definition.statistic, &definition.extended_statistic) {
        (Some(statistic), None) => statistic.to_string(),
        (None, Some(extended)) => extended.clone(),
        (Some(_), Some(_)) => {
            return Err(CloudWatchError::exclusive("Statistic", "ExtendedStatistic"));
        }
        (None, None) => {
            return Err(CloudWatchError::Combination(
                "Exactly one of the parameters Statistic and ExtendedStatistic must be specified."
                    .to_owned(),
            ));
        }
    };
    let statistic = Statistic::parse(&text)
        .ok_or_else(|| CloudWatchError::invalid("ExtendedStatistic", &text))?;
    let period = definition.period;
    let query = Query {
        id: String::new(),
        label: name.clone(),
        metric: Metric {
            namespace: required(&definition.namespace, "Namespace")?,
            dimensions: naming::dimensions(definition.dimensions.as_deref(), "")?,
            name,
        },
        statistic,
        period: period.ok_or_else(|| CloudWatchError::Missing("Period".to_owned()))?,
        unit: definition.unit.as_ref().map(StandardUnit::to_string),
    };
    Ok((query, text))
}

/// An alarm on a query: only one, as there is no metric math.
fn one_query(
    definition: &PutMetricAlarmRequest,
    queries: &[seaway_aws_wire::cloudwatch::MetricDataQuery],
) -> Result<(Query, String), CloudWatchError> {
    if definition.metric_name.is_some() {
        return Err(CloudWatchError::exclusive("MetricName", "Metrics"));
    }
    let math = || {
        CloudWatchError::Validation(
            "The embedded platform has no metric math: Metrics must have exactly one query."
                .to_owned(),
        )
    };
    let [query] = queries else {
        return Err(math());
    };
    let stat = query.metric_stat.as_ref().ok_or_else(math)?;
    let read = Query::read(query, "Metrics.member.1.")?;
    Ok((read, stat.stat.clone()))
}

fn rule(definition: &PutMetricAlarmRequest) -> Result<Rule, CloudWatchError> {
    let missing = |name: &str| CloudWatchError::Missing(name.to_owned());
    let number = |value: i32| usize::try_from(value).unwrap_or_default();
    let operator = definition.comparison_operator.as_ref();
    let operator = operator.ok_or_else(|| missing("ComparisonOperator"))?;
    let periods = definition.evaluation_periods;
    let periods = number(periods.ok_or_else(|| missing("EvaluationPeriods"))?);
    let to_alarm = definition.datapoints_to_alarm.map_or(periods, number);
    if to_alarm > periods {
        return Err(CloudWatchError::Validation(
            "DatapointsToAlarm must be less than or equal to EvaluationPeriods.".to_owned(),
        ));
    }
    if let Some(text) = definition.evaluate_low_sample_count_percentile.as_deref()
        && !["evaluate", "ignore"].contains(&text)
    {
        let name = "EvaluateLowSampleCountPercentile";
        return Err(CloudWatchError::invalid(name, text));
    }
    let treatment = definition.treat_missing_data.as_deref();
    Ok(Rule {
        comparison: comparison(operator)?,
        threshold: definition.threshold.ok_or_else(|| missing("Threshold"))?,
        periods,
        to_alarm,
        missing: Treatment::parse(treatment).ok_or_else(|| {
            CloudWatchError::invalid("TreatMissingData", treatment.unwrap_or_default())
        })?,
    })
}

fn comparison(operator: &ComparisonOperator) -> Result<Comparison, CloudWatchError> {
    Comparison::of(operator).ok_or_else(|| {
        CloudWatchError::Validation(format!(
            "The embedded platform has no anomaly detection, which {operator} is for."
        ))
    })
}

fn check_period(period: i32, periods: usize) -> Result<(), CloudWatchError> {
    if period < SHORTEST || Span::new(EpochMillis(0), EpochMillis(0), period).is_err() {
        return Err(CloudWatchError::Validation(
            "Period must be 10, 20, 30 or a multiple of 60.".to_owned(),
        ));
    }
    let (most, words) = if period >= HOUR {
        (7 * DAY, "seven days")
    } else {
        (DAY, "a day")
    };
    let looked_at = i64::try_from(periods).map(|periods| periods.saturating_mul(period.into()));
    if looked_at.is_ok_and(|seconds| seconds <= most) {
        return Ok(());
    }
    Err(CloudWatchError::Validation(format!(
        "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be \
         <= {most})."
    )))
}
