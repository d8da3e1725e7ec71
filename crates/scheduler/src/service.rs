//! One service: its state, what it can be asked, and what can be read from it.

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Millis};
use crate::command::Command;
use crate::configuration::{Bounds, DeploymentConfiguration};
use crate::deployment::{Deployment, DeploymentStatus};
use crate::id::{DeploymentId, IdSource, ServiceDeploymentId, TaskId};
use crate::input::{Input, Refused, Request, ServiceUpdate};
use crate::lifecycle::StopCause;
use crate::notices::{Notices, Outbox, Topic};
use crate::profile::Profile;
use crate::revision::Revision;
use crate::service_deployment::{DELETED, ServiceDeployment};
use crate::task::{StopCode, Task};

/// What `CreateService` asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewService {
    /// The service's name, as its events call it.
    pub name: String,
    /// Any number that differs between services; every id is drawn from it.
    pub seed: u64,
    /// The platform's constants.
    pub profile: Profile,
    /// What the first deployment runs.
    pub revision: Revision,
    /// How many tasks.
    pub desired_count: u32,
    /// How it rolls.
    pub configuration: DeploymentConfiguration,
}

/// A service with everything that belongs to it: deployments, tasks that are not `STOPPED`, and
/// the service deployments that are not final, and the latest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub(crate) name: String,
    pub(crate) status: ServiceStatus,
    pub(crate) desired_count: u32,
    pub(crate) configuration: DeploymentConfiguration,
    pub(crate) profile: Profile,
    pub(crate) clock: Clock,
    pub(crate) ids: IdSource,
    /// In the order of their creation; at most one of them has completed and is not primary.
    pub(crate) deployments: Vec<Deployment>,
    /// In the order of their launch.
    pub(crate) tasks: Vec<Task>,
    /// In the order of their creation.
    pub(crate) service_deployments: Vec<ServiceDeployment>,
    pub(crate) notices: Notices,
    /// Those of the watched alarms that are in `ALARM`.
    #[serde(default)]
    pub(crate) in_alarm: Vec<String>,
}

/// ECS: a service's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceStatus {
    /// Can be updated.
    Active,
    /// Deleted, with tasks left.
    Draining,
    /// Deleted.
    Inactive,
}

impl Service {
    /// `CreateService`: the state right after the call.
    pub fn create(now: Millis, new: NewService) -> (Service, Vec<Command>) {
        let mut service = Service {
            name: new.name,
            status: ServiceStatus::Active,
            desired_count: new.desired_count,
            configuration: new.configuration,
            profile: new.profile,
            clock: Clock::starting_at(now),
            ids: IdSource::seeded(new.seed),
            deployments: Vec::new(),
            tasks: Vec::new(),
            service_deployments: Vec::new(),
            notices: Notices::default(),
            in_alarm: Vec::new(),
        };
        service.deploy(new.revision);
        (service, vec![Command::WakeAfter(std::time::Duration::ZERO)])
    }

    /// Takes an API call. What follows from it is done by the next [`Service::step`], so that
    /// what can be read now is what the API answers.
    pub fn request(&mut self, now: Millis, request: Request) -> Result<Vec<Command>, Refused> {
        if self.status != ServiceStatus::Active {
            return Err(Refused::ServiceNotActive);
        }
        let mut out = Outbox::default();
        match request {
            Request::Update(update) => {
                self.clock.advance(now);
                self.update(update);
            }
            Request::RollBack { service_deployment } => {
                self.request_rollback(now, service_deployment)?;
            }
            Request::StopTask { task, reason } => {
                let index = self.wanted_task(&task)?;
                self.clock.advance(now);
                self.stop_task(
                    index,
                    StopCause {
                        code: StopCode::UserInitiated,
                        reason,
                    },
                    &mut out,
                );
            }
            Request::Protect { task, period } => {
                // Refused or not, time has passed: the period begins now.
                self.clock.advance(now);
                self.protect(&task, period)?;
            }
            Request::Delete => {
                self.clock.advance(now);
                self.end_every_protection();
                self.status = ServiceStatus::Draining;
                self.desired_count = 0;
                self.supersede(DELETED);
            }
        }
        self.flush(&mut out);
        out.commands
            .push(Command::WakeAfter(std::time::Duration::ZERO));
        Ok(out.commands)
    }

    /// Takes one input and decides everything that follows from it.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Command> {
        let mut out = Outbox::default();
        if self.status == ServiceStatus::Inactive {
            return out.commands;
        }
        self.clock.advance(now);
        match input {
            Input::Tick => {}
            Input::Alarms(in_alarm) => self.alarm_report(in_alarm),
            Input::Task { task, report } => self.task_report(&task, report, &mut out),
            Input::Target {
                task,
                target_group,
                health,
            } => {
                self.target_report(&task, &target_group, health, &mut out);
            }
        }
        self.reconcile(&mut out);
        if let Some(wait) = self.next_wake() {
            out.commands.push(Command::WakeAfter(wait));
        }
        out.commands
    }

    /// Every command that the state still waits for, in the order of the tasks' launch. To be
    /// sent after a restart; see the crate's documentation.
    pub fn outstanding(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for task in &self.tasks {
            task.outstanding(&mut commands);
        }
        commands
    }

    /// Exchanges the platform's constants: they are not part of what was asked for.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The service's status.
    pub fn status(&self) -> ServiceStatus {
        self.status
    }

    /// How many tasks it is to have.
    pub fn desired_count(&self) -> u32 {
        self.desired_count
    }

    /// ECS: `runningCount`.
    pub fn running_count(&self) -> u32 {
        count(self.tasks.iter().filter(|task| task.is_running()))
    }

    /// ECS: `pendingCount`.
    pub fn pending_count(&self) -> u32 {
        count(self.tasks.iter().filter(|task| task.is_pending()))
    }

    /// How it rolls.
    pub fn configuration(&self) -> &DeploymentConfiguration {
        &self.configuration
    }

    /// Floor and ceiling, as they are now.
    pub fn bounds(&self) -> Bounds {
        self.configuration.bounds(self.desired_count)
    }

    /// The deployments that `DescribeServices` shows: the primary one first, then the others,
    /// newest first.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        let active = |d: &&Deployment| d.status == DeploymentStatus::Active;
        std::iter::once(self.primary()).chain(self.deployments.iter().rev().filter(active))
    }

    /// The primary deployment.
    pub fn primary(&self) -> &Deployment {
        &self.deployments[self.primary_index()]
    }

    /// `runningCount` of a deployment.
    pub fn running_of(&self, deployment: DeploymentId) -> u32 {
        count(self.tasks_of(deployment).filter(|task| task.is_running()))
    }

    /// `pendingCount` of a deployment.
    pub fn pending_of(&self, deployment: DeploymentId) -> u32 {
        count(self.tasks_of(deployment).filter(|task| task.is_pending()))
    }

    /// The tasks that are not `STOPPED`, oldest first.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// A task that is not `STOPPED`.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == *id)
    }

    /// The service deployments that are still in the state, oldest first.
    pub fn service_deployments(&self) -> &[ServiceDeployment] {
        &self.service_deployments
    }

    /// ECS: `currentServiceDeployment`.
    pub fn current_service_deployment(&self) -> &ServiceDeployment {
        &self.service_deployments[self.service_deployments.len() - 1]
    }

    /// Exactly one deployment, completed, with the desired number of tasks, all healthy.
    pub fn is_steady(&self) -> bool {
        use crate::deployment::RolloutState::Completed;
        self.primary().rollout_state == Completed && self.is_settled()
    }

    pub(crate) fn primary_index(&self) -> usize {
        let primary = |d: &Deployment| d.status == DeploymentStatus::Primary;
        // Invariant: `deploy` and `roll_back` leave exactly one primary deployment.
        self.deployments
            .iter()
            .rposition(primary)
            .unwrap_or(self.deployments.len() - 1)
    }

    pub(crate) fn tasks_of(&self, deployment: DeploymentId) -> impl Iterator<Item = &Task> {
        self.tasks
            .iter()
            .filter(move |task| task.deployment == Some(deployment))
    }

    pub(crate) fn healthy_count(&self) -> u32 {
        count(self.tasks.iter().filter(|task| task.is_healthy()))
    }

    /// The primary deployment is the only one that has tasks: none too few, none too many, all
    /// healthy.
    pub(crate) fn is_settled(&self) -> bool {
        let primary = self.primary().id;
        let wanted = count(self.tasks_of(primary).filter(|task| task.is_wanted()));
        let healthy = count(self.tasks_of(primary).filter(|task| task.is_healthy()));
        wanted == self.desired_count
            && healthy == self.desired_count
            && self.deployments().count() == 1
    }

    fn update(&mut self, update: ServiceUpdate) {
        for deployment in &mut self.deployments {
            deployment.forget_failed_starts();
        }
        self.notices.resolve(Topic::Starting);
        if let Some(configuration) = update.configuration {
            self.configuration = configuration;
            self.forget_other_alarms();
        }
        if let Some(desired) = update.desired_count {
            self.scale(desired);
        }
        if let Some(revision) = update.revision {
            self.deploy(revision);
        }
    }

    /// A service that grows while it rolls grows on both sides: what serves now takes its part
    /// until the new revision can.
    fn scale(&mut self, desired: u32) {
        let more = desired.saturating_sub(self.desired_count);
        self.desired_count = desired;
        let serving = |d: &&mut Deployment| {
            d.status == DeploymentStatus::Active && d.completed_at.is_some() && d.desired_count > 0
        };
        if let Some(old) = self.deployments.iter_mut().find(serving) {
            old.desired_count = old.desired_count.saturating_add(more).min(desired);
        }
    }

    pub(crate) fn wanted_task(&self, id: &TaskId) -> Result<usize, Refused> {
        let wanted = |task: &Task| task.id == *id && task.is_wanted();
        self.tasks
            .iter()
            .position(wanted)
            .ok_or_else(|| Refused::TaskNotFound(id.clone()))
    }

    fn request_rollback(&mut self, now: Millis, id: ServiceDeploymentId) -> Result<(), Refused> {
        let current = self
            .service_deployments
            .last_mut()
            .filter(|current| current.id == id);
        let Some(current) = current else {
            return Err(Refused::ServiceDeploymentNotFound(id));
        };
        if !current.status.can_be_rolled_back() {
            return Err(Refused::ServiceDeploymentNotInProgress(id));
        }
        self.clock.advance(now);
        current.ask_for_rollback(now);
        Ok(())
    }
}

pub(crate) fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
