//! After a service of a release failed: what the others changed is taken back, too.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::event::{EventKind, RolloutEnd, RolloutEvent, ServiceEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, ActionId, Goal, Orphans, Plan, Policy, Step, plan};
use seaway_core::release::Snapshot;
use seaway_core::rollback;

use crate::act::{Making, Others};
use crate::error::{EngineError, block_text};
use crate::infrastructure::{self, TakenBack};
use crate::prepare;
use crate::roll;

/// What taking back led to, with what runs then.
pub(crate) enum Retreated {
    Done(Snapshot),
    /// Something stays as it is although it was to go back.
    Failed(Snapshot),
    /// The person stopped following.
    Detached,
}

/// Moves the services that had succeeded back to what ran before, unless they are independent or
/// nothing ran before.
pub(crate) async fn after_failure(
    making: &Making,
    ends: &BTreeMap<ServiceName, RolloutEnd>,
) -> Result<Retreated, EngineError> {
    let Some((failed, _)) = ends.iter().find(|(_, end)| is_failure(end)) else {
        return Ok(Retreated::Done(making.snapshot(ends)));
    };
    let infrastructure = infrastructure::take_back(making).await?;
    let mut after = making.snapshot(ends);
    let back = to_take_back(making, ends);
    if back.is_empty() {
        return Ok(match infrastructure {
            TakenBack::Failed => Retreated::Failed(after),
            TakenBack::Done | TakenBack::NotNeeded => Retreated::Done(after),
        });
    }
    let plan = plan_retreat(making, &back).await?;
    let tell = |name: &ServiceName, kind| {
        let subject = Subject::Service(name.clone());
        making.session.events.emit(subject, kind);
    };
    for (name, block) in plan.blocked() {
        let error = format!("cannot go back: {}", block_text(block));
        tell(name, EventKind::Service(ServiceEvent::Failed { error }));
    }
    for service in plan
        .actions
        .iter()
        .filter_map(|a| roll::service_of(&a.step))
    {
        let why = format!("{failed} failed");
        let event = RolloutEvent::RollbackRequested { why, after_ms: 0 };
        tell(&service.name, EventKind::Rollout(event));
    }
    making.record.retreat(&plan).await?;
    let Some(retreated) = making.services(&plan, Others::Stay).await? else {
        return Ok(Retreated::Detached);
    };
    let mut complete = infrastructure != TakenBack::Failed && plan.blocked().next().is_none();
    for (name, end) in &retreated {
        if *end != RolloutEnd::Succeeded {
            complete = false;
        } else if let Some(before) = making.before.services.get(name) {
            after.services.insert(name.clone(), before.clone());
        }
    }
    Ok(if complete {
        Retreated::Done(after)
    } else {
        Retreated::Failed(after)
    })
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
    plan.actions
        .retain(|action| matches!(action.step, Step::Roll(_) | Step::Configure { .. }));
    // The first number after the release's own is that of the infrastructure.
    let first = making.plan.next_id().0.saturating_add(1);
    for (id, action) in (first..).zip(&mut plan.actions) {
        action.id = ActionId(id);
    }
    Ok(plan)
}
