//! What a turn of the book has changed: rows to write, and effects that wait for them.

use std::collections::BTreeSet;

use super::effects::Effect;
use super::records::{
    ArchivedDeployment, RevisionRecord, RunRecord, ServiceKey, ServiceRecord, StandaloneRecord,
    StoppedRecord,
};
use crate::clock::EpochMillis;
use crate::store::{ServiceEvent, StoreError, Tx};

/// What is not written yet, and what may be done once it is.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) services: BTreeSet<ServiceKey>,
    pub(super) standalone: BTreeSet<String>,
    pub(super) rows: Vec<Row>,
    pub(super) effects: Vec<Effect>,
}

/// A write besides the records of what is alive.
#[derive(Debug)]
pub(super) enum Row {
    /// A service begins: what was said of an earlier one of its name is not about it.
    Begun(ServiceKey),
    /// A deleted service has had its time.
    Gone(ServiceKey),
    Revision(ServiceKey, u64, Box<RevisionRecord>),
    Run(String, RunRecord),
    Event(ServiceKey, seaway_scheduler::ServiceEvent),
    Stopped(Box<StoppedRecord>),
    Archived(ServiceKey, Box<ArchivedDeployment>),
    /// A task that belonged to nobody is `STOPPED`.
    Left(String),
}

impl Pending {
    /// Whether there is nothing to write.
    pub(super) fn is_clean(&self) -> bool {
        self.services.is_empty() && self.standalone.is_empty() && self.rows.is_empty()
    }
}

impl Row {
    /// Writes the row.
    pub(super) fn write(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        match self {
            Self::Begun(key) => tx.remove_service_events(&key.to_string()),
            Self::Gone(key) => {
                tx.remove_service_events(&key.to_string())?;
                tx.remove::<ServiceRecord>(&key.to_string())
            }
            Self::Revision(key, number, revision) => {
                tx.put(&revision_key(key, *number), &**revision)
            }
            Self::Run(key, run) => tx.put(key, run),
            Self::Event(key, event) => tx.append_service_event(
                &key.to_string(),
                &ServiceEvent {
                    id: event.id.as_str().to_owned(),
                    at: EpochMillis(event.created_at.0),
                    message: event.message.clone(),
                },
            ),
            Self::Stopped(record) => tx.put(record.task.id.as_str(), &**record),
            Self::Archived(key, archived) => {
                tx.put(&format!("{key}/{}", archived.deployment.id), &**archived)
            }
            Self::Left(id) => tx.remove::<StandaloneRecord>(id),
        }
    }
}

/// The key of a revision that its service does not have at hand.
pub(crate) fn revision_key(service: &ServiceKey, number: u64) -> String {
    format!("{service}/{number}")
}
