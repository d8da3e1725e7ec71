//! `PutMetricAlarm` and `DeleteAlarms`.

use std::collections::BTreeMap;

use seaway_aws_wire::cloudwatch::{
    DeleteAlarmsRequest, DeleteAlarmsResponse, PutMetricAlarmRequest, PutMetricAlarmResponse,
    StateValue,
};

use super::definition::Watch;
use super::history::{Change, note_change};
use super::reason::UNCHECKED;
use super::tags::tagged;
use crate::clock::EpochMillis;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError};
use crate::store::{AlarmRecord, AlarmState};

/// Actions of each kind.
const MOST_ACTIONS: usize = 5;

impl CloudWatch {
    pub(in crate::services::cloudwatch) fn put_alarm(
        &self,
        mut definition: PutMetricAlarmRequest,
        now: EpochMillis,
    ) -> Result<PutMetricAlarmResponse, CloudWatchError> {
        Watch::read(&definition)?;
        check_actions(&definition)?;
        let tags = definition.tags.take().unwrap_or_default();
        let name = definition.alarm_name.clone();
        self.store.write(|tx| {
            // What exists keeps its state and its tags; the rest is replaced.
            let (record, change) = match tx.alarm(&name)? {
                Some(record) => {
                    let record = AlarmRecord {
                        definition,
                        configured_at: now,
                        ..record
                    };
                    (record, Change::Update)
                }
                None => {
                    let record = AlarmRecord {
                        definition,
                        tags: tagged(BTreeMap::new(), tags)?,
                        configured_at: now,
                        state: unchecked(now),
                    };
                    (record, Change::Create)
                }
            };
            tx.put_alarm(&record)?;
            note_change(tx, &record.definition, change, now)?;
            Ok::<_, CloudWatchError>(())
        })?;
        self.evaluated.forget(&name);
        self.changes.tell();
        Ok(PutMetricAlarmResponse {})
    }

    /// Names that no alarm has are passed over, as on AWS.
    pub(in crate::services::cloudwatch) fn delete_alarms(
        &self,
        request: &DeleteAlarmsRequest,
        now: EpochMillis,
    ) -> Result<DeleteAlarmsResponse, CloudWatchError> {
        self.store.write(|tx| {
            for name in &request.alarm_names {
                if let Some(record) = tx.alarm(name)? {
                    tx.remove_alarm(name)?;
                    note_change(tx, &record.definition, Change::Delete, now)?;
                }
            }
            Ok::<_, CloudWatchError>(())
        })?;
        self.changes.tell();
        Ok(DeleteAlarmsResponse {})
    }
}

fn unchecked(now: EpochMillis) -> AlarmState {
    AlarmState {
        value: StateValue::InsufficientData,
        reason: UNCHECKED.to_owned(),
        reason_data: None,
        updated_at: now,
        transitioned_at: now,
    }
}

fn check_actions(definition: &PutMetricAlarmRequest) -> Result<(), CloudWatchError> {
    let lists = [
        ("AlarmActions", &definition.alarm_actions),
        ("OKActions", &definition.ok_actions),
        (
            "InsufficientDataActions",
            &definition.insufficient_data_actions,
        ),
    ];
    for (name, actions) in lists {
        let actions = actions.as_deref().unwrap_or_default();
        if actions.len() > MOST_ACTIONS {
            return Err(CloudWatchError::Validation(format!(
                "The collection {name} must not have a size greater than {MOST_ACTIONS}."
            )));
        }
        if let Some(action) = actions.iter().find(|action| !action.starts_with("arn:")) {
            return Err(CloudWatchError::Validation(format!(
                "Invalid arn syntax: {action}"
            )));
        }
    }
    Ok(())
}
