//! What a turn wants done in the world.

use std::collections::BTreeMap;
use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{TargetGroupArn, TaskId};

use super::records::{Place, ServiceKey};

/// One thing to do. Every effect can be repeated without harm.
#[derive(Debug)]
pub(super) enum Effect {
    Launch(Box<LaunchOrder>),
    Stop {
        task: TaskId,
        timeout: Duration,
    },
    Register {
        task: TaskId,
        target_group: TargetGroupArn,
        port: u16,
    },
    Deregister {
        task: TaskId,
        target_group: TargetGroupArn,
    },
    /// The task is over and on record: the runtime may let go of it.
    Forget {
        task: TaskId,
    },
    /// Let time pass for the service after so long; none: not until something happens.
    Wake {
        service: ServiceKey,
        after: Option<Duration>,
    },
}

/// A task to be started.
#[derive(Debug, Clone)]
pub(super) struct LaunchOrder {
    pub(super) task: TaskId,
    pub(super) task_definition: String,
    pub(super) overrides: Option<wire::TaskOverride>,
    pub(super) place: Place,
    /// The service, or the group of a task of its own: names its volumes.
    pub(super) owner: String,
    pub(super) cluster: String,
    /// The number of the service's deployment; none for a task of its own.
    pub(super) deployment: Option<u64>,
    /// By container, the image that was fixed before: its tag may name another one by now.
    pub(super) digests: BTreeMap<String, String>,
}
