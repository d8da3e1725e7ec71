//! The streams of a task's containers, which are there before the first of them starts.

use super::LogTarget;
use crate::clock::EpochMillis;
use crate::store::{NewLogGroup, Store, StoreError, Tx};

/// Creates the streams of a task. Its start fails where there is nowhere to write to, in the words
/// of ECS: "ResourceInitializationError" in "Stopped task error messages", developer guide.
pub(in super::super) fn create_streams(
    store: &Store,
    targets: &[LogTarget],
) -> Result<(), CannotLog> {
    if targets.is_empty() {
        return Ok(());
    }
    let now = EpochMillis::now();
    store.write(|tx| {
        targets
            .iter()
            .try_for_each(|target| create_stream(tx, target, now))
    })
}

fn create_stream(tx: &Tx<'_>, target: &LogTarget, now: EpochMillis) -> Result<(), CannotLog> {
    let group = match tx.log_group(&target.group)? {
        Some(group) => group.id,
        None if target.creates_group => {
            tx.create_log_group(&NewLogGroup::named(&target.group), now)?
        }
        None => return Err(CannotLog::NoGroup),
    };
    if tx.log_stream(group, &target.stream)?.is_none() {
        tx.create_log_stream(group, &target.stream, now)?;
    }
    Ok(())
}

/// A task has nowhere to write its log to.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum CannotLog {
    #[error(
        "ResourceInitializationError: failed to validate logger args: create stream has been \
         retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The \
         specified log group does not exist."
    )]
    NoGroup,
    #[error("ResourceInitializationError: failed to create Cloudwatch log stream: {0}")]
    Store(#[from] StoreError),
}
