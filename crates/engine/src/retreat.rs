//! After a service of a release failed: what the others changed is taken back, too.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::event::{EventKind, RolloutEnd, RolloutEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, ActionId, Goal, Orphans, Plan, Policy, Step, plan};
use seaway_core::release::Snapshot;
use seaway_core::rollback;

use crate::act::Making;
use crate::error::EngineError;
use crate::prepare;
use crate::roll;

/// Moves the services that had succeeded back to what ran before, unless they are independent or
/// nothing ran before, and returns what runs then; `None` when the person stops following.
pub(crate) async fn after_failure(
    making: &Making,
    ends: &BTreeMap<ServiceName, RolloutEnd>,
) -> Result<Option<Snapshot>, EngineError> {
    let mut after = making.snapshot(ends);
    let failed = ends
        .iter()
        .find(|(_, end)| is_failure(end))
        .map(|(name, _)| name.clone());
    let Some(failed) = failed else {
        return Ok(Some(after));
    };
    let back = to_take_back(making, ends);
    if back.is_empty() {
        return Ok(Some(after));
    }
    let plan = plan_retreat(making, &back).await?;
    for name in &back {
        let why = format!("{failed} failed");
        let event = EventKind::Rollout(RolloutEvent::RollbackRequested { why, after_ms: 0 });
        making
            .session
            .events
            .emit(Subject::Service(name.clone()), event);
    }
    making.record.retreat(&plan).await?;
    let Some(retreated) = making.services(&plan).await? else {
        return Ok(None);
    };
    for (name, end) in &retreated {
        if *end == RolloutEnd::Succeeded
            && let Some(before) = making.before.services.get(name)
        {
            after.services.insert(name.clone(), before.clone());
        }
    }
    Ok(Some(after))
}

fn is_failure(end: &RolloutEnd) -> bool {
    matches!(
        end,
        RolloutEnd::Failed { .. } | RolloutEnd::RolledBack { .. }
    )
}

fn to_take_back(
    making: &Making,
    ends: &BTreeMap<ServiceName, RolloutEnd>,
) -> BTreeSet<ServiceName> {
    let dependent = |action: &&Action| {
        roll::service_of(&action.step).is_some_and(|service| !service.independent)
    };
    let services = making.plan.actions.iter().filter(dependent);
    services
        .filter_map(|action| Some(roll::service_of(&action.step)?.name.clone()))
        .filter(|name| ends.get(name) == Some(&RolloutEnd::Succeeded))
        .filter(|name| making.before.services.contains_key(name))
        .collect()
}

/// The plan back, its actions numbered after those of the release.
async fn plan_retreat(making: &Making, back: &BTreeSet<ServiceName>) -> Result<Plan, EngineError> {
    let desired = rollback::desired(&making.before);
    let live = prepare::live(&making.session, &desired).await?;
    let goal = Goal::Undo {
        release: making.record.release,
    };
    let policy = Policy {
        goal,
        only: Some(back.clone()),
        orphans: Orphans::Keep,
    };
    let mut plan = plan(&desired, &live, &policy);
    let taken = making.plan.actions.len();
    plan.actions
        .retain(|action| matches!(action.step, Step::Roll(_) | Step::Configure { .. }));
    for (index, action) in plan.actions.iter_mut().enumerate() {
        action.id = ActionId(u32::try_from(taken + index).unwrap_or(u32::MAX));
    }
    Ok(plan)
}
