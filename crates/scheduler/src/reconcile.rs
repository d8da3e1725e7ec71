//! What happens in a step, in order: look, judge, decide, act, conclude.

use std::time::Duration;

use crate::clock::LONGEST_STEP;
use crate::command::Command;
use crate::deployment::DeploymentStatus;
use crate::notices::{Outbox, STEADY};
use crate::service::{Service, ServiceStatus};
use crate::service_deployment::ServiceDeploymentStatus as Status;

impl Service {
    /// Decides everything that follows from the state as it is now.
    pub(crate) fn reconcile(&mut self, out: &mut Outbox) {
        self.progress_records(out);
        self.judge(out);
        self.check_breaker(out);
        self.check_alarms(out);
        self.set_desired_counts();
        self.stop_excess(out);
        self.lower_old_deployments(out);
        self.stop_excess(out);
        self.stop_unhealthy_for_room(out);
        self.launch_missing(out);
        self.notice_deadlock(out);
        self.notice_protection(out);
        self.drop_empty_deployments();
        self.refresh_records();
        self.complete(out);
        self.notice_steady_state(out);
        self.archive_records(out);
        self.flush(out);
        self.finish_deletion(out);
    }

    /// Time until something happens by itself.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        if self.status == ServiceStatus::Inactive {
            return None;
        }
        let timers = [
            self.next_judgement(),
            self.next_launch(),
            self.next_completion(),
        ];
        let timer = timers
            .into_iter()
            .flatten()
            .min()
            .map(|wait| wait.min(LONGEST_STEP));
        let unfinished = self
            .service_deployments
            .iter()
            .any(|d| d.status == Status::StopRequested);
        let now = unfinished.then_some(Duration::ZERO);
        let repeat = self.notices.steady_since.map(|since| {
            self.profile
                .repeated_event
                .saturating_sub(since.distance(self.clock.now()))
        });
        [timer, now, repeat].into_iter().flatten().min()
    }

    /// An old deployment without tasks is not shown any more. The one that a rollback would
    /// restore is kept.
    fn drop_empty_deployments(&mut self) {
        let tasks = &self.tasks;
        self.deployments.retain_mut(|deployment| {
            let empty = tasks
                .iter()
                .all(|task| task.deployment != Some(deployment.id));
            if deployment.status == DeploymentStatus::Active
                && empty
                && deployment.desired_count == 0
            {
                deployment.status = DeploymentStatus::Inactive;
            }
            deployment.status != DeploymentStatus::Inactive || deployment.completed_at.is_some()
        });
    }

    fn notice_steady_state(&mut self, out: &mut Outbox) {
        let now = self.clock.now();
        if self.status != ServiceStatus::Active || !self.is_steady() {
            self.notices.steady_since = None;
            return;
        }
        let said = self.notices.steady_since;
        if said.is_none_or(|at| at.distance(now) >= self.profile.repeated_event) {
            self.notices.steady_since = Some(now);
            out.conclude(STEADY);
        }
    }

    /// A final service deployment leaves the state when there is a newer one.
    fn archive_records(&mut self, out: &mut Outbox) {
        let latest = self.service_deployments.len() - 1;
        let mut index = 0;
        self.service_deployments.retain(|record| {
            let leaves = index < latest && record.status.is_final();
            index += 1;
            if leaves {
                out.commands
                    .push(Command::Archive(Box::new(record.clone())));
            }
            !leaves
        });
    }

    fn finish_deletion(&mut self, out: &mut Outbox) {
        if self.status == ServiceStatus::Draining && self.tasks.is_empty() {
            self.status = ServiceStatus::Inactive;
            out.commands.push(Command::Deleted);
        }
    }
}
