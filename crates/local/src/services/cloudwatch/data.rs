//! `GetMetricData`: several series at once, in pages.

use std::collections::BTreeSet;

use seaway_aws_wire::cloudwatch::{
    GetMetricDataRequest, GetMetricDataResponse, MetricDataQuery, MetricDataResult, ScanBy,
    StandardUnit, StatusCode,
};

use super::{CloudWatch, CloudWatchError, moment, naming, timestamp};
use crate::clock::EpochMillis;
use crate::metrics::{Metric, Samples, Series, Span, Statistic, by_period};
use crate::store::{SampleSelection, StoreError, View};

const MOST_QUERIES: usize = 500;
/// Values of one answer.
const MOST_VALUES: usize = 100_800;

/// One series that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) metric: Metric,
    pub(super) statistic: Statistic,
    /// Seconds.
    pub(super) period: i32,
    pub(super) unit: Option<String>,
}

/// Values of one statistic by time.
type Values = Vec<(EpochMillis, f64)>;

impl CloudWatch {
    pub(super) fn get_data(
        &self,
        request: &GetMetricDataRequest,
    ) -> Result<GetMetricDataResponse, CloudWatchError> {
        if request.start_time >= request.end_time {
            return Err(CloudWatchError::Validation(
                "The parameter StartTime must be less than the parameter EndTime.".to_owned(),
            ));
        }
        let queries = queries(&request.metric_data_queries)?;
        let (start, end) = (moment(request.start_time), moment(request.end_time));
        let found = self.store.read(|view| {
            let read = |query| {
                let mut values = values(view, query, start, end)?;
                if request.scan_by != Some(ScanBy::TimestampAscending) {
                    values.reverse();
                }
                Ok::<_, CloudWatchError>((query, values))
            };
            queries.iter().map(read).collect::<Result<Vec<_>, _>>()
        })?;
        let mut page = Page::of(request)?;
        let results = found
            .into_iter()
            .filter_map(|(query, values)| page.take(query, values));
        let results = results.collect();
        Ok(GetMetricDataResponse {
            metric_data_results: Some(results),
            messages: Some(Vec::new()),
            next_token: page.next_token(),
        })
    }
}

/// What is left to skip and to take of all values, in the order of queries.
struct Page {
    skip: usize,
    left: usize,
    /// Where the next page begins.
    end: usize,
    more: bool,
}

impl Page {
    fn of(request: &GetMetricDataRequest) -> Result<Self, CloudWatchError> {
        let token = request.next_token.as_deref();
        let skip = token.map(str::parse).transpose();
        let skip = skip.map_err(|_| CloudWatchError::Token)?.unwrap_or(0);
        let asked = request.max_datapoints.map(usize::try_from);
        let left = asked.and_then(Result::ok).unwrap_or(MOST_VALUES);
        let left = left.clamp(1, MOST_VALUES);
        Ok(Self {
            skip,
            left,
            end: skip.saturating_add(left),
            more: false,
        })
    }

    /// The part of a series that is in this page; none of one that was told of before. On the
    /// first page every series is told of, an empty one, too.
    fn take(&mut self, query: &Query, values: Values) -> Option<MetricDataResult> {
        let skipped = self.skip.min(values.len());
        self.skip -= skipped;
        let here = self.left.min(values.len() - skipped);
        if skipped > 0 && skipped == values.len() {
            return None;
        }
        self.left -= here;
        let complete = skipped + here == values.len();
        self.more |= !complete;
        let part = values.into_iter().skip(skipped).take(here);
        let (times, values): (Vec<_>, Vec<_>) = part
            .filter_map(|(at, value)| Some((timestamp(at)?, value)))
            .unzip();
        Some(MetricDataResult {
            id: Some(query.id.clone()),
            label: Some(query.label.clone()),
            timestamps: Some(times),
            values: Some(values),
            status_code: Some(if complete {
                StatusCode::Complete
            } else {
                StatusCode::PartialData
            }),
            messages: None,
        })
    }

    fn next_token(&self) -> Option<String> {
        self.more.then(|| self.end.to_string())
    }
}

/// The values of a query, the oldest first.
fn values(
    view: &View<'_>,
    query: &Query,
    start: EpochMillis,
    end: EpochMillis,
) -> Result<Values, CloudWatchError> {
    let span = Span::new(start, end, query.period)
        .map_err(|_| CloudWatchError::invalid("Period", query.period))?;
    let series = query.samples(view, span)?;
    let value = |(at, samples): (EpochMillis, Samples)| Some((at, query.value(&samples)?));
    Ok(series.into_iter().filter_map(value).collect())
}

/// The series that a request wants to have. Metric math is refused.
fn queries(given: &[MetricDataQuery]) -> Result<Vec<Query>, CloudWatchError> {
    if given.len() > MOST_QUERIES {
        return Err(CloudWatchError::Validation(format!(
            "The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        )));
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = given.iter().find(|query| !ids.insert(&query.id)) {
        return Err(CloudWatchError::Validation(format!(
            "The values for parameter id in MetricDataQueries are not unique: {}.",
            twice.id
        )));
    }
    let read = |(query, at): (&MetricDataQuery, usize)| {
        Query::read(query, &format!("MetricDataQueries.member.{at}."))
    };
    let mut queries = given
        .iter()
        .zip(1..)
        .map(|numbered| Ok((numbered.0, read(numbered)?)))
        .collect::<Result<Vec<_>, CloudWatchError>>()?;
    queries.retain(|(given, _)| given.return_data != Some(false));
    Ok(queries.into_iter().map(|(_, query)| query).collect())
}

impl Query {
    /// Reads a query; `path` is where it is in the request.
    pub(super) fn read(query: &MetricDataQuery, path: &str) -> Result<Self, CloudWatchError> {
        let MetricDataQuery { id, label, .. } = query;
        if !is_id(id) {
            return Err(CloudWatchError::Validation(format!(
                "The value {id} for parameter {path}Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        let stat = match (&query.metric_stat, &query.expression) {
            (Some(stat), None) => stat,
            (None, Some(expression)) => {
                return Err(CloudWatchError::Validation(format!(
                    "Error in expression '{id}': the embedded platform has no metric math: \
                     {expression}"
                )));
            }
            _ => {
                return Err(CloudWatchError::Validation(format!(
                    "Exactly one of the parameters {path}MetricStat and {path}Expression must be \
                     specified."
                )));
            }
        };
        let path = format!("{path}MetricStat.");
        let metric = naming::metric(&stat.metric, &format!("{path}Metric."))?;
        let statistic = Statistic::parse(&stat.stat)
            .ok_or_else(|| CloudWatchError::invalid(format!("{path}Stat"), &stat.stat))?;
        Ok(Self {
            id: id.clone(),
            label: label.clone().unwrap_or_else(|| metric.name.clone()),
            metric,
            statistic,
            period: stat.period,
            unit: stat.unit.as_ref().map(StandardUnit::to_string),
        })
    }

    /// The numbers of the query, summed up by period.
    pub(super) fn samples(&self, view: &View<'_>, span: Span) -> Result<Series, StoreError> {
        let found = view.samples(SampleSelection {
            metric: &self.metric,
            span,
            unit: self.unit.as_deref(),
        })?;
        let found = found.into_iter().map(|one| (one.at, one.samples));
        Ok(by_period(found, span))
    }

    /// The statistic of one period.
    pub(super) fn value(&self, samples: &Samples) -> Option<f64> {
        samples.value(self.statistic)
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_')
}
