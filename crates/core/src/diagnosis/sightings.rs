//! What the looks at a rollout have seen of its tasks, kept because the platform does not keep it.
//!
//! A load balancer tells how a target fares now. It never tells since when, and nothing at all once
//! the task is stopped (ECS-SEMANTICS.md, "Load balancer").

use std::collections::BTreeMap;

use crate::rollout::{Progress, TargetSeen, TargetState, TaskSeen};
use crate::time::Timestamp;

/// When a look was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub asked: Timestamp,
    pub answered: Timestamp,
}

/// The looks at one rollout so far.
#[derive(Debug, Clone)]
pub struct Sightings {
    tasks: BTreeMap<String, Sighting>,
    /// The last look was asked for then; before the first, the rollout was.
    last: Timestamp,
    in_service: Option<Timestamp>,
}

/// One task over the looks.
#[derive(Debug, Clone, Default)]
struct Sighting {
    /// The last look whose load balancer had not refused it.
    accepted: Option<Timestamp>,
    refusal: Option<Refusal>,
    ended: Option<Change>,
}

/// A target that fails its checks.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) target: TargetSeen,
    pub(super) change: Change,
    /// The last look that showed it.
    pub(super) last: Timestamp,
}

/// Something that one look did not show and the next one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    not_before: Timestamp,
    seen: Timestamp,
}

impl Change {
    /// When it came to be, given when the platform says it did: that moment, unless it was seen
    /// earlier; otherwise the earliest moment at which it can have been.
    pub(super) fn since(&self, told: Option<Timestamp>) -> Timestamp {
        told.filter(|at| *at <= self.seen)
            .unwrap_or(self.not_before)
    }
}

impl Sightings {
    /// Nothing was seen yet of a rollout that was asked for then.
    pub fn of_rollout(began: Timestamp) -> Self {
        Self {
            tasks: BTreeMap::new(),
            last: began,
            in_service: None,
        }
    }

    /// Takes in a look; looks come in the order in which they were made.
    pub fn take_in(&mut self, progress: &Progress, look: Look) {
        for task in &progress.tasks {
            let sighting = self.tasks.entry(task.id.clone()).or_default();
            if task.stop.is_some() {
                sighting.ended.get_or_insert(Change {
                    not_before: self.last,
                    seen: look.answered,
                });
            }
            if let Some(target) = &task.target {
                sighting.take_in(target, look);
            }
            if task.is_in_service() {
                self.in_service = Some(look.answered);
            }
        }
        self.last = look.asked;
    }

    /// The last look that showed a task of the rollout in service.
    pub(super) fn in_service(&self) -> Option<Timestamp> {
        self.in_service
    }

    /// How the load balancer refused a task when it was last asked about it.
    pub(super) fn refusal(&self, task: &TaskSeen) -> Option<&Refusal> {
        self.tasks.get(&task.id)?.refusal.as_ref()
    }

    /// Whether a look before this one had shown the task ended.
    pub(super) fn had_ended(&self, task: &TaskSeen) -> bool {
        let ended = self.tasks.get(&task.id).and_then(|known| known.ended);
        ended.is_some_and(|ended| ended.seen < self.last)
    }

    /// When a task ended; none while it has not.
    pub(super) fn end(&self, task: &TaskSeen) -> Option<Timestamp> {
        let ended = self.tasks.get(&task.id)?.ended?;
        Some(ended.since(task.stopped_at))
    }
}

impl Sighting {
    fn take_in(&mut self, target: &TargetSeen, look: Look) {
        match target.state {
            TargetState::Unhealthy => {
                let change = Change {
                    not_before: self.accepted.unwrap_or(Timestamp::MIN),
                    seen: look.answered,
                };
                let change = self.refusal.as_ref().map_or(change, |known| known.change);
                self.refusal = Some(Refusal {
                    target: target.clone(),
                    change,
                    last: look.answered,
                });
            }
            TargetState::Initial | TargetState::Healthy => {
                self.accepted = Some(look.asked);
                self.refusal = None;
            }
            // On its way out, or not checked: what was known of it stays.
            TargetState::Draining | TargetState::Unused | TargetState::Unavailable => {}
        }
    }
}
