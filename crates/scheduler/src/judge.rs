//! Which tasks are healthy, which have failed, and what that means for their deployment.

use std::time::Duration;

use crate::clock::Elapsed;
use crate::command::Command;
use crate::id::{DeploymentId, TargetGroupArn, TaskId};
use crate::input::{TargetHealth, TaskReport};
use crate::lifecycle::{Change, StopCause};
use crate::notices::{self, INCONSISTENT, Outbox, Topic};
use crate::service::Service;
use crate::task::{HealthStatus, Standing, StopCode, Target, TargetState, Task, TaskStatus};

/// The check that a task fails.
enum FailedCheck<'a> {
    Target(&'a Target, &'a str),
    Container,
}

impl Service {
    /// Takes a report of the runtime.
    pub(crate) fn task_report(&mut self, id: &TaskId, report: TaskReport, out: &mut Outbox) {
        let Some(index) = self.tasks.iter().position(|task| task.id == *id) else {
            return;
        };
        let task = &mut self.tasks[index];
        let was_wanted = task.is_wanted();
        let change = task.report(report, &self.clock, &mut out.commands);
        if was_wanted && change != Change::None {
            self.count_end(index, out);
        }
        if change == Change::Stopped {
            let task = self.tasks.remove(index);
            out.commands.push(Command::Retire(Box::new(task)));
        }
    }

    /// Takes a report of the router.
    pub(crate) fn target_report(
        &mut self,
        id: &TaskId,
        group: &TargetGroupArn,
        health: TargetHealth,
        out: &mut Outbox,
    ) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.id == *id) {
            task.target_report(group, health, &self.clock, &mut out.commands);
        }
    }

    /// Stops a task on purpose.
    pub(crate) fn stop_task(&mut self, index: usize, cause: StopCause, out: &mut Outbox) {
        let primary = self.primary().id;
        let task = &mut self.tasks[index];
        if !task.is_wanted() {
            return;
        }
        match task.is_running() {
            true => out.stopped_running(task.id.clone()),
            false => out.stopped_pending(),
        }
        if task.targets.iter().any(Target::is_registered) {
            out.draining(task.deployment.filter(|deployment| *deployment != primary));
        }
        task.stop(cause, &self.clock, &self.profile, &mut out.commands);
    }

    /// Forms an opinion of each task and counts what became healthy and what did not.
    pub(crate) fn judge(&mut self, out: &mut Outbox) {
        for index in 0..self.tasks.len() {
            self.tasks[index].tick(&self.clock, &mut out.commands);
            self.tasks[index].end_protection_when_over(&self.clock);
            let task = &self.tasks[index];
            if !task.is_wanted() {
                continue;
            }
            let (before, now) = (task.standing, self.standing(task));
            self.tasks[index].standing = now;
            if self.tasks[index].is_running() && !self.tasks[index].ever_ran {
                self.count_run(index);
            }
            match now {
                Standing::Healthy if before != now => self.count_healthy(index),
                Standing::Unhealthy if before != now => {
                    let task = &self.tasks[index];
                    out.say(match task.failed_check() {
                        Some(FailedCheck::Target(target, description)) => {
                            notices::unhealthy_target(&task.id, target, description)
                        }
                        _ => notices::unhealthy_container(&task.id),
                    });
                    self.count_failure(index);
                }
                _ => {}
            }
        }
    }

    /// Why an unhealthy task is stopped.
    pub(crate) fn unhealthy_cause(task: &Task) -> StopCause {
        let reason = match task.failed_check() {
            Some(FailedCheck::Target(target, _)) => {
                format!(
                    "Task failed ELB health checks in (target-group {})",
                    target.group
                )
            }
            _ => "Task failed container health checks".to_owned(),
        };
        StopCause {
            code: StopCode::ServiceSchedulerInitiated,
            reason,
        }
    }

    /// Time until some task's standing changes by itself.
    pub(crate) fn next_judgement(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let protection = |task: &Task| task.protection.map(|protection| protection.until);
        let deadline = |task: &Task| match task.is_wanted() {
            true => {
                let judgement = self.judged_at(task).filter(|at| *at > now);
                [judgement, protection(task)].into_iter().flatten().min()
            }
            false if task.status == TaskStatus::Deactivating => task.draining_until,
            false => None,
        };
        self.tasks
            .iter()
            .filter_map(deadline)
            .min()
            .map(|at| now.until(at))
    }

    fn judged_at(&self, task: &Task) -> Option<Elapsed> {
        let since = task.running_since?;
        match task.failed_check() {
            Some(_) => Some(since.after(self.configuration.health_check_grace)),
            None if task.has_checks() => None,
            None => Some(since.after(self.profile.healthy_after)),
        }
    }

    fn standing(&self, task: &Task) -> Standing {
        if !task.is_running() {
            return Standing::Waiting;
        }
        let due = self
            .judged_at(task)
            .is_none_or(|at| at <= self.clock.elapsed());
        match task.failed_check() {
            Some(_) if due => Standing::Unhealthy,
            None if due && task.passes_all_checks() => Standing::Healthy,
            _ => Standing::Waiting,
        }
    }

    fn count_run(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        task.ever_ran = true;
        if let Some(deployment) = self.deployment_of(index) {
            deployment.forget_failed_starts();
        }
        self.notices.resolve(Topic::Starting);
    }

    fn count_healthy(&mut self, index: usize) {
        let reset = self.configuration.circuit_breaker.reset_on_healthy_task;
        self.tasks[index].ever_healthy = true;
        if let Some(deployment) = self.deployment_of(index) {
            deployment.failed_tasks = 0;
            if reset {
                deployment.breaker_failures = 0;
            }
        }
    }

    /// A task ended by itself. What ran without checks is replaced and counts for nothing.
    fn count_end(&mut self, index: usize, out: &mut Outbox) {
        let task = &self.tasks[index];
        if task.stop_code == Some(StopCode::InfrastructureHealth) {
            return;
        }
        let (never_ran, never_healthy) = (task.started_at.is_none(), !task.ever_healthy);
        let fails_checks = never_healthy && task.has_checks();
        if task.stop_code == Some(StopCode::TaskFailedToStart) {
            let text = notices::not_placed(task.stopped_reason.as_deref().unwrap_or_default());
            self.say_once(Topic::Starting, text, out);
        }
        if never_ran {
            self.throttle(index, out);
        } else if never_healthy {
            let pause = self.clock.elapsed().after(self.profile.replacement_pause);
            if let Some(deployment) = self.deployment_of(index) {
                deployment.pause_until(pause);
            }
        }
        if never_ran || fails_checks {
            self.count_failure(index);
        }
    }

    /// The more tasks in a row never reach `RUNNING`, the longer the wait for the next one.
    fn throttle(&mut self, index: usize, out: &mut Outbox) {
        let now = self.clock.elapsed();
        let backoff = self.profile.start_failures.clone();
        let Some(deployment) = self.deployment_of(index) else {
            return;
        };
        deployment.start_failures = deployment.start_failures.saturating_add(1);
        let wait = backoff.wait(deployment.start_failures);
        deployment.pause_until(now.after(wait));
        if !wait.is_zero() {
            self.say_once(Topic::Starting, INCONSISTENT.to_owned(), out);
        }
    }

    fn count_failure(&mut self, index: usize) {
        if std::mem::replace(&mut self.tasks[index].failure_counted, true) {
            return;
        }
        if let Some(deployment) = self.deployment_of(index) {
            deployment.failed_tasks = deployment.failed_tasks.saturating_add(1);
            deployment.breaker_failures = deployment.breaker_failures.saturating_add(1);
        }
    }

    fn deployment_of(&mut self, index: usize) -> Option<&mut crate::deployment::Deployment> {
        let id: Option<DeploymentId> = self.tasks[index].deployment;
        self.deployments
            .iter_mut()
            .find(|deployment| Some(deployment.id) == id)
    }
}

impl Task {
    fn failed_check(&self) -> Option<FailedCheck<'_>> {
        let failed = self.targets.iter().find_map(|target| match &target.state {
            TargetState::Unhealthy { description } => {
                Some(FailedCheck::Target(target, description))
            }
            _ => None,
        });
        let container =
            || (self.health() == HealthStatus::Unhealthy).then_some(FailedCheck::Container);
        failed.or_else(container)
    }

    fn passes_all_checks(&self) -> bool {
        self.targets
            .iter()
            .all(|target| target.state == TargetState::Healthy)
            && (!self.has_container_check() || self.health() == HealthStatus::Healthy)
    }
}
