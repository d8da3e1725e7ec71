//! A service and its rollouts, moved on by the clock alone.
//!
//! The rules are those of ECS-like platforms: one rollout is the primary; a newer one supersedes
//! it; a failing one goes back to the last rollout that completed, under that rollout's own id.

use std::time::Duration;

use seaway_core::desired::{DesiredService, Document, RevisionId};
use seaway_core::digest::Digest;
use seaway_core::rollout::{RolloutId, RolloutState};
use seaway_core::time::Timestamp;

use seaway_ports::Checks;

use crate::fault::Behaviour;

/// From a rollout's beginning to its tasks being in service.
const IN_SERVICE: Duration = Duration::from_secs(2);
/// The platform's own breaker: slow, so that the engine has to be faster.
const BREAKER: Duration = Duration::from_secs(60);
/// How long going back, and stopping tasks, takes.
pub(crate) const CHANGE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct RunningService {
    /// Settings as they were applied last.
    pub(crate) applied: DesiredService,
    /// The health check in force, and whether failing it ends tasks.
    pub(crate) check: Option<Document>,
    pub(crate) checks: Checks,
    /// The check in force is lenient; a rollout that is to pass this one has begun.
    pub(crate) proved: Option<Digest>,
    pub(crate) desired: u32,
    /// The count before it was changed, and when it was.
    pub(crate) counted: (u32, Timestamp),
    /// In the order of their beginnings.
    pub(crate) rollouts: Vec<Rollout>,
    primary: usize,
    /// Somebody else removed it.
    pub(crate) vanished: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    pub(crate) id: RolloutId,
    pub(crate) revision: RevisionId,
    pub(crate) behaviour: Behaviour,
    pub(crate) began: Timestamp,
    pub(crate) stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    InProgress,
    Completed,
    /// An older rollout is being brought back.
    RollingBack,
    /// Completed once, and on its way back in place of the rollout of that index.
    Restoring {
        failed: usize,
        since: Timestamp,
    },
    RolledBack {
        to: RevisionId,
    },
    Superseded {
        by: RolloutId,
    },
    Failed,
}

impl RunningService {
    pub(crate) fn new(service: &DesiredService, count: u32, now: Timestamp) -> Self {
        Self {
            applied: service.clone(),
            check: service.check.clone(),
            checks: Checks::Enforced,
            proved: None,
            desired: count,
            counted: (0, now),
            rollouts: vec![],
            primary: 0,
            vanished: false,
        }
    }

    /// A new rollout takes the place of whatever was under way.
    pub(crate) fn begin(&mut self, revision: &RevisionId, behaviour: Behaviour, now: Timestamp) {
        let number = self.rollouts.len();
        let id = RolloutId(format!("{}/{}", self.applied.name, number + 1));
        if let Some(before) = self.rollouts.get_mut(self.primary) {
            match before.stage.clone() {
                Stage::InProgress => before.stage = Stage::Superseded { by: id.clone() },
                Stage::Restoring { failed, .. } => {
                    before.stage = Stage::Completed;
                    self.rollouts[failed].stage = Stage::Superseded { by: id.clone() };
                }
                _ => {}
            }
        }
        self.rollouts.push(Rollout {
            id,
            revision: revision.clone(),
            behaviour,
            began: now,
            stage: Stage::InProgress,
        });
        self.primary = number;
    }

    /// Another check, under tasks that never had to pass it.
    pub(crate) fn judge_by(&mut self, service: &DesiredService) {
        if self.check != service.check {
            self.check.clone_from(&service.check);
            self.checks = Checks::Suspended;
            self.proved = None;
        }
    }

    pub(crate) fn count(&mut self, count: u32, now: Timestamp) {
        if self.desired != count {
            self.counted = (self.desired, now);
            self.desired = count;
        }
    }

    pub(crate) fn primary(&self) -> &Rollout {
        &self.rollouts[self.primary]
    }

    pub(crate) fn primary_revision(&self) -> &RevisionId {
        &self.primary().revision
    }

    pub(crate) fn rollout(&self, id: &RolloutId) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.id == *id)
    }

    /// Whether nothing completed beside the primary rollout.
    pub(crate) fn is_first(&self) -> bool {
        self.last_completed().is_none()
    }

    /// What a rollback of the primary rollout would go to.
    pub(crate) fn last_completed(&self) -> Option<usize> {
        let others = self.rollouts.iter().enumerate().rev();
        let completed = |(index, rollout): (usize, &Rollout)| {
            (index != self.primary && rollout.stage == Stage::Completed).then_some(index)
        };
        others.into_iter().find_map(completed)
    }

    /// Goes back from the primary rollout; false: there is nothing to go back to.
    pub(crate) fn roll_back(&mut self, now: Timestamp) -> bool {
        let Some(to) = self.last_completed() else {
            return false;
        };
        let failed = self.primary;
        self.rollouts[failed].stage = Stage::RollingBack;
        self.rollouts[to].stage = Stage::Restoring { failed, since: now };
        self.primary = to;
        true
    }

    /// Lets everything happen that is due.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let primary = self.primary().clone();
        match primary.stage {
            Stage::Restoring { failed, since }
                if passed(since, CHANGE, now) && self.comes_back(&primary) =>
            {
                self.rollouts[self.primary].stage = Stage::Completed;
                let to = primary.revision;
                self.rollouts[failed].stage = Stage::RolledBack { to };
            }
            Stage::InProgress => self.progress(&primary, now),
            _ => {}
        }
    }

    /// Whether the tasks of a rollout that completed once come into service again.
    fn comes_back(&self, restored: &Rollout) -> bool {
        let well = matches!(restored.behaviour, Behaviour::Healthy | Behaviour::Slow(_));
        well || self.desired == 0
    }

    fn progress(&mut self, primary: &Rollout, now: Timestamp) {
        let due = |time| passed(primary.began, time, now);
        let emptied = self.desired == 0 && passed(self.counted.1, CHANGE, now);
        let completes = match primary.behaviour {
            Behaviour::Healthy => due(IN_SERVICE),
            Behaviour::Slow(time) => due(time),
            _ => false,
        };
        if completes || emptied {
            self.rollouts[self.primary].stage = Stage::Completed;
            return;
        }
        match primary.behaviour {
            Behaviour::Superseded(time) if due(time) => {
                self.begin(&primary.revision, Behaviour::Healthy, now);
            }
            Behaviour::Vanishes(time) if due(time) => self.vanished = true,
            Behaviour::CrashAtStart
            | Behaviour::NeverHealthy
            | Behaviour::WrongPort
            | Behaviour::ImageMissing
            | Behaviour::SecretMissing
                if due(BREAKER) && !self.roll_back(now) =>
            {
                self.rollouts[self.primary].stage = Stage::Failed;
            }
            _ => {}
        }
    }
}

impl Stage {
    /// As the engine sees it.
    pub(crate) fn seen(&self) -> RolloutState {
        match self {
            Self::InProgress | Self::Restoring { .. } => RolloutState::InProgress,
            Self::Completed => RolloutState::Succeeded,
            Self::RollingBack => RolloutState::RollingBack,
            Self::RolledBack { to } => RolloutState::RolledBack {
                to: Some(to.clone()),
            },
            Self::Superseded { by } => RolloutState::Superseded {
                by: Some(by.clone()),
            },
            Self::Failed => RolloutState::Failed,
        }
    }
}

/// Whether `time` has passed since `since`.
pub(crate) fn passed(since: Timestamp, time: Duration, now: Timestamp) -> bool {
    since.saturating_add(time).is_ok_and(|due| now >= due)
}
