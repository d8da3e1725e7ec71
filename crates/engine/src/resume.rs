//! Goes on with a release that was cut off, or takes it back. Reads the record, never the working
//! tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use seaway_core::event::{EventKind, ReleaseEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, Goal, Orphans, Plan, Policy, RollKind, Step};
use seaway_core::release::{Release, ReleaseId};
use seaway_core::{retreat, rollback};

use crate::act::{Stage, WayBack};
use crate::deploy::{Planned, make, owned, release};
use crate::error::EngineError;
use crate::guard::{self, Confirm, Occasion};
use crate::infrastructure;
use crate::lock::HeldLock;
use crate::prepare;
use crate::record::Record;
use crate::roll;
use crate::session::{Completed, Session};

/// What becomes of the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    GoOn,
    Undo,
}

/// Takes up the newest release if it was cut off.
pub async fn resume(
    session: &Session,
    resumption: Resumption,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let releases = prepare::releases(session).await?;
    let cut_off = prepare::cut_off(&releases).ok_or_else(|| nothing_to_resume(session))?;
    let takes_back = matches!(cut_off.intent.plan.goal, Goal::Undo { .. });
    match resumption {
        // To undo an undo would be to go on with what was not wanted: it is gone on with itself.
        Resumption::Undo if !takes_back => undo(session, cut_off, confirm).await,
        Resumption::GoOn | Resumption::Undo => go_on(session, cut_off, confirm).await,
    }
}

fn nothing_to_resume(session: &Session) -> EngineError {
    EngineError::NothingToResume {
        environment: session.environment.name.clone(),
    }
}

/// The same release, what is left of its plan.
async fn go_on(
    session: &Session,
    cut_off: &Release,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    guard::ask(session, confirm, &cut_off.intent.plan, Occasion::First).await?;
    let lock = HeldLock::acquire(session, &format!("resume {}", cut_off.id)).await?;
    let (session, id) = (session.clone(), cut_off.id);
    owned(async move {
        match take_up(&session, &lock, id).await {
            Ok(planned) => make(&session, lock, planned).await,
            Err(error) => {
                lock.release().await;
                Err(error)
            }
        }
    })
    .await
}

/// Reads the release again now that nobody else can change it: it may have been alive all along.
async fn take_up(
    session: &Session,
    lock: &HeldLock,
    id: ReleaseId,
) -> Result<Planned, EngineError> {
    let releases = prepare::releases(session).await?;
    let cut_off = prepare::cut_off(&releases).filter(|release| release.id == id);
    let cut_off = cut_off.ok_or_else(|| nothing_to_resume(session))?;
    let (plan, stage) = left_to_do(session, cut_off).await?;
    session.interrupt.check()?;
    let resumed = ReleaseEvent::Resumed { id };
    session
        .events
        .emit(Subject::Release, EventKind::Release(resumed));
    let record = Record::new(
        (id, cut_off.intent.nonce.clone()),
        lock.lease.clone(),
        Arc::clone(&session.ports.ledger),
        session.events.clone(),
    );
    for (service, revision) in rolled(cut_off) {
        record.remember(&service, &revision);
    }
    let before = cut_off.intent.before.clone();
    let provisioned = infrastructure::of(&cut_off.intent.plan).cloned();
    Ok(Planned {
        record,
        infrastructure: provisioned.or_else(|| before.infrastructure.clone()),
        plan,
        before,
        stage,
    })
}

/// The recorded plan without what is done, each rollout matched with what is live: a rollout that
/// was begun is followed and not begun again. A release that was on its way back goes on with that.
async fn left_to_do(session: &Session, cut_off: &Release) -> Result<(Plan, Stage), EngineError> {
    let recorded = &cut_off.intent.plan;
    let desired = prepare::planned(recorded);
    let only: BTreeSet<ServiceName> = desired.services.keys().cloned().collect();
    let live = prepare::live(session, &desired).await?;
    let policy = Policy {
        goal: Goal::Deploy,
        only: Some(only),
        orphans: Orphans::Keep,
    };
    let again = prepare::decide_on(&desired, &live, &policy)?;
    let mut plan = recorded.clone();
    plan.actions.retain_mut(|action| match &mut action.step {
        Step::Roll(roll) => match rolls_again(&again, &roll.service.name) {
            Some((kind, registered)) => {
                roll.kind = kind;
                roll.service.registered = registered;
                true
            }
            None => {
                // It came to its end meanwhile: following it finds that out at once.
                roll.kind = RollKind::Follow;
                roll.service.registered = live
                    .service(&roll.service.name)
                    .known()
                    .map(|live| live.revision.clone());
                true
            }
        },
        // Again even if it is done: a failure may have taken it back meanwhile.
        Step::Provision { .. } => true,
        _ => !is_done(cut_off, action),
    });
    let going_back = cut_off.going_back();
    if going_back.is_empty() {
        return Ok((plan, Stage::Forward));
    }
    let remainder = retreat::remainder(recorded, &cut_off.intent.before, &going_back);
    let has_tasks = |name: &ServiceName| {
        let live = live.service(name);
        live.known().is_some_and(|live| live.counts.desired > 0)
    };
    plan.actions.retain(|action| {
        roll::service_of(&action.step).is_some_and(|service| {
            remainder.followed.contains(&service.name) && has_tasks(&service.name)
        })
    });
    let way = WayBack {
        services: remainder.back,
        outcome: remainder.outcome,
        next_id: cut_off.next_id(),
    };
    Ok((plan, Stage::Back(way)))
}

fn rolls_again(
    again: &Plan,
    service: &ServiceName,
) -> Option<(RollKind, Option<seaway_core::desired::RevisionId>)> {
    again.actions.iter().find_map(|action| match &action.step {
        Step::Roll(roll) if roll.service.name == *service => {
            Some((roll.kind, roll.service.registered.clone()))
        }
        Step::Configure { service: again, .. } if again.name == *service => {
            Some((RollKind::Update, again.registered.clone()))
        }
        _ => None,
    })
}

fn is_done(release: &Release, action: &Action) -> bool {
    release.applied(action.id).is_some()
}

fn rolled(release: &Release) -> Vec<(ServiceName, seaway_core::desired::RevisionId)> {
    let revision = |action: &Action| match (&action.step, release.applied(action.id)?) {
        (Step::Roll(roll), seaway_core::release::Applied::Rolled { revision, .. }) => {
            Some((roll.service.name.clone(), revision.clone()))
        }
        _ => None,
    };
    release
        .intent
        .plan
        .actions
        .iter()
        .filter_map(revision)
        .collect()
}

/// A new release that brings back what ran before, and removes what the cut-off one created. It
/// closes that one's record under its own lock; see [`settle`](crate::settle).
async fn undo(
    session: &Session,
    cut_off: &Release,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let touched = prepare::planned(&cut_off.intent.plan);
    let policy = Policy {
        goal: Goal::Undo {
            release: cut_off.id,
        },
        only: Some(touched.services.into_keys().collect()),
        orphans: Orphans::Remove,
    };
    let desired = rollback::desired(&cut_off.intent.before);
    release(session, &desired, &policy, confirm).await
}
