//! Goes on with a release that was cut off, or takes it back. Reads the record, never the working
//! tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use seaway_core::desired::Desired;
use seaway_core::event::{EventKind, ReleaseEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, Goal, Orphans, Plan, Policy, RollKind, Step};
use seaway_core::release::{Entry, Outcome, Release};
use seaway_core::rollback;

use crate::deploy::{Planned, make, release};
use crate::error::EngineError;
use crate::guard::{Answer, Confirm, Occasion};
use crate::lock::HeldLock;
use crate::prepare;
use crate::record::Record;
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
    let nothing = || EngineError::NothingToResume {
        environment: session.environment.name.clone(),
    };
    let cut_off = prepare::cut_off(&releases).ok_or_else(nothing)?;
    match resumption {
        Resumption::GoOn => go_on(session, cut_off, confirm).await,
        Resumption::Undo => undo(session, cut_off, confirm).await,
    }
}

/// The same release, what is left of its plan.
async fn go_on(
    session: &Session,
    cut_off: &Release,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    if confirm.confirm(&cut_off.intent.plan, Occasion::First).await == Answer::Declined {
        return Err(EngineError::Declined);
    }
    let lock = HeldLock::acquire(session, &format!("resume {}", cut_off.id)).await?;
    let plan = match left_to_do(session, cut_off).await {
        Ok(plan) => plan,
        Err(error) => {
            lock.release().await;
            return Err(error);
        }
    };
    let resumed = ReleaseEvent::Resumed { id: cut_off.id };
    session
        .events
        .emit(Subject::Release, EventKind::Release(resumed));
    let record = Record::new(
        (cut_off.id, cut_off.intent.nonce.clone()),
        lock.lease.clone(),
        Arc::clone(&session.ports.ledger),
        session.events.clone(),
    );
    for (service, revision) in rolled(cut_off) {
        record.remember(&service, &revision);
    }
    let before = cut_off.intent.before.clone();
    make(
        session,
        lock,
        Planned {
            record,
            plan,
            before,
        },
    )
    .await
}

/// The recorded plan without what is done, each rollout matched with what is live: a rollout that
/// was begun is followed and not begun again.
async fn left_to_do(session: &Session, cut_off: &Release) -> Result<Plan, EngineError> {
    let recorded = &cut_off.intent.plan;
    let desired = recorded_desired(recorded);
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
        _ => !is_done(cut_off, action),
    });
    Ok(plan)
}

fn rolls_again(
    again: &Plan,
    service: &ServiceName,
) -> Option<(RollKind, Option<seaway_core::desired::RevisionId>)> {
    again.actions.iter().find_map(|action| match &action.step {
        Step::Roll(roll) if roll.service.name == *service => {
            Some((roll.kind, roll.service.registered.clone()))
        }
        _ => None,
    })
}

fn recorded_desired(plan: &Plan) -> Desired {
    let services = plan.actions.iter().filter_map(|action| match &action.step {
        Step::Roll(roll) => Some((roll.service.name.clone(), roll.service.clone())),
        Step::Configure { service, .. } => Some((service.name.clone(), (**service).clone())),
        _ => None,
    });
    Desired {
        infrastructure: None,
        services: services.collect(),
        jobs: Default::default(),
    }
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

/// A new release that brings back what ran before, and removes what the cut-off one created.
async fn undo(
    session: &Session,
    cut_off: &Release,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let touched = recorded_desired(&cut_off.intent.plan);
    let policy = Policy {
        goal: Goal::Undo {
            release: cut_off.id,
        },
        only: Some(touched.services.into_keys().collect()),
        orphans: Orphans::Remove,
    };
    let desired = rollback::desired(&cut_off.intent.before);
    let completed = release(session, &desired, &policy, confirm).await?;
    if let Completed::NothingToDo { .. } = &completed {
        close_as_undone(session, cut_off).await?;
    }
    Ok(completed)
}

/// Nothing had been changed yet: the record is closed, nothing else is left to do.
async fn close_as_undone(session: &Session, cut_off: &Release) -> Result<(), EngineError> {
    let current = session
        .ports
        .ledger
        .read(&session.environment.name, cut_off.id)
        .await?;
    if current.is_some_and(|release| release.outcome().is_some()) {
        return Ok(());
    }
    let lock = HeldLock::acquire(session, &format!("undo {}", cut_off.id)).await?;
    let ended = Entry::Ended {
        outcome: Outcome::Undone,
        after: cut_off.intent.before.clone(),
    };
    let written = session
        .ports
        .ledger
        .append(&lock.lease, cut_off.id, &[ended])
        .await;
    lock.release().await;
    Ok(written?)
}
