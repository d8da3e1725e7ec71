//! `services[].deployments[]`: one revision of a service and how far it got.

use serde::{Deserialize, Serialize};

use crate::clock::{Elapsed, Millis};
use crate::id::DeploymentId;
use crate::revision::Revision;

/// A deployment of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/N`; kept when a rollback promotes it again.
    pub id: DeploymentId,
    /// What its tasks run.
    pub revision: Revision,
    /// Its place.
    pub status: DeploymentStatus,
    /// How its last roll went.
    pub rollout_state: RolloutState,
    /// The text beside it.
    pub rollout_state_reason: String,
    /// How many tasks it is to have now: 0 right after the update that created it.
    pub desired_count: u32,
    /// Failures since the last healthy task.
    pub failed_tasks: u32,
    /// When it was created.
    pub created_at: Millis,
    /// When its status or rollout state last changed.
    pub updated_at: Millis,
    /// When it last completed; only such a deployment can be rolled back to.
    pub(crate) completed_at: Option<Millis>,
    /// What the circuit breaker has counted.
    pub(crate) breaker_failures: u32,
    /// Tasks in a row that never reached `RUNNING`.
    pub(crate) start_failures: u32,
    /// No task is launched before.
    pub(crate) launch_not_before: Option<Elapsed>,
    /// When everything of its roll was first in place.
    #[serde(default)]
    pub(crate) baking_since: Option<Elapsed>,
}

/// ECS: `deployments[].status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStatus {
    /// The latest, or the one that a rollback restored.
    Primary,
    /// Still has tasks.
    Active,
    /// Has none and is not shown; kept while it is what a rollback would restore.
    Inactive,
}

/// ECS: `deployments[].rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Rolling, or replaced while it rolled.
    InProgress,
    /// All tasks were healthy and no other was left.
    Completed,
    /// Too many of its tasks failed, or its rollback was requested.
    Failed,
}

impl Deployment {
    /// A new primary deployment, at desired count 0 until the first step.
    pub(crate) fn new(id: DeploymentId, revision: Revision, now: Millis) -> Deployment {
        Deployment {
            id,
            revision,
            status: DeploymentStatus::Primary,
            rollout_state: RolloutState::InProgress,
            rollout_state_reason: format!("ECS deployment {id} in progress."),
            desired_count: 0,
            failed_tasks: 0,
            created_at: now,
            updated_at: now,
            completed_at: None,
            breaker_failures: 0,
            start_failures: 0,
            launch_not_before: None,
            baking_since: None,
        }
    }

    pub(crate) fn complete(&mut self, now: Millis) {
        self.completed_at = Some(now);
        self.become_completed(now);
    }

    /// It has completed before, and the roll that restored it was replaced.
    pub(crate) fn become_completed(&mut self, now: Millis) {
        self.rollout_state = RolloutState::Completed;
        self.rollout_state_reason = format!("ECS deployment {} completed.", self.id);
        self.updated_at = now;
    }

    pub(crate) fn fail(&mut self, reason: &str, now: Millis) {
        self.rollout_state = RolloutState::Failed;
        self.rollout_state_reason = reason.to_owned();
        self.completed_at = None;
        self.updated_at = now;
    }

    /// Makes it primary again, under its own id.
    pub(crate) fn restore(&mut self, reason: String, now: Millis) {
        self.status = DeploymentStatus::Primary;
        self.rollout_state = RolloutState::InProgress;
        self.rollout_state_reason = reason;
        self.updated_at = now;
        self.failed_tasks = 0;
        self.breaker_failures = 0;
        self.baking_since = None;
        self.forget_failed_starts();
    }

    /// Ends throttling.
    pub(crate) fn forget_failed_starts(&mut self) {
        self.start_failures = 0;
        self.launch_not_before = None;
    }

    /// No task is launched for it before `deadline`.
    pub(crate) fn pause_until(&mut self, deadline: Elapsed) {
        self.launch_not_before = self.launch_not_before.max(Some(deadline));
    }

    /// Whether its tasks are replaced when they end: not those of a deployment that failed or
    /// was replaced before it ever completed.
    pub(crate) fn is_maintained(&self) -> bool {
        match self.status {
            DeploymentStatus::Primary => self.rollout_state != RolloutState::Failed,
            DeploymentStatus::Active => self.completed_at.is_some(),
            DeploymentStatus::Inactive => false,
        }
    }
}
