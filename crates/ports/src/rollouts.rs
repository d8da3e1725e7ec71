//! A platform that runs services and jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use seaway_core::desired::{Desired, DesiredJob, DesiredService, Document, RevisionId};
use seaway_core::digest::ImageRef;
use seaway_core::environment::Environment;
use seaway_core::live::Live;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{Counts, PlatformEvent, Progress, RolloutId, TaskSeen};

use crate::error::PortError;

/// Makes finished documents out of an environment. Pure: the same inputs, the same documents.
pub trait Renderer: Send + Sync {
    /// Everything the environment should run, given the image of each service.
    fn render(
        &self,
        environment: &Environment,
        images: &BTreeMap<ServiceName, ImageRef>,
    ) -> Result<Desired, PortError>;
}

/// Names one attempt to change something; a repetition with the same token changes nothing more.
/// At most 32 characters, as ECS client tokens allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(pub String);

/// A started rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolled {
    pub rollout: RolloutId,
    /// Nothing ran before it: there is nothing to roll back to.
    pub first: bool,
    pub checks: Checks,
}

/// Whether failing health checks end tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checks {
    #[default]
    Enforced,
    /// The check was changed under tasks that were never asked to pass it: failing it ends none of
    /// them until [`Rollouts::configure`] enforces it.
    Suspended,
}

/// What the platform said to a requested rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackAnswer {
    /// It rolls back, or did already.
    Accepted,
    /// The rollout had ended before the request came.
    AlreadyOver,
    /// There is nothing to go back to.
    NothingBefore,
}

/// One screenful about a service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServiceStatus {
    pub name: ServiceName,
    pub revision: RevisionId,
    pub image: Option<ImageRef>,
    pub counts: Counts,
    /// The platform's rollout states, newest first, each with its reason.
    pub rollouts: Vec<(RolloutId, String, Option<String>)>,
    /// Healthy targets and all targets of its load balancer, where it has one.
    pub targets: Option<(u32, u32)>,
    pub tasks: Vec<TaskSeen>,
    pub last_event: Option<PlatformEvent>,
}

/// Services and their rollouts.
#[async_trait]
pub trait Rollouts: Send + Sync {
    /// What is there. A part that cannot be read is `Unknown`; an environment that does not exist
    /// yet is an empty [`Live`], not an error. [`Live::images`] is filled by the caller.
    async fn observe(&self, environment: &Environment) -> Result<Live, PortError>;

    /// Registers a revision. The same document registers once: an existing one is returned.
    async fn register(&self, service: &DesiredService) -> Result<RevisionId, PortError>;

    /// Creates the service.
    async fn create(
        &self,
        service: &DesiredService,
        revision: &RevisionId,
        count: u32,
        token: &Token,
    ) -> Result<Rolled, PortError>;

    /// Moves a service to `revision` and applies its settings. Where that changes the health check
    /// of tasks that run, checks are suspended before.
    async fn update(&self, change: &Change<'_>) -> Result<Rolled, PortError>;

    /// Puts the health check of `service` in force while a rollout goes back to it, checks
    /// suspended; the rest of its settings stays as it is.
    async fn restore_check(&self, service: &DesiredService) -> Result<(), PortError>;

    /// Applies settings and count without a rollout, and enforces checks.
    async fn configure(
        &self,
        service: &DesiredService,
        count: Option<u32>,
    ) -> Result<(), PortError>;

    /// Sets the desired count alone.
    async fn scale(&self, service: &ServiceName, count: u32) -> Result<(), PortError>;

    /// The newest rollout of a service.
    async fn newest(&self, service: &ServiceName) -> Result<Rolled, PortError>;

    /// One poll of many rollouts, in as few calls as the platform allows.
    async fn progress(
        &self,
        rollouts: &BTreeMap<ServiceName, RolloutId>,
    ) -> Result<BTreeMap<ServiceName, Observed<Progress>>, PortError>;

    /// Asks the platform to go back to the last good revision.
    async fn request_rollback(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<RollbackAnswer, PortError>;

    /// Stops all tasks and removes the service.
    async fn remove(&self, service: &ServiceName) -> Result<(), PortError>;

    /// One screenful about each of Seaway's services in the environment.
    async fn status(&self) -> Result<Vec<ServiceStatus>, PortError>;
}

/// A change of a service's revision.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub service: &'a DesiredService,
    pub revision: &'a RevisionId,
    pub count: Option<u32>,
    pub fresh: FreshTasks,
}

/// Whether tasks are replaced although the revision is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshTasks {
    WhereRevisionDiffers,
    Always,
}

/// A job that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHandle {
    /// The platform's name of the task.
    pub task: String,
    /// Where its lines are found in [`LogQuery::of`](crate::LogQuery).
    pub log_source: String,
    pub log_stream: Option<String>,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    Running,
    Succeeded,
    Failed {
        exit_code: Option<i32>,
        reason: String,
    },
}

/// One-off tasks.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Starts a job's task, once per token.
    async fn start(&self, job: &DesiredJob, token: &Token) -> Result<JobHandle, PortError>;
    /// The task that [`Jobs::start`] started with this token, running or ended a while ago; starts
    /// nothing.
    async fn find(&self, token: &Token) -> Result<Option<JobHandle>, PortError>;
    /// Starts another command in a service's current revision, once per token.
    async fn run(
        &self,
        service: &ServiceName,
        command: &[String],
        token: &Token,
    ) -> Result<JobHandle, PortError>;
    /// How it stands.
    async fn state(&self, job: &JobHandle) -> Result<JobState, PortError>;
    /// Ends it.
    async fn stop(&self, job: &JobHandle, reason: &str) -> Result<(), PortError>;
}

/// What lies around the services, where Seaway owns it.
#[async_trait]
pub trait Infrastructure: Send + Sync {
    /// Makes the infrastructure be as the document says and returns the names of what it created
    /// or changed. Repeating it changes nothing.
    async fn provision(&self, document: &Document) -> Result<Vec<String>, PortError>;
}
