//! A task as `DescribeTasks` shows it. Its transitions are in [`crate::lifecycle`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Elapsed, Millis};
use crate::id::{DeploymentId, TargetGroupArn, TaskId};
use crate::protection::Protection;

/// A task, from its launch until it is retired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The last part of its ARN.
    pub id: TaskId,
    /// `startedBy`, and the revision it runs; none for a standalone task.
    pub deployment: Option<DeploymentId>,
    /// ARN of the task definition.
    pub task_definition: String,
    /// `lastStatus`.
    pub status: TaskStatus,
    /// `desiredStatus`.
    pub desired: DesiredStatus,
    /// Its containers.
    pub containers: Vec<ContainerState>,
    /// Where it is, or will be, registered.
    pub targets: Vec<Target>,
    /// When it was launched.
    pub created_at: Millis,
    /// When the first image began to be fetched.
    pub pull_started_at: Option<Millis>,
    /// When the last image was there.
    pub pull_stopped_at: Option<Millis>,
    /// When it became `RUNNING`.
    pub started_at: Option<Millis>,
    /// When it was told to stop, or began to end by itself.
    pub stopping_at: Option<Millis>,
    /// When its last container had ended.
    pub execution_stopped_at: Option<Millis>,
    /// When nothing of it was left.
    pub stopped_at: Option<Millis>,
    /// What kind of end it was.
    pub stop_code: Option<StopCode>,
    /// The text beside it.
    pub stopped_reason: Option<String>,
    /// When it became `RUNNING`, in the timers' time.
    pub(crate) running_since: Option<Elapsed>,
    /// When the wait for unused targets ends.
    pub(crate) draining_until: Option<Elapsed>,
    /// Neither a smaller count nor a roll stops it.
    #[serde(default)]
    pub(crate) protection: Option<Protection>,
    /// What the scheduler last thought of it.
    pub(crate) standing: Standing,
    /// It has counted as a failure of its deployment.
    pub(crate) failure_counted: bool,
    /// Its deployment knows that it reached `RUNNING`.
    pub(crate) ever_ran: bool,
    /// It was healthy at some time.
    pub(crate) ever_healthy: bool,
}

/// ECS: `lastStatus`, in the order of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// Launched.
    Provisioning,
    /// Resources are there; images are fetched, containers created.
    Pending,
    /// Containers run; the load balancer is told.
    Activating,
    /// Runs.
    Running,
    /// Targets drain.
    Deactivating,
    /// Containers are told to end.
    Stopping,
    /// Containers have ended; resources are freed.
    Deprovisioning,
    /// Nothing is left.
    Stopped,
}

/// ECS: `desiredStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredStatus {
    /// To run.
    Running,
    /// To end.
    Stopped,
}

/// ECS: `healthStatus` of a task or container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    /// No check, or none has come to an end.
    Unknown,
    /// The check passes.
    Healthy,
    /// The check fails.
    Unhealthy,
}

/// ECS: `stopCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    /// Image, secret, resource or command was missing.
    TaskFailedToStart,
    /// A container it cannot do without ended.
    EssentialContainerExited,
    /// `StopTask`.
    UserInitiated,
    /// The service no longer wanted it.
    ServiceSchedulerInitiated,
    /// The machine lost it.
    InfrastructureHealth,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerState {
    /// Its name in the task definition.
    pub name: String,
    /// The task ends with it.
    pub essential: bool,
    /// The task definition gives it a health check.
    pub health_check: bool,
    /// From the stop signal to SIGKILL.
    pub stop_timeout: Duration,
    /// Its own health check's state.
    pub health: HealthStatus,
    /// What its image's tag was resolved to.
    pub image_digest: Option<String>,
    /// It has ended.
    pub exited: bool,
    /// How, where somebody saw it.
    pub exit_code: Option<i32>,
    /// Why, where ECS says more: memory.
    pub reason: Option<String>,
}

/// A task in a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The group.
    pub group: TargetGroupArn,
    /// The container that answers.
    pub container: String,
    /// The container's port.
    pub port: u16,
    /// How far it is.
    pub state: TargetState,
}

/// What the scheduler knows of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetState {
    /// Not to be registered yet.
    Waiting,
    /// Registration was asked for.
    Registering,
    /// Registered, not checked yet.
    Initial,
    /// Passes its check.
    Healthy,
    /// Fails its check.
    Unhealthy {
        /// The load balancer's description.
        description: String,
    },
    /// Deregistration was asked for.
    Draining,
    /// Not registered any more, or never was.
    Unused,
}

/// A scheduler's opinion of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// Too early to say.
    Waiting,
    /// Counts for the floor.
    Healthy,
    /// To be replaced.
    Unhealthy,
}

impl Task {
    /// `healthStatus`: over the essential containers that define a check.
    pub fn health(&self) -> HealthStatus {
        let mut checked = self
            .containers
            .iter()
            .filter(|c| c.essential && c.health_check)
            .map(|c| c.health);
        let Some(first) = checked.next() else {
            return HealthStatus::Unknown;
        };
        checked.fold(first, |worst, health| match (worst, health) {
            (HealthStatus::Unhealthy, _) | (_, HealthStatus::Unhealthy) => HealthStatus::Unhealthy,
            (HealthStatus::Unknown, _) | (_, HealthStatus::Unknown) => HealthStatus::Unknown,
            _ => HealthStatus::Healthy,
        })
    }

    /// It is to run and counts as healthy: 40 s of `RUNNING` (or the profile's time) without
    /// checks, else its container check, its targets, or both.
    pub fn is_healthy(&self) -> bool {
        self.is_wanted() && self.standing == Standing::Healthy
    }

    /// `runningCount` counts it.
    pub fn is_running(&self) -> bool {
        self.status == TaskStatus::Running
    }

    /// `pendingCount` counts it.
    pub fn is_pending(&self) -> bool {
        self.is_wanted() && self.status < TaskStatus::Running
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.desired == DesiredStatus::Running
    }

    pub(crate) fn is_unhealthy(&self) -> bool {
        self.is_wanted() && self.standing == Standing::Unhealthy
    }

    pub(crate) fn has_container_check(&self) -> bool {
        self.containers
            .iter()
            .any(|c| c.essential && c.health_check)
    }

    pub(crate) fn has_checks(&self) -> bool {
        !self.targets.is_empty() || self.has_container_check()
    }

    pub(crate) fn stop_timeout(&self) -> Duration {
        self.containers
            .iter()
            .map(|c| c.stop_timeout)
            .max()
            .unwrap_or_default()
    }
}

impl Target {
    /// The load balancer has, or is about to have, it.
    pub(crate) fn is_registered(&self) -> bool {
        !matches!(
            self.state,
            TargetState::Waiting | TargetState::Draining | TargetState::Unused
        )
    }
}
