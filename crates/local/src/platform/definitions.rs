//! Finding task definitions by the names clients give them.

use super::records::{TaskDefinitionRecord, task_definition_key};
use crate::store::{Store, StoreError};

/// A task definition by its ARN, by `family:revision`, or by `family` alone: the newest active one.
pub fn find(store: &Store, name: &str) -> Result<Option<TaskDefinitionRecord>, StoreError> {
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.split_once(':') {
        Some((family, revision)) => {
            let Ok(revision) = revision.parse() else {
                return Ok(None);
            };
            store.read(|view| view.get(&task_definition_key(family, revision)))
        }
        None => newest(store, name),
    }
}

fn newest(store: &Store, family: &str) -> Result<Option<TaskDefinitionRecord>, StoreError> {
    let all = store.read(|view| view.list::<TaskDefinitionRecord>(&format!("{family}:")))?;
    Ok(all
        .into_iter()
        .map(|(_, record)| record)
        .rev()
        .find(is_active))
}

/// Whether new tasks may be started from it.
pub fn is_active(record: &TaskDefinitionRecord) -> bool {
    record.definition.status == Some(seaway_aws_wire::ecs::TaskDefinitionStatus::Active)
}
