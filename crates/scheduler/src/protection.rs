//! Scale-in protection: tasks that neither a smaller count nor a roll may stop.
//!
//! It holds against the scheduler's own wish for fewer tasks. What fails its checks is replaced,
//! what is stopped by name stops, and a service that is deleted takes all of its tasks along.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Elapsed, Millis};
use crate::deployment::RolloutState;
use crate::id::TaskId;
use crate::input::Refused;
use crate::notices::{self, Outbox, Topic};
use crate::service::{Service, count};
use crate::task::Task;

/// How long a task is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Protection {
    pub(crate) until: Elapsed,
    /// The same for those who read a clock.
    expires_at: Millis,
}

impl Task {
    /// ECS: `expirationDate`; none for a task that is not protected.
    pub fn protected_until(&self) -> Option<Millis> {
        self.protection.map(|protection| protection.expires_at)
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.protection.is_some()
    }

    pub(crate) fn end_protection_when_over(&mut self, clock: &Clock) {
        self.protection
            .take_if(|protection| protection.until <= clock.elapsed());
    }
}

impl Service {
    /// `UpdateTaskProtection`.
    pub(crate) fn protect(&mut self, id: &TaskId, period: Option<Duration>) -> Result<(), Refused> {
        let index = self.wanted_task(id)?;
        let of_primary = self.tasks[index].deployment == Some(self.primary().id);
        let blocked =
            self.primary().rollout_state == RolloutState::InProgress && self.held_back() > 0;
        if period.is_some() && !of_primary && blocked {
            return Err(Refused::DeploymentBlocked(id.clone()));
        }
        let clock = &self.clock;
        self.tasks[index].protection = period.map(|period| Protection {
            until: clock.elapsed().after(period),
            expires_at: clock.now().after(period),
        });
        Ok(())
    }

    pub(crate) fn end_every_protection(&mut self) {
        for task in &mut self.tasks {
            task.protection = None;
        }
    }

    /// Says so while a protected task is all that could go.
    pub(crate) fn notice_protection(&mut self, out: &mut Outbox) {
        match self.held_back() {
            0 => self.notices.resolve(Topic::Protection),
            held => self.say_once(Topic::Protection, notices::under_protection(held), out),
        }
    }

    /// How many tasks are there only because they are protected.
    fn held_back(&self) -> u32 {
        let primary = self.primary().id;
        let (of_primary, of_others): (Vec<&Task>, Vec<&Task>) = self
            .tasks
            .iter()
            .filter(|task| task.is_wanted() && task.is_protected())
            .partition(|task| task.deployment == Some(primary));
        let due_of_primary = self.above_desired(primary);
        let due_of_others = self.due_from_old_deployments();
        due_of_primary.min(count(of_primary.iter())) + due_of_others.min(count(of_others.iter()))
    }
}
