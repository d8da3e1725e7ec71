//! What the scheduler is told: by the API, by the runtime, by the router and by time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::configuration::DeploymentConfiguration;
use crate::id::{ServiceDeploymentId, TargetGroupArn, TaskId};
use crate::revision::Revision;
use crate::task::HealthStatus;

/// What an API call asks of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// `UpdateService`.
    Update(ServiceUpdate),
    /// `StopServiceDeployment` with stop type `ROLLBACK`.
    RollBack {
        /// The service deployment to be undone.
        service_deployment: ServiceDeploymentId,
    },
    /// `StopTask`; the task is replaced.
    StopTask {
        /// The task.
        task: TaskId,
        /// Shown as the task's `stoppedReason`.
        reason: String,
    },
    /// `UpdateTaskProtection`, for one task.
    Protect {
        /// The task.
        task: TaskId,
        /// For how long; none ends it.
        period: Option<Duration>,
    },
    /// `DeleteService`: drain, stop every task, then [`crate::Command::Deleted`].
    Delete,
}

/// `UpdateService`: what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceUpdate {
    /// Starts a deployment, also when it equals the current one (`forceNewDeployment`).
    pub revision: Option<Revision>,
    /// Scales without a deployment.
    pub desired_count: Option<u32>,
    /// Applies from now on, without a deployment.
    pub configuration: Option<DeploymentConfiguration>,
}

/// Why a request was not accepted. The state is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `ServiceNotActiveException`.
    #[error("the service is not active")]
    ServiceNotActive,
    /// `ServiceDeploymentNotFoundException`.
    #[error("service deployment {0} is not the current one of the service")]
    ServiceDeploymentNotFound(ServiceDeploymentId),
    /// `ConflictException`.
    #[error("service deployment {0} is no longer in progress")]
    ServiceDeploymentNotInProgress(ServiceDeploymentId),
    /// `InvalidParameterException`.
    #[error("the service has no running or pending task {0}")]
    TaskNotFound(TaskId),
    /// `DEPLOYMENT_BLOCKED`: protected tasks hold a deployment up already.
    #[error("task {0} would hold up a deployment that waits for protected tasks")]
    DeploymentBlocked(TaskId),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The runtime reports about a task.
    Task {
        /// The task.
        task: TaskId,
        /// What it reports.
        report: TaskReport,
    },
    /// The alarms that are in `ALARM` now, all of them; needed are those that the service watches.
    /// To be told with the update that names new ones, and whenever it changes.
    Alarms(Vec<String>),
    /// The router reports about a target.
    Target {
        /// The task.
        task: TaskId,
        /// The group.
        target_group: TargetGroupArn,
        /// The target's health there.
        health: TargetHealth,
    },
}

/// A runtime's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TaskReport {
    /// Resources are there; the task is `PENDING`.
    Provisioned,
    /// The first image is being fetched.
    PullStarted,
    /// All images are there.
    PullStopped {
        /// What the tags were resolved to.
        images: Vec<ContainerImage>,
    },
    /// All containers run.
    Started,
    /// The task will never run: `CannotPullContainerError: ...`, `ResourceInitializationError:
    /// ...`, a command that does not exist.
    FailedToStart {
        /// The container that it failed for; none where it failed for the task as a whole.
        container: Option<String>,
        /// Becomes the task's `stoppedReason`, and the reason of the container.
        reason: String,
    },
    /// A container ended, whoever ended it.
    ContainerExited {
        /// The container's name.
        container: String,
        /// How it ended.
        exit: Exit,
    },
    /// A container's own health check changed its mind.
    ContainerHealth {
        /// The container's name.
        container: String,
        /// The new state.
        health: HealthStatus,
    },
    /// Nothing of the task is left.
    Stopped,
}

/// The image that a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerImage {
    /// The container's name.
    pub container: String,
    /// `sha256:...`.
    pub digest: String,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself or by a signal (128 + number).
    Code(i32),
    /// Killed for its memory use: exit code 137 and the reason that ECS shows.
    OutOfMemory,
    /// Nobody saw how.
    Unknown,
}

/// A target's health, with the description that the load balancer shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetHealth {
    /// Registered, not checked yet.
    Initial,
    /// Gets requests.
    Healthy,
    /// Failed its checks.
    Unhealthy {
        /// `Health checks failed with these codes: [503]`, `Request timed out`,
        /// `Health checks failed`.
        description: String,
    },
    /// Deregistered, requests in flight may finish.
    Draining,
    /// Not registered.
    Unused,
}
