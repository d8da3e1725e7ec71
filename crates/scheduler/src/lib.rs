//! The ECS service scheduler as a pure, synchronous state machine.
//!
//! It reads no clock, does no IO and draws no random numbers of its own: everything it decides
//! follows from its state, the time and the input it is given. Its specification is the behaviour
//! of Amazon ECS (rolling updates, circuit breaker, service deployments, task life cycle).
//!
//! The unit of state is one [`Service`]; services never influence each other. A task that belongs
//! to no service is a [`StandaloneTask`], which shares the life cycle of [`Task`].
//!
//! # How to drive it
//!
//! 1. [`Service::create`] and [`Service::request`] record what an API call wants and answer what
//!    the API answers (a new `PRIMARY` at desired count 0). They act on nothing but a task that
//!    was stopped by name.
//! 2. [`Service::step`] takes one report of runtime or router, or a [`Input::Tick`], and returns
//!    the [`Command`]s to carry out.
//! 3. Each returned list holds at most one [`Command::WakeAfter`]; it replaces the wake-up of the
//!    list before, and a list without one cancels it. Measure it on a monotonic clock and answer
//!    with a `Tick`.
//! 4. State is plain `serde` data. Store it before carrying the commands out; after a restart send
//!    [`Service::outstanding`], which repeats every command that the state still waits for. All
//!    commands can be repeated without harm. Processes and targets of tasks that the state does
//!    not hold are left over from before and must be removed. Then send a `Tick`.
//!
//! # What is expected of runtime and router
//!
//! - A [`Command::Launch`] is answered by [`TaskReport`]s: `Provisioned`, `PullStarted`,
//!   `PullStopped`, `Started`, or `FailedToStart` with the reason. A container that exits before
//!   `Started` counts as a task that never reached `RUNNING`.
//! - Every task ends with exactly one [`Command::Stop`], which is answered by
//!   `ContainerExited` for each container and [`TaskReport::Stopped`] when nothing is left, also
//!   by a runtime that never heard of the task: its launch may have been lost in a crash. A
//!   task that vanished (machine restart) may report `Stopped` without having been asked.
//! - A [`Command::RegisterTarget`] is answered by a [`TargetHealth`], first `Initial`; a
//!   [`Command::DeregisterTarget`] by `Draining` and, when the delay is over, `Unused`.
//! - A report about a task that the state no longer holds is ignored.
#![doc(test(attr(deny(warnings))))]

mod alarms;
mod clock;
mod command;
mod completion;
mod configuration;
mod deployment;
mod id;
mod input;
mod judge;
mod lifecycle;
mod notices;
mod profile;
mod protection;
mod reconcile;
mod revision;
mod rollback;
mod rolling;
mod service;
mod service_deployment;
mod standalone;
mod task;

pub use alarms::{AlarmConfiguration, AlarmMonitor};
pub use clock::Millis;
pub use command::{Command, ServiceEvent};
pub use configuration::{
    Bounds, CircuitBreaker, DeploymentConfiguration, EarlySuccess, Percent, SourceCleanup,
    Threshold, ThresholdKind,
};
pub use deployment::{Deployment, DeploymentStatus, RolloutState};
pub use id::{DeploymentId, EventId, ServiceDeploymentId, TargetGroupArn, TaskId};
pub use input::{
    ContainerImage, Exit, Input, Refused, Request, ServiceUpdate, TargetHealth, TaskReport,
};
pub use profile::{Backoff, Profile};
pub use revision::{Container, Revision, TargetGroup};
pub use service::{NewService, Service, ServiceStatus};
pub use service_deployment::{
    BreakerMonitor, MonitorStatus, RevisionCounts, Rollback, ServiceDeployment,
    ServiceDeploymentStatus,
};
pub use standalone::{NewTask, StandaloneTask};
pub use task::{
    ContainerState, DesiredStatus, HealthStatus, StopCode, Target, TargetState, Task, TaskStatus,
};
