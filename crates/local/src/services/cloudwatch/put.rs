//! `PutMetricData`: numbers, numbers with counts, and sets that were summed up elsewhere.

use seaway_aws_wire::cloudwatch::{
    MetricDatum, PutMetricDataRequest, PutMetricDataResponse, StandardUnit, StatisticSet,
};

use super::{CloudWatch, CloudWatchError, moment, naming};
use crate::clock::EpochMillis;
use crate::metrics::{Datum, Metric, Resolution, Samples};

const HOUR: i64 = 60 * 60 * 1000;
const MAX_AGE: i64 = 14 * 24 * HOUR;
const MAX_AHEAD: i64 = 2 * HOUR;
/// Metrics of one request, and values of one of them.
const MOST_DATA: usize = 1000;
const MOST_VALUES: usize = 150;
/// Values and counts are at most two to the power of this.
const MAX_POWER: f64 = 360.0;

impl CloudWatch {
    pub(super) fn put_data(
        &self,
        request: PutMetricDataRequest,
        now: EpochMillis,
    ) -> Result<PutMetricDataResponse, CloudWatchError> {
        let namespace = request.namespace;
        if namespace.starts_with("AWS/") {
            return Err(CloudWatchError::invalid("Namespace", namespace));
        }
        let entities = request.entity_metric_data.into_iter().flatten();
        let mut given = request.metric_data.unwrap_or_default();
        given.extend(entities.flat_map(|entity| entity.metric_data.unwrap_or_default()));
        if given.is_empty() {
            return Err(CloudWatchError::Missing("MetricData".to_owned()));
        }
        if given.len() > MOST_DATA {
            return Err(CloudWatchError::Value {
                name: "MetricData".to_owned(),
                value: format!("of {} metrics", given.len()),
                problem: format!("more than the {MOST_DATA} that one request may have"),
            });
        }
        let data = given.into_iter().zip(1..).map(|(datum, at)| {
            let path = format!("MetricData.member.{at}.");
            read(&namespace, datum, &path, now)
        });
        let data: Vec<Datum> = data.collect::<Result<_, _>>()?;
        self.record(&data)?;
        Ok(PutMetricDataResponse {})
    }
}

fn read(
    namespace: &str,
    datum: MetricDatum,
    path: &str,
    now: EpochMillis,
) -> Result<Datum, CloudWatchError> {
    let at = datum.timestamp.map_or(now, moment);
    if !(-MAX_AGE..=MAX_AHEAD).contains(&at.since(now)) {
        return Err(CloudWatchError::Value {
            name: format!("{path}Timestamp"),
            value: datum.timestamp.map(|at| at.to_string()).unwrap_or_default(),
            problem: "more than two weeks in the past or two hours in the future".to_owned(),
        });
    }
    let resolution = match datum.storage_resolution {
        Some(1) => Resolution::Second,
        None | Some(60) => Resolution::Minute,
        Some(other) => {
            return Err(CloudWatchError::invalid(
                format!("{path}StorageResolution"),
                other,
            ));
        }
    };
    let samples = read_samples(&datum, path)?;
    Ok(Datum {
        metric: Metric {
            namespace: namespace.to_owned(),
            dimensions: naming::dimensions(datum.dimensions.as_deref(), path)?,
            name: datum.metric_name,
        },
        unit: datum.unit.unwrap_or(StandardUnit::None).to_string(),
        at,
        resolution,
        samples,
    })
}

fn read_samples(datum: &MetricDatum, path: &str) -> Result<Samples, CloudWatchError> {
    let exclusive = |first: &str, second: &str| {
        let (first, second) = (format!("{path}{first}"), format!("{path}{second}"));
        Err(CloudWatchError::exclusive(&first, &second))
    };
    match (&datum.value, &datum.values, &datum.statistic_values) {
        (Some(_), Some(_), _) => exclusive("Value", "Values"),
        (Some(_), _, Some(_)) => exclusive("Value", "StatisticValues"),
        (_, Some(_), Some(_)) => exclusive("Values", "StatisticValues"),
        (Some(value), None, None) => {
            in_range(*value, &format!("{path}Value"))?;
            Ok(Samples::of(*value, 1.0))
        }
        (None, Some(values), None) => several(values, datum.counts.as_deref(), path),
        (None, None, Some(set)) => summed_up(set, &format!("{path}StatisticValues.")),
        (None, None, None) => Err(CloudWatchError::Combination(format!(
            "At least one of the parameters {path}Value, {path}Values and {path}StatisticValues \
             must be specified."
        ))),
    }
}

/// Values with their counts, each 1 where none are given.
fn several(values: &[f64], counts: Option<&[f64]>, path: &str) -> Result<Samples, CloudWatchError> {
    let name = format!("{path}Values");
    if values.len() > MOST_VALUES {
        return Err(CloudWatchError::Value {
            name,
            value: format!("of {} values", values.len()),
            problem: format!("more than the {MOST_VALUES} that one metric may have"),
        });
    }
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        return Err(CloudWatchError::Combination(format!(
            "The parameters {path}Values and {path}Counts must be of the same size."
        )));
    }
    let ones = vec![1.0; values.len()];
    let mut samples: Option<Samples> = None;
    for (value, count) in values.iter().zip(counts.unwrap_or(&ones)) {
        in_range(*value, &name)?;
        positive(*count, &format!("{path}Counts"))?;
        let next = Samples::of(*value, *count);
        match &mut samples {
            Some(samples) => samples.merge(&next),
            None => samples = Some(next),
        }
    }
    samples.ok_or(CloudWatchError::Missing(name))
}

/// A set whose values only the client has seen.
fn summed_up(set: &StatisticSet, path: &str) -> Result<Samples, CloudWatchError> {
    positive(set.sample_count, &format!("{path}SampleCount"))?;
    for (name, value) in [
        ("Sum", set.sum),
        ("Minimum", set.minimum),
        ("Maximum", set.maximum),
    ] {
        in_range(value, &format!("{path}{name}"))?;
    }
    if set.minimum > set.maximum {
        return Err(CloudWatchError::Combination(format!(
            "The parameter {path}Minimum must not be greater than the parameter {path}Maximum."
        )));
    }
    // Equal values are known without having been seen.
    let equal = Samples::of(set.minimum, set.sample_count);
    Ok(Samples {
        count: set.sample_count,
        sum: set.sum,
        minimum: set.minimum,
        maximum: set.maximum,
        distribution: equal
            .distribution
            .filter(|_| set.minimum.total_cmp(&set.maximum).is_eq()),
    })
}

fn in_range(value: f64, name: &str) -> Result<(), CloudWatchError> {
    let within = value.abs() <= MAX_POWER.exp2();
    within
        .then_some(())
        .ok_or_else(|| CloudWatchError::invalid(name, value))
}

fn positive(count: f64, name: &str) -> Result<(), CloudWatchError> {
    in_range(count, name)?;
    (count > 0.0)
        .then_some(())
        .ok_or_else(|| CloudWatchError::invalid(name, count))
}
