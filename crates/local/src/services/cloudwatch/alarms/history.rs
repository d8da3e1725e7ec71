//! What happened to alarms: recording it and reading it back.

use seaway_aws_wire::cloudwatch::{
    AlarmHistoryItem, AlarmType, DescribeAlarmHistoryRequest, DescribeAlarmHistoryResponse,
    HistoryItemType, PutMetricAlarmRequest, ScanBy,
};
use serde_json::{Value, json};

use crate::clock::EpochMillis;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError, moment, timestamp};
use crate::services::sorted_page::SortedPage;
use crate::store::{AlarmHistoryRecord, AlarmRecord, AlarmState, HistorySelection, StoreError, Tx};

const MOST_RECORDS: usize = 100;

/// How the definition of an alarm changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Create,
    Update,
    Delete,
}

/// Notes that the definition changed.
pub(super) fn note_change(
    tx: &Tx<'_>,
    definition: &PutMetricAlarmRequest,
    change: Change,
    now: EpochMillis,
) -> Result<(), StoreError> {
    let (kind, member, done) = match change {
        Change::Create => ("Create", "createdAlarm", "created"),
        Change::Update => ("Update", "updatedAlarm", "updated"),
        Change::Delete => ("Delete", "deletedAlarm", "deleted"),
    };
    let name = &definition.alarm_name;
    let data = json!({ "version": "1.0", "type": kind, (member): definition });
    let kind = HistoryItemType::ConfigurationUpdate;
    append(
        tx,
        name,
        now,
        &kind,
        format!("Alarm \"{name}\" {done}"),
        &data,
    )
}

/// Notes that the state became `new`.
pub(super) fn note_state(
    tx: &Tx<'_>,
    record: &AlarmRecord,
    new: &AlarmState,
) -> Result<(), StoreError> {
    let summary = format!("Alarm updated from {} to {}", record.state.value, new.value);
    let data = json!({
        "version": "1.0",
        "oldState": state(&record.state),
        "newState": state(new),
    });
    let name = &record.definition.alarm_name;
    let kind = HistoryItemType::StateUpdate;
    append(tx, name, new.updated_at, &kind, summary, &data)
}

fn append(
    tx: &Tx<'_>,
    alarm: &str,
    at: EpochMillis,
    kind: &HistoryItemType,
    summary: String,
    data: &Value,
) -> Result<(), StoreError> {
    tx.append_alarm_history(&AlarmHistoryRecord {
        seq: 0,
        alarm: alarm.to_owned(),
        at,
        kind: kind.to_string(),
        summary,
        data: data.to_string(),
    })
}

fn state(state: &AlarmState) -> Value {
    let mut value = json!({ "stateValue": state.value, "stateReason": state.reason });
    // It is JSON where the platform wrote it; a client may have set any text.
    if let Some(data) = &state.reason_data {
        value["stateReasonData"] = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
    }
    value
}

impl CloudWatch {
    pub(in crate::services::cloudwatch) fn describe_history(
        &self,
        request: &DescribeAlarmHistoryRequest,
    ) -> Result<DescribeAlarmHistoryResponse, CloudWatchError> {
        let selection = HistorySelection {
            alarm: request.alarm_name.as_deref(),
            kind: request
                .history_item_type
                .as_ref()
                .map(HistoryItemType::as_str),
            from: request.start_date.map_or(EpochMillis(i64::MIN), moment),
            until: request.end_date.map_or(EpochMillis(i64::MAX), moment),
        };
        let mut records = self.store.read(|view| view.alarm_history(selection))?;
        let types = request.alarm_types.as_deref();
        if types.is_some_and(|types| !types.contains(&AlarmType::MetricAlarm)) {
            records.clear();
        }
        let ascending = request.scan_by == Some(ScanBy::TimestampAscending);
        if !ascending {
            records.reverse();
        }
        let key = |record: &AlarmHistoryRecord| {
            let seq = if ascending {
                record.seq
            } else {
                i64::MAX - record.seq
            };
            format!("{seq:020}")
        };
        let token = request.next_token.as_deref();
        let page = SortedPage::of_up_to(MOST_RECORDS, token, request.max_records);
        let (records, next_token) = page.of(records, key)?;
        Ok(DescribeAlarmHistoryResponse {
            alarm_history_items: Some(records.into_iter().map(item).collect()),
            next_token,
        })
    }
}

fn item(record: AlarmHistoryRecord) -> AlarmHistoryItem {
    AlarmHistoryItem {
        alarm_name: Some(record.alarm),
        alarm_type: Some(AlarmType::MetricAlarm),
        timestamp: timestamp(record.at),
        history_item_type: Some(HistoryItemType::from(record.kind.as_str())),
        history_summary: Some(record.summary),
        history_data: Some(record.data),
        ..AlarmHistoryItem::default()
    }
}
