//! Why a task never ran, in the words of ECS.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::TaskReport;

/// A start that failed before there was a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct NotStarted {
    /// The container that it failed for; none where it failed for the task as a whole.
    container: Option<String>,
    /// The task's `stoppedReason`.
    reason: String,
}

impl NotStarted {
    /// It failed for this container.
    pub(super) fn of(container: &wire::ContainerDefinition, reason: impl ToString) -> Self {
        Self {
            container: container.name.clone(),
            reason: reason.to_string(),
        }
    }
}

impl From<String> for NotStarted {
    fn from(reason: String) -> Self {
        Self {
            container: None,
            reason,
        }
    }
}

impl From<NotStarted> for TaskReport {
    fn from(NotStarted { container, reason }: NotStarted) -> Self {
        Self::FailedToStart { container, reason }
    }
}
