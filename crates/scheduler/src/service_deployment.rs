//! The record of one roll of a service, as `DescribeServiceDeployments` shows it.

use serde::{Deserialize, Serialize};

use crate::alarms::AlarmMonitor;
use crate::clock::Millis;
use crate::id::{DeploymentId, ServiceDeploymentId};

/// A service deployment. A rollback does not create another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// The last part of its ARN.
    pub id: ServiceDeploymentId,
    /// How far it got.
    pub status: ServiceDeploymentStatus,
    /// Why, where it did not simply succeed.
    pub status_reason: Option<String>,
    /// What ran before.
    pub sources: Vec<RevisionCounts>,
    /// What is rolled out.
    pub target: RevisionCounts,
    /// The circuit breaker's view.
    pub circuit_breaker: BreakerMonitor,
    /// The alarms' view.
    #[serde(default)]
    pub alarms: AlarmMonitor,
    /// The way back, once it was taken.
    pub rollback: Option<Rollback>,
    /// When it was created.
    pub created_at: Millis,
    /// When its first step was taken.
    pub started_at: Option<Millis>,
    /// When it became successful, rolled back or not.
    pub finished_at: Option<Millis>,
    /// When it was stopped or its rollback failed.
    pub stopped_at: Option<Millis>,
    /// When it last changed its status.
    pub updated_at: Millis,
}

/// ECS: `serviceDeployments[].status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    /// Created by an API call.
    Pending,
    /// Rolling.
    InProgress,
    /// Rolled out.
    Successful,
    /// Replaced by a newer one, or failed without a rollback.
    StopRequested,
    /// The end of that.
    Stopped,
    /// `StopServiceDeployment` was called.
    RollbackRequested,
    /// The restored deployment rolls.
    RollbackInProgress,
    /// The end of that.
    RollbackSuccessful,
    /// There was nothing to restore, or it failed, too.
    RollbackFailed,
}

/// Task counts of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionCounts {
    /// The revision's ARN ends in this deployment's number.
    pub revision: DeploymentId,
    /// How many tasks it is to have.
    pub requested: u32,
    /// How many are `RUNNING`.
    pub running: u32,
    /// How many are on the way there.
    pub pending: u32,
}

/// ECS: `deploymentCircuitBreaker` of a service deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerMonitor {
    /// Whether it watches.
    pub status: MonitorStatus,
    /// What it has counted.
    pub failure_count: u32,
    /// At this count the deployment has failed.
    pub threshold: u32,
}

/// ECS: the status of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MonitorStatus {
    /// It ended the deployment.
    Triggered,
    /// It watches.
    Monitoring,
    /// The deployment ended without it.
    MonitoringComplete,
    /// Not configured.
    Disabled,
}

/// ECS: `rollback` of a service deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The status reason.
    pub reason: String,
    /// When it began.
    pub started_at: Millis,
    /// The deployment, and so the revision, that is restored.
    pub revision: DeploymentId,
}

impl ServiceDeploymentStatus {
    /// Nothing follows.
    pub fn is_final(self) -> bool {
        use ServiceDeploymentStatus::*;
        matches!(
            self,
            Successful | Stopped | RollbackSuccessful | RollbackFailed
        )
    }

    /// The transitions that ECS documents.
    pub fn may_become(self, next: ServiceDeploymentStatus) -> bool {
        use ServiceDeploymentStatus::*;
        match self {
            Pending => matches!(
                next,
                InProgress | RollbackRequested | StopRequested | Stopped
            ),
            InProgress => matches!(
                next,
                Successful | StopRequested | RollbackRequested | RollbackInProgress | Stopped
            ),
            StopRequested => next == Stopped,
            RollbackRequested => matches!(next, Successful | RollbackInProgress | Stopped),
            RollbackInProgress => matches!(next, RollbackSuccessful | RollbackFailed),
            Successful | Stopped | RollbackSuccessful | RollbackFailed => false,
        }
    }

    pub(crate) fn can_be_rolled_back(self) -> bool {
        self.may_become(ServiceDeploymentStatus::RollbackRequested)
    }
}

impl ServiceDeployment {
    pub(crate) fn new(
        id: ServiceDeploymentId,
        target: DeploymentId,
        sources: Vec<RevisionCounts>,
        now: Millis,
    ) -> ServiceDeployment {
        let circuit_breaker = BreakerMonitor {
            status: MonitorStatus::Disabled,
            failure_count: 0,
            threshold: 0,
        };
        ServiceDeployment {
            id,
            status: ServiceDeploymentStatus::Pending,
            status_reason: None,
            sources,
            target: RevisionCounts {
                revision: target,
                requested: 0,
                running: 0,
                pending: 0,
            },
            circuit_breaker,
            alarms: AlarmMonitor::default(),
            rollback: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            stopped_at: None,
            updated_at: now,
        }
    }

    pub(crate) fn ask_for_rollback(&mut self, now: Millis) {
        self.become_status(ServiceDeploymentStatus::RollbackRequested, now);
        self.status_reason = Some(REQUESTED.to_owned());
    }

    pub(crate) fn become_status(&mut self, next: ServiceDeploymentStatus, now: Millis) {
        use ServiceDeploymentStatus::*;
        debug_assert!(
            self.status.may_become(next),
            "{:?} cannot become {next:?}",
            self.status
        );
        self.status = next;
        self.updated_at = now;
        match next {
            InProgress => self.started_at = Some(now),
            Successful | RollbackSuccessful => self.finished_at = Some(now),
            Stopped | RollbackFailed => self.stopped_at = Some(now),
            _ => {}
        }
        for monitor in [&mut self.circuit_breaker.status, &mut self.alarms.status] {
            if next.is_final() && *monitor == MonitorStatus::Monitoring {
                *monitor = MonitorStatus::MonitoringComplete;
            }
        }
    }
}

/// The circuit breaker ended it, and it is rolled back. ECS's text.
pub(crate) const BREAKER: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
/// An alarm ended it, and it is rolled back. ECS's text.
pub(crate) const ALARMS: &str =
    "Service deployment rolled back because of one or more active alarms.";
/// There is nothing to restore. ECS's text.
pub(crate) const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";
// ECS's texts for the following are unknown; these are ours.
/// `StopServiceDeployment`.
pub(crate) const REQUESTED: &str = "Service deployment rolled back because it was requested.";
/// The circuit breaker ended it, and rollback is off.
pub(crate) const BREAKER_WITHOUT_ROLLBACK: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
/// An alarm ended it, and rollback is off.
pub(crate) const ALARMS_WITHOUT_ROLLBACK: &str =
    "Service deployment stopped because of one or more active alarms.";
/// A newer deployment or the end of the service.
pub(crate) const SUPERSEDED: &str =
    "Service deployment stopped because a newer deployment replaced it.";
/// The restored deployment failed, too.
pub(crate) const RESTORED_FAILED: &str =
    "The rollback failed because the restored deployment failed, too.";
/// `DeleteService`.
pub(crate) const DELETED: &str = "Service deployment stopped because the service was deleted.";
