//! The ways in which a roll begins and ends other than by completing: superseded, failed, undone.

use crate::deployment::{Deployment, DeploymentStatus, RolloutState};
use crate::notices::Outbox;
use crate::revision::Revision;
use crate::service::{Service, ServiceStatus, count};
use crate::service_deployment::{
    ALARMS, ALARMS_WITHOUT_ROLLBACK, BREAKER, BREAKER_WITHOUT_ROLLBACK, MonitorStatus,
    NO_CANDIDATE, REQUESTED, RESTORED_FAILED, RevisionCounts, Rollback, ServiceDeployment,
    ServiceDeploymentStatus as Status,
};

/// Why the primary deployment is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The circuit breaker has counted enough.
    Tasks,
    /// An alarm went off.
    Alarms {
        /// Which.
        triggered: Vec<String>,
    },
    /// `StopServiceDeployment`.
    Requested,
}

impl Failure {
    /// Before the colon of a rollout state's reason. ECS's text for alarms is unknown; it is ours.
    fn who_says_so(&self) -> &'static str {
        match self {
            Failure::Tasks => "ECS deployment circuit breaker",
            Failure::Alarms { .. } => "ECS deployment alarms",
            Failure::Requested => "ECS deployment stopped",
        }
    }

    fn what_happened(&self) -> &'static str {
        match self {
            Failure::Tasks => "tasks failed to start",
            Failure::Alarms { .. } => "alarm detected",
            Failure::Requested => "rollback requested",
        }
    }

    fn with_rollback(&self) -> &'static str {
        match self {
            Failure::Tasks => BREAKER,
            Failure::Alarms { .. } => ALARMS,
            Failure::Requested => REQUESTED,
        }
    }

    fn without_rollback(&self) -> &'static str {
        match self {
            Failure::Alarms { .. } => ALARMS_WITHOUT_ROLLBACK,
            // What is requested is a rollback.
            Failure::Tasks | Failure::Requested => BREAKER_WITHOUT_ROLLBACK,
        }
    }
}

impl Service {
    /// Puts a new revision in the place of the primary deployment.
    pub(crate) fn deploy(&mut self, revision: Revision) {
        let now = self.clock.now();
        self.supersede(crate::service_deployment::SUPERSEDED);
        self.demote_primary();
        let sources = self.shown_counts();
        let id = self.ids.deployment();
        self.deployments.push(Deployment::new(id, revision, now));
        let record = ServiceDeployment::new(self.ids.service_deployment(), id, sources, now);
        self.service_deployments.push(record);
        self.refresh_records();
    }

    /// Ends what is in progress, for neither success nor rollback.
    pub(crate) fn supersede(&mut self, reason: &str) {
        let now = self.clock.now();
        self.refresh_records();
        if let Some(record) = self.service_deployments.last_mut() {
            let next = match record.status {
                Status::Pending | Status::InProgress => Some(Status::StopRequested),
                Status::RollbackRequested => Some(Status::Stopped),
                // ECS documents no other way out of a rollback.
                Status::RollbackInProgress => Some(Status::RollbackFailed),
                _ => None,
            };
            if let Some(next) = next {
                record.become_status(next, now);
                record.status_reason = Some(reason.to_owned());
            }
        }
    }

    /// Makes room for another primary deployment.
    fn demote_primary(&mut self) {
        let now = self.clock.now();
        let primary = |d: &Deployment| d.status == DeploymentStatus::Primary;
        let Some(index) = self.deployments.iter().position(primary) else {
            return;
        };
        let running = self.running_wanted(index);
        let deployment = &mut self.deployments[index];
        deployment.status = DeploymentStatus::Active;
        if deployment.completed_at.is_none() {
            // What it has not started yet, it need not start any more.
            deployment.desired_count = deployment.desired_count.min(running);
        } else if deployment.rollout_state == RolloutState::InProgress {
            deployment.become_completed(now);
        }
    }

    /// Takes the steps that API calls have asked for.
    pub(crate) fn progress_records(&mut self, out: &mut Outbox) {
        let now = self.clock.now();
        for record in &mut self.service_deployments {
            match record.status {
                Status::StopRequested => record.become_status(Status::Stopped, now),
                Status::Pending => {
                    record.become_status(Status::InProgress, now);
                    record.alarms.ignored.clone_from(&self.in_alarm);
                }
                _ => {}
            }
        }
        if self.current_service_deployment().status == Status::RollbackRequested {
            self.give_up(Failure::Requested, out);
        }
    }

    /// Lets the circuit breaker look at the primary deployment.
    pub(crate) fn check_breaker(&mut self, out: &mut Outbox) {
        let breaker = &self.configuration.circuit_breaker;
        let primary = self.primary();
        if breaker.enable
            && self.status == ServiceStatus::Active
            && primary.rollout_state == RolloutState::InProgress
            && primary.breaker_failures >= breaker.threshold.failures(self.desired_count)
        {
            self.give_up(Failure::Tasks, out);
        }
    }

    pub(crate) fn give_up(&mut self, failure: Failure, out: &mut Outbox) {
        let now = self.clock.now();
        self.refresh_records();
        let failed = self.primary_index();
        let id = self.deployments[failed].id;
        let why = failure.what_happened();
        let text = format!("{}: {why}.", failure.who_says_so());
        self.deployments[failed].fail(&text, now);
        if failure != Failure::Requested {
            out.say(format!("(deployment {id}) deployment failed: {why}."));
        }
        let rollback = match failure {
            Failure::Tasks => self.configuration.circuit_breaker.rollback,
            Failure::Alarms { .. } => self.configuration.alarms.rollback,
            Failure::Requested => true,
        };
        let latest = self.service_deployments.len() - 1;
        let record = &mut self.service_deployments[latest];
        match &failure {
            Failure::Tasks => record.circuit_breaker.status = MonitorStatus::Triggered,
            Failure::Alarms { triggered } => {
                record.alarms.status = MonitorStatus::Triggered;
                record.alarms.triggered.clone_from(triggered);
            }
            Failure::Requested => {}
        }
        if record.status == Status::RollbackInProgress {
            record.become_status(Status::RollbackFailed, now);
            record.status_reason = Some(RESTORED_FAILED.to_owned());
            self.freeze(failed);
        } else if rollback {
            record.become_status(Status::RollbackInProgress, now);
            self.roll_back(failed, &failure, out);
        } else {
            record.become_status(Status::StopRequested, now);
            record.status_reason = Some(failure.without_rollback().to_owned());
            self.freeze(failed);
        }
    }

    /// Restores the latest completed deployment.
    fn roll_back(&mut self, failed: usize, failure: &Failure, out: &mut Outbox) {
        let now = self.clock.now();
        let latest = self.service_deployments.len() - 1;
        let candidate = self
            .deployments
            .iter()
            .rposition(|d| d.completed_at.is_some());
        let record = &mut self.service_deployments[latest];
        let Some(candidate) = candidate else {
            record.become_status(Status::RollbackFailed, now);
            record.status_reason = Some(NO_CANDIDATE.to_owned());
            self.freeze(failed);
            return;
        };
        let restored = self.deployments[candidate].id;
        let reason = failure.with_rollback();
        record.status_reason = Some(reason.to_owned());
        record.rollback = Some(Rollback {
            reason: reason.to_owned(),
            started_at: now,
            revision: restored,
        });
        self.freeze(failed);
        self.deployments[failed].status = DeploymentStatus::Active;
        let who = failure.who_says_so();
        let reason = format!("{who}: rolling back to deploymentId {restored}.");
        self.deployments[candidate].restore(reason, now);
        out.say(format!("rolling back to deployment {restored}."));
    }

    /// A failed deployment keeps what runs of it and gets no new tasks.
    fn freeze(&mut self, failed: usize) {
        let running = self.running_wanted(failed);
        let deployment = &mut self.deployments[failed];
        deployment.desired_count = deployment.desired_count.min(running);
    }

    fn running_wanted(&self, index: usize) -> u32 {
        let tasks = self.tasks_of(self.deployments[index].id);
        count(tasks.filter(|task| task.is_wanted() && task.is_running()))
    }

    fn shown_counts(&self) -> Vec<RevisionCounts> {
        let shown = |d: &&Deployment| d.status != DeploymentStatus::Inactive;
        self.deployments
            .iter()
            .filter(shown)
            .map(|d| self.counts(d))
            .collect()
    }

    fn counts(&self, deployment: &Deployment) -> RevisionCounts {
        RevisionCounts {
            revision: deployment.id,
            requested: deployment.desired_count,
            running: self.running_of(deployment.id),
            pending: self.pending_of(deployment.id),
        }
    }

    /// Brings counts and monitor of the current service deployment up to date, while it lasts.
    pub(crate) fn refresh_records(&mut self) {
        let Some(mut record) = self.service_deployments.pop() else {
            return;
        };
        if !record.status.is_final() {
            for counts in record.sources.iter_mut().chain([&mut record.target]) {
                *counts = match self.deployments.iter().find(|d| d.id == counts.revision) {
                    Some(deployment) => self.counts(deployment),
                    None => RevisionCounts {
                        revision: counts.revision,
                        requested: 0,
                        running: 0,
                        pending: 0,
                    },
                };
            }
            let breaker = &self.configuration.circuit_breaker;
            let monitor = &mut record.circuit_breaker;
            let target = self
                .deployments
                .iter()
                .find(|d| d.id == record.target.revision);
            if let Some(target) = target.filter(|_| monitor.status != MonitorStatus::Triggered) {
                monitor.failure_count = target.breaker_failures;
                monitor.threshold = breaker.threshold.failures(self.desired_count);
                monitor.status = match breaker.enable {
                    true => MonitorStatus::Monitoring,
                    false => MonitorStatus::Disabled,
                };
            }
            self.refresh_alarm_monitor(&mut record.alarms);
        }
        self.service_deployments.push(record);
    }
}
