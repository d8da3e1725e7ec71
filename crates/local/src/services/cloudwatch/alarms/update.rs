//! Changing alarms without changing what they watch: their state, and whether they would act.

use seaway_aws_wire::cloudwatch::{
    DisableAlarmActionsRequest, DisableAlarmActionsResponse, EnableAlarmActionsRequest,
    EnableAlarmActionsResponse, SetAlarmStateRequest, SetAlarmStateResponse, StateValue,
};
use serde::de::IgnoredAny;

use super::history::{Change, note_change, note_state};
use crate::clock::EpochMillis;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError};
use crate::store::{AlarmRecord, AlarmState, StoreError, Tx};

/// A state that an alarm is to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewState {
    pub(super) value: StateValue,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
}

/// Whether alarms would act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actions {
    Enabled,
    Disabled,
}

impl CloudWatch {
    /// Until the alarm is evaluated the next time.
    pub(in crate::services::cloudwatch) fn set_alarm_state(
        &self,
        request: SetAlarmStateRequest,
        now: EpochMillis,
    ) -> Result<SetAlarmStateResponse, CloudWatchError> {
        let data = request.state_reason_data.as_deref();
        if data.is_some_and(|data| serde_json::from_str::<IgnoredAny>(data).is_err()) {
            return Err(CloudWatchError::NoJson("StateReasonData"));
        }
        self.store.write(|tx| {
            let record = tx.alarm(&request.alarm_name)?;
            let record = record.ok_or(CloudWatchError::NotFound)?;
            let new = NewState {
                value: request.state_value,
                reason: request.state_reason,
                reason_data: request.state_reason_data,
            };
            Ok::<_, CloudWatchError>(put_state(tx, record, new, now)?)
        })?;
        self.changes.tell();
        Ok(SetAlarmStateResponse {})
    }

    pub(in crate::services::cloudwatch) fn enable_actions(
        &self,
        request: &EnableAlarmActionsRequest,
        now: EpochMillis,
    ) -> Result<EnableAlarmActionsResponse, CloudWatchError> {
        self.set_actions(&request.alarm_names, Actions::Enabled, now)?;
        Ok(EnableAlarmActionsResponse {})
    }

    pub(in crate::services::cloudwatch) fn disable_actions(
        &self,
        request: &DisableAlarmActionsRequest,
        now: EpochMillis,
    ) -> Result<DisableAlarmActionsResponse, CloudWatchError> {
        self.set_actions(&request.alarm_names, Actions::Disabled, now)?;
        Ok(DisableAlarmActionsResponse {})
    }

    /// Names that no alarm has are passed over, as on AWS.
    fn set_actions(
        &self,
        names: &[String],
        actions: Actions,
        now: EpochMillis,
    ) -> Result<(), StoreError> {
        self.store.write(|tx| {
            for name in names {
                let Some(mut record) = tx.alarm(name)? else {
                    continue;
                };
                let enabled = actions == Actions::Enabled;
                if record.definition.actions_enabled.unwrap_or(true) == enabled {
                    continue;
                }
                record.definition.actions_enabled = Some(enabled);
                record.configured_at = now;
                tx.put_alarm(&record)?;
                note_change(tx, &record.definition, Change::Update, now)?;
            }
            Ok(())
        })
    }
}

/// Gives an alarm a state; only another value is a transition, and history.
pub(super) fn put_state(
    tx: &Tx<'_>,
    mut record: AlarmRecord,
    new: NewState,
    now: EpochMillis,
) -> Result<(), StoreError> {
    let transition = new.value != record.state.value;
    let state = AlarmState {
        value: new.value,
        reason: new.reason,
        reason_data: new.reason_data,
        updated_at: now,
        transitioned_at: if transition {
            now
        } else {
            record.state.transitioned_at
        },
    };
    if transition {
        note_state(tx, &record, &state)?;
    }
    record.state = state;
    tx.put_alarm(&record)
}
