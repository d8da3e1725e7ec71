//! Watches the rules that hold for every act: the actor holds the lock, and the intent is on
//! record before the act.

use seaway_core::digest::ImageRef;
use seaway_core::name::{JobName, ServiceName};
use seaway_core::plan::{Action, ActionId, Step};
use seaway_core::release::{Entry, Release};

use crate::world::State;

/// A call that changes something.
#[derive(Debug)]
pub(crate) enum Act<'a> {
    Push(&'a ImageRef),
    Provision,
    Job(&'a JobName),
    Roll(&'a ServiceName),
    /// Changes a service without a new revision, or takes its rollout back.
    Configure(&'a ServiceName),
    Remove(&'a ServiceName),
}

impl State {
    /// Notes what is wrong with `act` of the command of this number.
    pub(crate) fn audit(&mut self, client: u32, act: &Act<'_>) {
        if !self.lock.is_held_by(client) {
            self.violations.push(format!("{act:?} without the lock"));
        }
        let intended = self.releases.last().is_some_and(|release| {
            release.outcome().is_none() && begun(release).any(|action| act.is_meant_by(action))
        });
        if !intended {
            self.violations
                .push(format!("{act:?} before its intent was on record"));
        }
    }
}

impl Act<'_> {
    fn is_meant_by(&self, action: &Action) -> bool {
        match (self, &action.step) {
            (Self::Push(wanted), Step::Push { image, .. }) => *wanted == image,
            (Self::Provision, Step::Provision { .. }) => true,
            (Self::Job(name), Step::RunJob { job }) => **name == job.name,
            (Self::Roll(name) | Self::Configure(name), Step::Roll(roll)) => {
                **name == roll.service.name
            }
            (Self::Configure(name), Step::Configure { service, .. }) => **name == service.name,
            (Self::Remove(name), Step::Remove { service }) => *name == service,
            _ => false,
        }
    }
}

/// The actions of the release that are on record as begun.
fn begun(release: &Release) -> impl Iterator<Item = &Action> {
    let begun: Vec<ActionId> = release
        .entries
        .iter()
        .filter_map(|stamped| match &stamped.entry {
            Entry::Begun { action } => Some(*action),
            _ => None,
        })
        .collect();
    let retreats = release
        .entries
        .iter()
        .filter_map(|stamped| match &stamped.entry {
            Entry::Retreat { plan } => Some(&plan.actions),
            _ => None,
        });
    std::iter::once(&release.intent.plan.actions)
        .chain(retreats)
        .flatten()
        .filter(move |action| begun.contains(&action.id))
}
