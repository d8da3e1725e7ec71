//! One service on its way to a revision, as it is seen from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::desired::RevisionId;
use crate::time::Timestamp;

mod ending;

pub use ending::{CountAim, Course, Next, Retreat, counted, next};

/// A platform's name of a rollout; on ECS a deployment's id, `ecs-svc/N`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RolloutId(pub String);

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub desired: u32,
    pub running: u32,
    pub pending: u32,
    /// Consecutive failures, as ECS counts them.
    pub failed: u32,
}

/// What a poll saw of one service's rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub rollout: RolloutId,
    pub state: RolloutState,
    /// The platform's words for the state.
    pub reason: Option<String>,
    /// Tasks of the revision that is being rolled out.
    pub new: Counts,
    /// Tasks of all other revisions.
    pub old: Counts,
    /// The platform's events since the rollout began, oldest first, each with a stable id.
    pub events: Vec<PlatformEvent>,
    /// Tasks of the new revision, live and recently stopped.
    pub tasks: Vec<TaskSeen>,
}

/// How a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    InProgress,
    /// A rollback was asked for or is under way.
    RollingBack,
    Succeeded,
    /// The service is back on an older revision.
    RolledBack {
        to: Option<RevisionId>,
    },
    /// A newer rollout of the same service took its place: neither a success nor a rollback.
    Superseded {
        by: Option<RolloutId>,
    },
    Failed,
}

impl RolloutState {
    /// Nothing follows this state.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::InProgress | Self::RollingBack)
    }
}

/// A line of the platform's own account of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformEvent {
    pub id: String,
    pub at: Timestamp,
    pub message: String,
}

/// A task as DescribeTasks and the load balancer show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSeen {
    pub id: String,
    /// PROVISIONING ... STOPPED.
    pub status: String,
    pub started_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    /// Set as soon as the task is stopping.
    pub stop: Option<StopSeen>,
    pub target: Option<TargetSeen>,
    /// Log stream of its essential container.
    pub log_stream: Option<String>,
}

impl TaskSeen {
    /// Whether it lives and the load balancer holds it healthy.
    pub fn is_in_service(&self) -> bool {
        let state = self.target.as_ref().map(|target| target.state);
        self.stop.is_none() && state == Some(TargetState::Healthy)
    }

    /// Why it ended, unless somebody wanted it to.
    pub fn failure(&self) -> Option<String> {
        let stop = self.stop.as_ref()?;
        (!stop.was_wanted()).then(|| stop.words())
    }
}

/// Why a task stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSeen {
    /// `TaskFailedToStart`, `EssentialContainerExited`, `ServiceSchedulerInitiated`, ...
    pub code: Option<String>,
    pub reason: String,
    pub exit_code: Option<i32>,
    /// The container's own reason, such as `OutOfMemoryError: ...`.
    pub container_reason: Option<String>,
}

impl StopSeen {
    /// The platform's words, the more specific ones first.
    pub fn words(&self) -> String {
        let exit = self.exit_code.map(|code| format!(" (exit code {code})"));
        let own = self.container_reason.as_ref();
        let reason = own.filter(|reason| !reason.is_empty());
        format!(
            "{}{}",
            reason.unwrap_or(&self.reason),
            exit.unwrap_or_default()
        )
    }

    /// The task ended by itself.
    pub fn is_crash(&self) -> bool {
        let code = self.code.as_deref();
        matches!(code, Some("EssentialContainerExited" | "TaskFailedToStart"))
    }

    /// The task was killed because it used more memory than it may.
    pub fn is_out_of_memory(&self) -> bool {
        let reason = self.container_reason.as_deref();
        reason.is_some_and(|reason| reason.contains("OutOfMemory"))
    }

    /// A person or the scheduler stopped the task, and not because it failed.
    fn was_wanted(&self) -> bool {
        let code = self.code.as_deref();
        matches!(code, Some("ServiceSchedulerInitiated" | "UserInitiated"))
            && !self.reason.contains("failed")
    }
}

/// The load balancer's opinion of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSeen {
    pub state: TargetState,
    /// `Target.ResponseCodeMismatch` and the like.
    pub reason: Option<String>,
    pub description: Option<String>,
}

/// States of a load balancer's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    Initial,
    Healthy,
    Unhealthy,
    Draining,
    Unused,
    Unavailable,
}

#[cfg(test)]
mod tests;
