//! The states of alarms for those on the platform who heed them, such as deployments.

use std::collections::BTreeMap;

use seaway_aws_wire::cloudwatch::StateValue;
use tokio::sync::watch;

use crate::services::cloudwatch::CloudWatch;
use crate::store::StoreError;

/// Wakes up who waits for alarms to change.
#[derive(Debug, Default)]
pub(in crate::services::cloudwatch) struct Changes(watch::Sender<()>);

impl Changes {
    pub(super) fn tell(&self) {
        self.0.send_replace(());
    }
}

impl CloudWatch {
    /// The states of these alarms by name. A name that no alarm has is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn alarm_states(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, StateValue>, StoreError> {
        self.store.read(|view| {
            let mut states = BTreeMap::new();
            for name in names {
                if let Some(record) = view.alarm(name)? {
                    states.insert(name.clone(), record.state.value);
                }
            }
            Ok(states)
        })
    }

    /// The names of all alarms that are in `ALARM`, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn in_alarm(&self) -> Result<Vec<String>, StoreError> {
        let alarms = self.store.read(|view| view.alarms(""))?.into_iter();
        let ringing = alarms.filter(|record| record.state.value == StateValue::Alarm);
        Ok(ringing.map(|record| record.definition.alarm_name).collect())
    }

    /// Is marked as changed whenever an alarm was made or deleted, or has got another state. What
    /// changed has been written by then.
    #[must_use]
    pub fn alarm_changes(&self) -> watch::Receiver<()> {
        self.changes.0.subscribe()
    }
}
