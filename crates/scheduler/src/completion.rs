//! When a roll is over: settled or early, and baked.

use std::time::Duration;

use crate::configuration::{EarlySuccess, SourceCleanup};
use crate::deployment::{DeploymentStatus, RolloutState};
use crate::notices::Outbox;
use crate::service::{Service, ServiceStatus};
use crate::service_deployment::ServiceDeploymentStatus as Status;

impl Service {
    /// Completes the primary deployment when nothing is missing any more.
    pub(crate) fn complete(&mut self, out: &mut Outbox) {
        let now = self.clock.now();
        let rolling = self.primary().rollout_state == RolloutState::InProgress;
        if self.status != ServiceStatus::Active || !rolling {
            return;
        }
        if !(self.is_settled() || self.succeeds_early()) || !self.has_baked() {
            return;
        }
        self.give_old_deployments_up();
        let primary = self.primary_index();
        self.deployments[primary].complete(now);
        if let Some(record) = self.service_deployments.last_mut() {
            match record.status {
                Status::InProgress => record.become_status(Status::Successful, now),
                Status::RollbackInProgress => record.become_status(Status::RollbackSuccessful, now),
                _ => {}
            }
        }
        out.conclude(format!(
            "(deployment {}) deployment completed.",
            self.primary().id
        ));
    }

    /// Time until the bake time is over.
    pub(crate) fn next_completion(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let primary = self.primary();
        let rolling = primary.rollout_state == RolloutState::InProgress;
        let since = primary.baking_since.filter(|_| rolling)?;
        let over = since.after(self.bake_time());
        (over > now).then(|| now.until(over))
    }

    /// Enough of the new tasks are healthy, and the old ones are gone where that is asked for. A
    /// rollback restores everything.
    fn succeeds_early(&self) -> bool {
        let Some(EarlySuccess { healthy, cleanup }) = self.configuration.early_success else {
            return false;
        };
        let primary = self.primary().id;
        let found = self.tasks_of(primary).filter(|task| task.is_healthy());
        let enough = crate::service::count(found) >= healthy.of(self.desired_count);
        let cleaned = cleanup == SourceCleanup::Deferred || self.deployments().count() == 1;
        self.current_service_deployment().status == Status::InProgress && enough && cleaned
    }

    /// Whether the bake time has passed since everything was there; it begins with the first
    /// look. A rollback is not baked.
    fn has_baked(&mut self) -> bool {
        if self.current_service_deployment().status != Status::InProgress {
            return true;
        }
        let (now, time) = (self.clock.elapsed(), self.bake_time());
        let primary = self.primary_index();
        let since = *self.deployments[primary].baking_since.get_or_insert(now);
        since.after(time) <= now
    }

    /// The platform's own where alarms are watched and nothing else was asked for.
    fn bake_time(&self) -> Duration {
        match self.configuration.bake_time {
            Duration::ZERO if self.configuration.alarms.enable => self.profile.bake_time,
            asked => asked,
        }
    }

    /// What ran before is not restored any more. Of an early success some of it still runs; it
    /// gives way to the new tasks and is not replaced.
    fn give_old_deployments_up(&mut self) {
        for deployment in &mut self.deployments {
            if deployment.status != DeploymentStatus::Primary {
                deployment.completed_at = None;
            }
        }
        self.deployments
            .retain(|deployment| deployment.status != DeploymentStatus::Inactive);
    }
}
