//! What the scheduler wants done: its only way out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::{DeploymentId, EventId, TargetGroupArn, TaskId};
use crate::service_deployment::ServiceDeployment;
use crate::task::Task;

/// One thing to do. Every command can be repeated without harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Provision, pull and start a task. It is in the state as `PROVISIONING`.
    Launch {
        /// The task.
        task: TaskId,
        /// The deployment whose revision it runs; none for a standalone task.
        deployment: Option<DeploymentId>,
    },
    /// Send the stop signal to every container that still runs, SIGKILL after the time-out, free
    /// everything, then report [`crate::TaskReport::Stopped`].
    Stop {
        /// The task.
        task: TaskId,
        /// The longest stop time-out of its containers.
        timeout: Duration,
    },
    /// Make a task a target and check its health.
    RegisterTarget {
        /// The task.
        task: TaskId,
        /// The group.
        target_group: TargetGroupArn,
        /// The container that answers.
        container: String,
        /// The container's port.
        port: u16,
    },
    /// Send no new request to a target, let those in flight finish, then report it unused.
    DeregisterTarget {
        /// The task.
        task: TaskId,
        /// The group.
        target_group: TargetGroupArn,
    },
    /// A service event; newest last. The platform keeps the latest 100.
    Emit(ServiceEvent),
    /// The task is `STOPPED` and has left the state; keep it for `DescribeTasks`.
    Retire(Box<Task>),
    /// The service deployment is final, a newer one exists, and it has left the state.
    Archive(Box<ServiceDeployment>),
    /// The service was deleted and its last task is gone.
    Deleted,
    /// Send a tick after this time, unless a later list of commands says otherwise.
    WakeAfter(Duration),
}

/// An entry of `services[].events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// A UUID.
    pub id: EventId,
    /// When it happened.
    pub created_at: Millis,
    /// The text that ECS uses.
    pub message: String,
}
