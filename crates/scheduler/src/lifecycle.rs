//! How a task moves from launch to retirement; the same for services and standalone tasks.
//!
//! ```text
//! PROVISIONING -> PENDING -> ACTIVATING -> RUNNING -> DEACTIVATING -> STOPPING
//!                                                       -> DEPROVISIONING -> STOPPED
//! ```
//! ACTIVATING and DEACTIVATING are passed through only by tasks with targets. A task that ends by
//! itself does not wait for its targets: there is nothing left that could answer.

use crate::clock::{Clock, Millis};
use crate::command::Command;
use crate::id::{DeploymentId, TargetGroupArn, TaskId};
use crate::input::{Exit, TargetHealth, TaskReport};
use crate::profile::Profile;
use crate::revision::Revision;
use crate::task::{
    ContainerState, DesiredStatus, HealthStatus, Standing, StopCode, Target, TargetState, Task,
    TaskStatus,
};

const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";
const OUT_OF_MEMORY_EXIT_CODE: i32 = 137;

/// Why a task has to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StopCause {
    pub(crate) code: StopCode,
    pub(crate) reason: String,
}

/// What a report did to a task, as far as its owner has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that matters.
    None,
    /// It began to end by itself.
    Ended,
    /// It is `STOPPED`.
    Stopped,
}

impl Task {
    /// A new task in `PROVISIONING` and the command that launches it.
    pub(crate) fn launch(
        id: TaskId,
        deployment: Option<DeploymentId>,
        revision: &Revision,
        now: Millis,
        commands: &mut Vec<Command>,
    ) -> Task {
        commands.push(Command::Launch {
            task: id.clone(),
            deployment,
        });
        Task {
            id,
            deployment,
            task_definition: revision.task_definition.clone(),
            status: TaskStatus::Provisioning,
            desired: DesiredStatus::Running,
            containers: revision
                .containers
                .iter()
                .map(ContainerState::new)
                .collect(),
            targets: revision.target_groups.iter().map(Target::new).collect(),
            created_at: now,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            running_since: None,
            draining_until: None,
            protection: None,
            standing: Standing::Waiting,
            failure_counted: false,
            ever_ran: false,
            ever_healthy: false,
        }
    }

    /// Takes a runtime's report.
    pub(crate) fn report(
        &mut self,
        report: TaskReport,
        clock: &Clock,
        commands: &mut Vec<Command>,
    ) -> Change {
        let now = clock.now();
        let before = self.desired;
        match report {
            TaskReport::Provisioned => self.advance_to(TaskStatus::Pending),
            TaskReport::PullStarted => {
                self.advance_to(TaskStatus::Pending);
                self.pull_started_at.get_or_insert(now);
            }
            TaskReport::PullStopped { images } => {
                self.pull_stopped_at.get_or_insert(now);
                for image in images {
                    if let Some(container) = self.container_mut(&image.container) {
                        container.image_digest = Some(image.digest);
                    }
                }
            }
            TaskReport::Started => self.started(clock, commands),
            TaskReport::FailedToStart { container, reason } => {
                let failed = container.and_then(|name| self.container_mut(&name));
                if let Some(failed) = failed {
                    failed.reason = Some(reason.clone());
                }
                self.end(StopCode::TaskFailedToStart, reason, now, commands);
            }
            TaskReport::ContainerExited { container, exit } => {
                self.exited(&container, &exit, now, commands);
            }
            TaskReport::ContainerHealth { container, health } => {
                if let Some(container) = self.container_mut(&container) {
                    container.health = health;
                }
            }
            TaskReport::Stopped => {
                if self.is_wanted() {
                    self.set_stopping(lost_by_its_host(), now);
                    self.deregister(commands);
                }
                self.status = TaskStatus::Stopped;
                self.execution_stopped_at.get_or_insert(now);
                self.stopped_at = Some(now);
                return Change::Stopped;
            }
        }
        if before == self.desired {
            Change::None
        } else {
            Change::Ended
        }
    }

    /// Takes a router's report.
    pub(crate) fn target_report(
        &mut self,
        group: &TargetGroupArn,
        health: TargetHealth,
        clock: &Clock,
        commands: &mut Vec<Command>,
    ) {
        let wanted = self.is_wanted();
        for target in self
            .targets
            .iter_mut()
            .filter(|target| target.group == *group)
        {
            target.take(health.clone(), self.desired);
        }
        match self.status {
            TaskStatus::Activating if wanted => self.run_when_registered(clock),
            TaskStatus::Deactivating if self.targets.iter().all(Target::is_unused) => {
                self.stop_containers(commands);
            }
            _ => {}
        }
    }

    /// Ends a task on purpose: its targets drain first. Does nothing to one that ends already.
    pub(crate) fn stop(
        &mut self,
        cause: StopCause,
        clock: &Clock,
        profile: &Profile,
        commands: &mut Vec<Command>,
    ) {
        if !self.is_wanted() {
            return;
        }
        self.set_stopping(cause, clock.now());
        if self.deregister(commands) {
            self.status = TaskStatus::Deactivating;
            self.draining_until = Some(clock.elapsed().after(profile.draining_limit));
        } else {
            self.stop_containers(commands);
        }
    }

    /// Ends the wait for a router that does not answer.
    pub(crate) fn tick(&mut self, clock: &Clock, commands: &mut Vec<Command>) {
        let over = self
            .draining_until
            .is_some_and(|until| until <= clock.elapsed());
        if over && self.status == TaskStatus::Deactivating {
            self.stop_containers(commands);
        }
    }

    /// The commands whose answers it still waits for.
    pub(crate) fn outstanding(&self, commands: &mut Vec<Command>) {
        if self.is_wanted() && self.status <= TaskStatus::Pending {
            commands.push(Command::Launch {
                task: self.id.clone(),
                deployment: self.deployment,
            });
        }
        for target in &self.targets {
            match target.state {
                TargetState::Waiting | TargetState::Unused => {}
                TargetState::Draining => commands.push(self.deregistration(target)),
                _ => commands.push(self.registration(target)),
            }
        }
        if self.status > TaskStatus::Deactivating {
            commands.push(self.stop_command());
        }
    }

    fn started(&mut self, clock: &Clock, commands: &mut Vec<Command>) {
        if !self.is_wanted() || self.status >= TaskStatus::Activating {
            return;
        }
        self.status = TaskStatus::Activating;
        for target in &mut self.targets {
            target.state = TargetState::Registering;
        }
        commands.extend(self.targets.iter().map(|target| self.registration(target)));
        self.run_when_registered(clock);
    }

    fn run_when_registered(&mut self, clock: &Clock) {
        if self
            .targets
            .iter()
            .all(|target| target.state != TargetState::Registering)
        {
            self.status = TaskStatus::Running;
            self.started_at = Some(clock.now());
            self.running_since = Some(clock.elapsed());
        }
    }

    fn exited(&mut self, name: &str, exit: &Exit, now: Millis, commands: &mut Vec<Command>) {
        let Some(container) = self.container_mut(name) else {
            return;
        };
        if container.exited {
            return;
        }
        container.exited = true;
        match exit {
            Exit::Code(code) => container.exit_code = Some(*code),
            Exit::OutOfMemory => {
                container.exit_code = Some(OUT_OF_MEMORY_EXIT_CODE);
                container.reason = Some(OUT_OF_MEMORY.to_owned());
            }
            Exit::Unknown => {}
        }
        if container.essential {
            let StopCause { code, reason } = match exit {
                Exit::Unknown => lost_by_its_host(),
                Exit::Code(_) | Exit::OutOfMemory => StopCause {
                    code: StopCode::EssentialContainerExited,
                    reason: "Essential container in task exited".to_owned(),
                },
            };
            self.end(code, reason, now, commands);
        }
        if self.status == TaskStatus::Stopping && self.containers.iter().all(|c| c.exited) {
            self.status = TaskStatus::Deprovisioning;
            self.execution_stopped_at = Some(now);
        }
    }

    /// The task ends by itself, or what was left of it does: nothing is waited for.
    fn end(&mut self, code: StopCode, reason: String, now: Millis, commands: &mut Vec<Command>) {
        if self.is_wanted() {
            self.set_stopping(StopCause { code, reason }, now);
            self.deregister(commands);
        }
        if self.status < TaskStatus::Stopping {
            self.stop_containers(commands);
        }
    }

    fn set_stopping(&mut self, cause: StopCause, now: Millis) {
        self.desired = DesiredStatus::Stopped;
        self.stopping_at = Some(now);
        self.stop_code = Some(cause.code);
        self.stopped_reason = Some(cause.reason);
    }

    /// Takes it out of its target groups; tells whether it was in any.
    fn deregister(&mut self, commands: &mut Vec<Command>) -> bool {
        let mut any = false;
        for index in 0..self.targets.len() {
            if self.targets[index].is_registered() {
                any = true;
                self.targets[index].state = TargetState::Draining;
                commands.push(self.deregistration(&self.targets[index]));
            } else {
                self.targets[index].state = TargetState::Unused;
            }
        }
        any
    }

    fn stop_containers(&mut self, commands: &mut Vec<Command>) {
        self.status = TaskStatus::Stopping;
        commands.push(self.stop_command());
    }

    fn advance_to(&mut self, status: TaskStatus) {
        if self.is_wanted() {
            self.status = self.status.max(status);
        }
    }

    fn container_mut(&mut self, name: &str) -> Option<&mut ContainerState> {
        self.containers
            .iter_mut()
            .find(|container| container.name == name)
    }

    fn stop_command(&self) -> Command {
        Command::Stop {
            task: self.id.clone(),
            timeout: self.stop_timeout(),
        }
    }

    fn registration(&self, target: &Target) -> Command {
        Command::RegisterTarget {
            task: self.id.clone(),
            target_group: target.group.clone(),
            container: target.container.clone(),
            port: target.port,
        }
    }

    fn deregistration(&self, target: &Target) -> Command {
        Command::DeregisterTarget {
            task: self.id.clone(),
            target_group: target.group.clone(),
        }
    }
}

impl ContainerState {
    fn new(container: &crate::revision::Container) -> ContainerState {
        ContainerState {
            name: container.name.clone(),
            essential: container.essential,
            health_check: container.health_check,
            stop_timeout: container.stop_timeout,
            health: HealthStatus::Unknown,
            image_digest: None,
            exited: false,
            exit_code: None,
            reason: None,
        }
    }
}

impl Target {
    fn new(group: &crate::revision::TargetGroup) -> Target {
        Target {
            group: group.arn.clone(),
            container: group.container.clone(),
            port: group.port,
            state: TargetState::Waiting,
        }
    }

    fn is_unused(&self) -> bool {
        self.state == TargetState::Unused
    }

    /// A late report about a target that was meanwhile deregistered does not bring it back.
    fn take(&mut self, health: TargetHealth, desired: DesiredStatus) {
        if self.state == TargetState::Waiting {
            return;
        }
        self.state = match health {
            TargetHealth::Unused if desired == DesiredStatus::Stopped => TargetState::Unused,
            _ if desired == DesiredStatus::Stopped => return,
            TargetHealth::Initial => TargetState::Initial,
            TargetHealth::Healthy => TargetState::Healthy,
            TargetHealth::Unhealthy { description } => TargetState::Unhealthy { description },
            // Somebody else took the target out of the group: it gets no requests.
            TargetHealth::Draining | TargetHealth::Unused => TargetState::Unhealthy {
                description: "Target is deregistered".to_owned(),
            },
        };
    }
}

/// It did not end by itself, so it speaks neither for nor against its revision.
fn lost_by_its_host() -> StopCause {
    StopCause {
        code: StopCode::InfrastructureHealth,
        reason: "The task was lost by its host".to_owned(),
    }
}
