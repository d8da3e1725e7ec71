//! What goes back when a service of a release fails: the decision, without the way there.
//!
//! The services of a release belong together unless the manifest calls one `independent`. What ran
//! before runs again; what the release created is removed; what failed at its first attempt stays,
//! without tasks, so that it can be looked into. A first release has nothing to go back to: what
//! succeeded in it stays.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::DesiredService;
use crate::event::RolloutEnd;
use crate::name::ServiceName;
use crate::plan::{Decision, Plan, Reason, Step};
use crate::release::{Outcome, Snapshot};

/// Ends of the rollouts of one plan.
pub type Ends = BTreeMap<ServiceName, RolloutEnd>;

/// A service for the sake of which the others go back.
pub fn failed(ends: &Ends) -> Option<&ServiceName> {
    let is_bad = |end: &RolloutEnd| {
        matches!(
            end,
            RolloutEnd::Failed { .. } | RolloutEnd::RolledBack { .. }
        )
    };
    ends.iter()
        .find(|(_, end)| is_bad(end))
        .map(|(name, _)| name)
}

/// The outcome of a release in which not everything succeeded, after the others went back.
pub fn outcome(ends: &Ends) -> Outcome {
    let any = |matches: fn(&RolloutEnd) -> bool| ends.values().any(matches);
    if any(|end| matches!(end, RolloutEnd::Failed { .. })) {
        Outcome::Failed
    } else if any(|end| matches!(end, RolloutEnd::RolledBack { .. })) {
        Outcome::RolledBack
    } else {
        Outcome::Superseded
    }
}

/// The services that succeeded and yet go back, because another one of the plan did not.
pub fn to_take_back(plan: &Plan, before: &Snapshot, ends: &Ends) -> BTreeSet<ServiceName> {
    services(plan)
        .filter(|service| !service.independent)
        .map(|service| service.name.clone())
        .filter(|name| ends.get(name) == Some(&RolloutEnd::Succeeded))
        .filter(|name| before.services.contains_key(name) || is_new(plan, before, name))
        .collect()
}

/// What is left of a release that was cut off on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remainder {
    /// They go back.
    pub back: BTreeSet<ServiceName>,
    /// They are followed to their ends: independent ones, and those with nothing to go back to.
    pub followed: BTreeSet<ServiceName>,
    /// How the release ends if everything goes back: one that had nothing to go back to failed.
    pub outcome: Outcome,
}

/// Sorts the services of `plan`, of which those in `going_back` were being taken back.
pub fn remainder(plan: &Plan, before: &Snapshot, going_back: &BTreeSet<ServiceName>) -> Remainder {
    let goes_back = |service: &DesiredService| {
        let name = &service.name;
        let had_failed = going_back.contains(name);
        if before.services.contains_key(name) {
            had_failed || !service.independent
        } else {
            !had_failed && !service.independent && is_new(plan, before, name)
        }
    };
    let (back, followed): (Vec<_>, Vec<_>) = services(plan).partition(|service| goes_back(service));
    let names = |services: Vec<&DesiredService>| {
        let names = services.into_iter().map(|service| service.name.clone());
        names.collect()
    };
    let ran_before = |name: &ServiceName| before.services.contains_key(name);
    Remainder {
        back: names(back),
        followed: names(followed),
        outcome: if going_back.iter().all(ran_before) {
            Outcome::RolledBack
        } else {
            Outcome::Failed
        },
    }
}

fn services(plan: &Plan) -> impl Iterator<Item = &DesiredService> {
    plan.actions.iter().filter_map(|action| match &action.step {
        Step::Roll(roll) => Some(&roll.service),
        Step::Configure { service, .. } => Some(&**service),
        _ => None,
    })
}

/// Whether the release created it beside others that were there.
fn is_new(plan: &Plan, before: &Snapshot, name: &ServiceName) -> bool {
    let is_created = matches!(
        plan.services.get(name),
        Some(Decision::Deploy { reasons }) if reasons.contains(&Reason::New)
    );
    is_created && !before.services.is_empty()
}

#[cfg(test)]
mod tests;
