//! `DescribeAlarms` and `DescribeAlarmsForMetric`.

use seaway_aws_wire::cloudwatch::{
    AlarmType, DescribeAlarmsForMetricRequest, DescribeAlarmsForMetricResponse,
    DescribeAlarmsRequest, DescribeAlarmsResponse, MetricAlarm, PutMetricAlarmRequest,
};

use super::arn_of;
use super::definition::Watch;
use crate::metrics::Metric;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError, naming, timestamp};
use crate::services::sorted_page::SortedPage;
use crate::store::AlarmRecord;

const MOST_RECORDS: usize = 100;
/// The size of a page where the request names none.
const PAGE: usize = 50;

impl CloudWatch {
    pub(in crate::services::cloudwatch) fn describe_alarms(
        &self,
        request: &DescribeAlarmsRequest,
    ) -> Result<DescribeAlarmsResponse, CloudWatchError> {
        let names = request.alarm_names.as_ref();
        if names.is_some() && request.alarm_name_prefix.is_some() {
            return Err(CloudWatchError::exclusive("AlarmNames", "AlarmNamePrefix"));
        }
        let prefix = request.alarm_name_prefix.as_deref().unwrap_or_default();
        let mut alarms = self.store.read(|view| view.alarms(prefix))?;
        alarms.retain(|record| {
            let name = &record.definition.alarm_name;
            names.is_none_or(|names| names.contains(name)) && is_wanted(record, request)
        });
        let page = SortedPage {
            token: request.next_token.as_deref(),
            limit: request.max_records,
            usual: PAGE,
            most: MOST_RECORDS,
        };
        let (alarms, next_token) = page.of(alarms, |it| it.definition.alarm_name.clone())?;
        Ok(DescribeAlarmsResponse {
            metric_alarms: Some(alarms.into_iter().map(describe).collect()),
            composite_alarms: Some(Vec::new()),
            log_alarms: None,
            next_token,
        })
    }

    pub(in crate::services::cloudwatch) fn describe_alarms_for_metric(
        &self,
        request: &DescribeAlarmsForMetricRequest,
    ) -> Result<DescribeAlarmsForMetricResponse, CloudWatchError> {
        let metric = Metric {
            namespace: request.namespace.clone(),
            name: request.metric_name.clone(),
            dimensions: naming::dimensions(request.dimensions.as_deref(), "")?,
        };
        let mut alarms = self.store.read(|view| view.alarms(""))?;
        alarms.retain(|record| {
            let given = &record.definition;
            let watched = Watch::read(given).is_ok_and(|watch| watch.query.metric == metric);
            watched && is_read_alike(given, request)
        });
        Ok(DescribeAlarmsForMetricResponse {
            metric_alarms: Some(alarms.into_iter().map(describe).collect()),
        })
    }
}

/// Whether everything that the request asks for besides the name is there.
fn is_wanted(record: &AlarmRecord, request: &DescribeAlarmsRequest) -> bool {
    let definition = &record.definition;
    let actions = [
        &definition.alarm_actions,
        &definition.ok_actions,
        &definition.insufficient_data_actions,
    ];
    let acts = |prefix: &String| {
        let mut actions = actions.into_iter().flatten().flatten();
        actions.any(|action| action.starts_with(prefix))
    };
    let types = request.alarm_types.as_ref();
    // There are no composite alarms, so no alarm has parents or children.
    request.children_of_alarm_name.is_none()
        && request.parents_of_alarm_name.is_none()
        && types.is_none_or(|types| types.contains(&AlarmType::MetricAlarm))
        && request.action_prefix.as_ref().is_none_or(acts)
        && request
            .state_value
            .as_ref()
            .is_none_or(|value| *value == record.state.value)
}

/// Whether statistic, period and unit are those of the request, as far as it names them.
fn is_read_alike(
    definition: &PutMetricAlarmRequest,
    request: &DescribeAlarmsForMetricRequest,
) -> bool {
    let extended = &request.extended_statistic;
    (request.statistic.is_none() || request.statistic == definition.statistic)
        && (extended.is_none() || *extended == definition.extended_statistic)
        && (request.period.is_none() || request.period == definition.period)
        && (request.unit.is_none() || request.unit == definition.unit)
}

fn describe(record: AlarmRecord) -> MetricAlarm {
    let AlarmRecord {
        definition: given,
        state,
        configured_at,
        tags: _,
    } = record;
    MetricAlarm {
        alarm_arn: Some(arn_of(&given.alarm_name)),
        alarm_configuration_updated_timestamp: timestamp(configured_at),
        state_reason: Some(state.reason),
        state_reason_data: state.reason_data,
        state_transitioned_timestamp: timestamp(state.transitioned_at),
        state_updated_timestamp: timestamp(state.updated_at),
        state_value: Some(state.value),
        action_configuration: given.action_configuration,
        actions_enabled: Some(given.actions_enabled.unwrap_or(true)),
        alarm_actions: Some(given.alarm_actions.unwrap_or_default()),
        alarm_description: given.alarm_description,
        alarm_name: Some(given.alarm_name),
        comparison_operator: given.comparison_operator,
        datapoints_to_alarm: given.datapoints_to_alarm,
        dimensions: Some(given.dimensions.unwrap_or_default()),
        evaluate_low_sample_count_percentile: given.evaluate_low_sample_count_percentile,
        evaluation_periods: given.evaluation_periods,
        extended_statistic: given.extended_statistic,
        insufficient_data_actions: Some(given.insufficient_data_actions.unwrap_or_default()),
        metric_name: given.metric_name,
        metrics: given.metrics,
        namespace: given.namespace,
        ok_actions: Some(given.ok_actions.unwrap_or_default()),
        period: given.period,
        statistic: given.statistic,
        threshold: given.threshold,
        treat_missing_data: given.treat_missing_data,
        unit: given.unit,
        ..MetricAlarm::default()
    }
}
