//! `GetMetricStatistics`: the statistics of one metric, per unit.

use std::collections::BTreeMap;

use seaway_aws_wire::cloudwatch::{
    Datapoint, GetMetricStatisticsRequest, GetMetricStatisticsResponse, StandardUnit,
    Statistic as WireStatistic,
};

use super::{CloudWatch, CloudWatchError, moment, naming, timestamp};
use crate::clock::EpochMillis;
use crate::metrics::{Metric, Samples, Series, Span, Statistic, by_period};
use crate::store::{SampleSelection, StoredSamples};

const MOST_DATAPOINTS: i64 = 1440;

impl CloudWatch {
    pub(super) fn get_statistics(
        &self,
        request: &GetMetricStatisticsRequest,
    ) -> Result<GetMetricStatisticsResponse, CloudWatchError> {
        let extended = extended(request)?;
        let span = span(request)?;
        let metric = Metric {
            namespace: request.namespace.clone(),
            name: request.metric_name.clone(),
            dimensions: naming::dimensions(request.dimensions.as_deref(), "")?,
        };
        let selection = SampleSelection {
            metric: &metric,
            span,
            unit: request.unit.as_ref().map(StandardUnit::as_str),
        };
        let found = self.store.read(|view| view.samples(selection))?;
        let simple = request.statistics.as_deref().unwrap_or_default();
        let datapoints = by_unit(found, span).into_iter().flat_map(|(unit, series)| {
            let datapoint = |(at, samples)| datapoint(at, &samples, &unit, simple, &extended);
            series.into_iter().map(datapoint).collect::<Vec<_>>()
        });
        Ok(GetMetricStatisticsResponse {
            datapoints: Some(datapoints.collect()),
            label: Some(metric.name),
        })
    }
}

/// Numbers of different units are not mixed.
fn by_unit(found: Vec<StoredSamples>, span: Span) -> BTreeMap<String, Series> {
    let mut units: BTreeMap<String, Vec<(EpochMillis, Samples)>> = BTreeMap::new();
    for StoredSamples { at, unit, samples } in found {
        units.entry(unit).or_default().push((at, samples));
    }
    let units = units.into_iter();
    units
        .map(|(unit, samples)| (unit, by_period(samples, span)))
        .collect()
}

fn datapoint(
    at: EpochMillis,
    samples: &Samples,
    unit: &str,
    simple: &[WireStatistic],
    extended: &[(String, Statistic)],
) -> Datapoint {
    let value = |wanted: WireStatistic, statistic| {
        simple
            .contains(&wanted)
            .then(|| samples.value(statistic))
            .flatten()
    };
    let percentiles = extended
        .iter()
        .filter_map(|(name, statistic)| Some((name.clone(), samples.value(*statistic)?)));
    Datapoint {
        timestamp: timestamp(at),
        unit: Some(StandardUnit::from(unit)),
        average: value(WireStatistic::Average, Statistic::Average),
        maximum: value(WireStatistic::Maximum, Statistic::Maximum),
        minimum: value(WireStatistic::Minimum, Statistic::Minimum),
        sample_count: value(WireStatistic::SampleCount, Statistic::SampleCount),
        sum: value(WireStatistic::Sum, Statistic::Sum),
        extended_statistics: (!extended.is_empty()).then(|| percentiles.collect()),
    }
}

/// The percentiles that are asked for, by what the request calls them.
fn extended(
    request: &GetMetricStatisticsRequest,
) -> Result<Vec<(String, Statistic)>, CloudWatchError> {
    let given = request.extended_statistics.as_deref().unwrap_or_default();
    if given.is_empty() && request.statistics.as_ref().is_none_or(Vec::is_empty) {
        return Err(CloudWatchError::Combination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified."
                .to_owned(),
        ));
    }
    let read = |name: &String| match Statistic::parse(name) {
        Some(percentile @ Statistic::Percentile(_)) => Ok((name.clone(), percentile)),
        _ => Err(CloudWatchError::invalid("ExtendedStatistics", name)),
    };
    given.iter().map(read).collect()
}

fn span(request: &GetMetricStatisticsRequest) -> Result<Span, CloudWatchError> {
    if request.start_time >= request.end_time {
        return Err(CloudWatchError::Combination(
            "The parameter StartTime must be less than the parameter EndTime.".to_owned(),
        ));
    }
    let (start, end) = (moment(request.start_time), moment(request.end_time));
    let span = Span::new(start, end, request.period)
        .map_err(|_| CloudWatchError::invalid("Period", request.period))?;
    let asked = span.count();
    if asked > MOST_DATAPOINTS {
        return Err(CloudWatchError::Combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range.",
            with_commas(asked),
            with_commas(MOST_DATAPOINTS)
        )));
    }
    Ok(span)
}

/// As AWS writes this number: `1,440`.
fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && at % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
