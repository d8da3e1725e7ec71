//! After a service of a release failed: what the others changed is taken back, too.

use std::collections::BTreeSet;

use seaway_core::event::{EventKind, RolloutEnd, RolloutEvent, ServiceEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{ActionId, Goal, Orphans, Plan, Policy, Step, plan};
use seaway_core::release::{Outcome, Snapshot};
use seaway_core::retreat::{self, Ends};
use seaway_core::rollback;

use crate::act::{End, Making, Others, WayBack};
use crate::error::{EngineError, block_text};
use crate::infrastructure::{self, TakenBack};
use crate::prepare;
use crate::remove;
use crate::roll;

/// Takes back what succeeded beside a service that did not.
pub(crate) async fn after_failure(making: &Making, ends: &Ends) -> Result<End, EngineError> {
    let Some(failed) = retreat::failed(ends) else {
        return Ok(End::Outcome(retreat::outcome(ends), making.snapshot(ends)));
    };
    // Whoever takes the release up goes back, too.
    making.record.goes_back(failed).await?;
    let infrastructure = infrastructure::take_back(making).await?;
    let back = retreat::to_take_back(&making.plan, &making.before, ends);
    let why = format!("{failed} failed");
    let retreated = take_back(making, ends, (&back, &why)).await?;
    Ok(retreated.end(infrastructure, retreat::outcome(ends)))
}

/// Goes on with the way back of a release that was cut off on it.
pub(crate) async fn go_on(making: &Making, way: &WayBack) -> Result<End, EngineError> {
    let infrastructure = infrastructure::take_back(making).await?;
    let Some(ends) = making.services(&making.plan, Others::Stay).await? else {
        return Ok(End::Detached);
    };
    let why = format!("{} was on its way back", making.record.release);
    let retreated = take_back(making, &ends, (&way.services, &why)).await?;
    let outcome = match retreat::outcome(&ends) {
        Outcome::Failed => Outcome::Failed,
        _ => way.outcome,
    };
    Ok(retreated.end(infrastructure, outcome))
}

/// What taking back led to, with what runs then.
enum Retreated {
    Done(Snapshot),
    /// Something stays as it is although it was to go back.
    Failed(Snapshot),
    /// The person stopped following.
    Detached,
}

impl Retreated {
    fn end(self, infrastructure: TakenBack, outcome: Outcome) -> End {
        match self {
            Self::Done(after) if infrastructure == TakenBack::Failed => {
                End::Outcome(Outcome::Failed, after)
            }
            Self::Done(after) => End::Outcome(outcome, after),
            Self::Failed(after) => End::Outcome(Outcome::Failed, after),
            Self::Detached => End::Detached,
        }
    }
}

/// Moves services back to what ran before, and removes those that did not exist.
async fn take_back(
    making: &Making,
    ends: &Ends,
    (back, why): (&BTreeSet<ServiceName>, &str),
) -> Result<Retreated, EngineError> {
    let mut after = making.snapshot(ends);
    if back.is_empty() {
        return Ok(Retreated::Done(after));
    }
    let plan = plan_retreat(making, back).await?;
    tell(making, &plan, why);
    making.record.retreat(&plan).await?;
    let Some(retreated) = making.services(&plan, Others::Stay).await? else {
        return Ok(Retreated::Detached);
    };
    let mut complete = plan.blocked().next().is_none();
    for (name, end) in &retreated {
        if *end != RolloutEnd::Succeeded {
            complete = false;
        } else if let Some(before) = making.before.services.get(name) {
            after.services.insert(name.clone(), before.clone());
        }
    }
    complete &= remove::removals(making, &plan, &mut after).await? == Outcome::Succeeded;
    Ok(if complete {
        Retreated::Done(after)
    } else {
        Retreated::Failed(after)
    })
}

fn tell(making: &Making, plan: &Plan, why: &str) {
    let tell = |name: &ServiceName, kind| {
        let subject = Subject::Service(name.clone());
        making.session.events.emit(subject, kind);
    };
    for (name, block) in plan.blocked() {
        let error = format!("cannot go back: {}", block_text(block));
        tell(name, EventKind::Service(ServiceEvent::Failed { error }));
    }
    for action in &plan.actions {
        let Some(name) = name_of(&action.step) else {
            continue;
        };
        let event = RolloutEvent::RollbackRequested {
            why: why.to_owned(),
            after_ms: 0,
        };
        tell(name, EventKind::Rollout(event));
    }
}

fn name_of(step: &Step) -> Option<&ServiceName> {
    match step {
        Step::Remove { service } => Some(service),
        _ => roll::service_of(step).map(|service| &service.name),
    }
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
        orphans: Orphans::Remove,
    };
    let mut plan = plan(&desired, &live, &policy);
    plan.actions
        .retain(|action| name_of(&action.step).is_some());
    // The first number after the release's own is that of the infrastructure.
    let first = making.next_id().0.saturating_add(1);
    for (id, action) in (first..).zip(&mut plan.actions) {
        action.id = ActionId(id);
    }
    Ok(plan)
}
