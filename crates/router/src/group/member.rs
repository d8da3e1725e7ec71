//! A target as its group knows it: where it is in its life, and who checks it.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::Endpoint;
use super::ramp::Ramp;
use super::rotation::Seat;
use crate::health::{Health, TargetHealthReason, TargetHealthState, Tracker};
use crate::table::{HealthCheck, Target};

/// One registration of a target in a group.
#[derive(Debug)]
pub(super) struct Member {
    /// Never given twice within a group, so that a task cannot mistake a later registration of
    /// the same target for its own.
    pub(super) generation: u64,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) phase: Phase,
    pub(super) checker: Option<Checker>,
    pub(super) service: Service,
    /// What was published last.
    pub(super) published: Option<Health>,
}

/// Whether a target was usable when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Unusable,
    /// Usable, and maybe still in its slow start.
    Usable(Option<Ramp>),
}

/// Where a registration is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// Registered, and no rule refers to the group.
    NotInUse,
    /// Registered, and the group is not checked.
    Unchecked,
    /// Registered and checked.
    Checked(Tracker),
    /// Deregistered; requests may be in flight.
    Draining,
    /// Over. Kept only while the table still lists the target as draining.
    Drained,
}

impl Member {
    pub(super) fn is(&self, target: &Target) -> bool {
        self.endpoint.address == target.address && self.endpoint.id == target.id
    }

    pub(super) fn is_registered(&self) -> bool {
        matches!(
            self.phase,
            Phase::NotInUse | Phase::Unchecked | Phase::Checked(_)
        )
    }

    /// Whether its health lets it have requests while others have it, too.
    pub(super) fn is_usable(&self) -> bool {
        let state = self.health().state;
        matches!(
            state,
            TargetHealthState::Healthy | TargetHealthState::Unavailable
        )
    }

    /// Its place in the rotation.
    pub(super) fn seat(&self) -> Seat {
        Seat {
            endpoint: self.endpoint.clone(),
            ramp: match self.service {
                Service::Usable(ramp) => ramp,
                Service::Unusable => None,
            },
        }
    }

    pub(super) fn health(&self) -> Health {
        match &self.phase {
            Phase::NotInUse => Health::unused(TargetHealthReason::NotInUse),
            Phase::Unchecked => Health::unchecked(),
            Phase::Checked(tracker) => tracker.health().clone(),
            Phase::Draining => Health::draining(),
            Phase::Drained => Health::unused(TargetHealthReason::NotRegistered),
        }
    }
}

/// The task that checks a target; dropping it ends the task.
#[derive(Debug)]
pub(super) struct Checker {
    pub(super) check: HealthCheck,
    pub(super) task: AbortHandle,
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.task.abort();
    }
}
