//! What a release that was cut off may have left running is waited for before anything new begins.

use seaway_core::desired::DesiredJob;
use seaway_core::event::{EventKind, JobEvent, Subject};
use seaway_core::live::Live;
use seaway_core::observed::Observed;
use seaway_core::plan::{Action, ActionId, Goal, Orphans, Plan, Policy, Step, plan};
use seaway_core::release::{Entry, Outcome, Release, ReleaseId, Snapshot};
use seaway_ports::{JobState, PortError, PortErrorKind, Token};

use crate::error::EngineError;
use crate::jobs::look;
use crate::lock::HeldLock;
use crate::persist::persist;
use crate::prepare;
use crate::roll::token;
use crate::session::{Ports, Session};

const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// Two migrations must never run at once: a job that a cut-off release had begun is found again by
/// its token and waited for.
pub(crate) async fn interrupted_jobs(session: &Session) -> Result<(), EngineError> {
    let releases = prepare::releases(session).await?;
    let Some(release) = prepare::cut_off(&releases) else {
        return Ok(());
    };
    for action in &release.intent.plan.actions {
        if let Step::RunJob { job } = &action.step
            && is_open(release, action.id)
        {
            let token = token(release.id, action.id, &release.intent.nonce);
            wait_for(session, release.id, job, &token).await?;
        }
    }
    Ok(())
}

/// Waits for the job's task, if it left one running; it is not started here.
async fn wait_for(
    session: &Session,
    release: ReleaseId,
    job: &DesiredJob,
    token: &Token,
) -> Result<(), EngineError> {
    let Ports { jobs, clock, .. } = &session.ports;
    let Some(handle) = persist(&**clock, || jobs.find(token)).await? else {
        return Ok(());
    };
    let tell = |event| {
        let subject = Subject::Job(job.name.clone());
        session.events.emit(subject, EventKind::Job(event));
    };
    let give_up = clock.monotonic() + job.timeout.duration();
    let mut told = false;
    loop {
        let ended = match look(session, &handle).await {
            Ok(state) => end(state),
            Err(error) if error.kind == PortErrorKind::NotFound => Some(JobEvent::Failed {
                exit_code: None,
                reason: "its task is gone".to_owned(),
            }),
            Err(error) => return Err(error.into()),
        };
        if let Some(ended) = ended {
            // What had ended before was nothing to wait for.
            if told {
                tell(ended);
            }
            return Ok(());
        }
        if !told {
            told = true;
            let task = handle.task.clone();
            tell(JobEvent::Awaited { task, release });
        }
        if clock.monotonic() >= give_up {
            let reason = format!("not done after {}", job.timeout);
            persist(&**clock, || jobs.stop(&handle, &reason)).await?;
            tell(JobEvent::Failed {
                exit_code: None,
                reason,
            });
            return Ok(());
        }
        tokio::select! {
            () = clock.sleep(LOOK_EVERY) => {}
            () = session.interrupt.wait() => return Err(EngineError::Interrupted),
        }
    }
}

fn end(state: JobState) -> Option<JobEvent> {
    match state {
        JobState::Running => None,
        JobState::Succeeded => Some(JobEvent::Succeeded),
        JobState::Failed { exit_code, reason } => Some(JobEvent::Failed { exit_code, reason }),
    }
}

/// Whether what follows takes the place of a release that was cut off: a plan that is carried out
/// does, and a deploy that finds nothing to do. An undo closes the release itself, once it is done.
pub(crate) fn is_settled_by(goal: &Goal, plan: &Plan, holds: bool) -> bool {
    match goal {
        Goal::Undo { .. } => false,
        Goal::Deploy => plan.is_empty() || holds,
        _ => holds && !plan.is_empty(),
    }
}

/// Writes the end of every release that was cut off: where all of it is live it succeeded after
/// all, else the release that follows takes its place.
pub(crate) async fn close_cut_off(
    session: &Session,
    lock: &HeldLock,
    releases: &[Release],
    (live, running): (&Live, &Snapshot),
) -> Result<(), EngineError> {
    for release in releases {
        if release.outcome().is_some() {
            continue;
        }
        let outcome = if is_complete(release, live) {
            Outcome::Succeeded
        } else {
            Outcome::Superseded
        };
        let ended = [Entry::Ended {
            outcome,
            after: running.clone(),
        }];
        let ledger = &session.ports.ledger;
        let append = || ledger.append(&lock.lease, release.id, &ended);
        persist(&*session.ports.clock, append).await?;
    }
    Ok(())
}

/// Writes the end of the release that was taken back, if `goal` was to take one back: what it had
/// changed is gone, or it had changed nothing yet.
pub(crate) async fn close_undone(
    session: &Session,
    lock: &HeldLock,
    goal: &Goal,
) -> Result<(), PortError> {
    let Goal::Undo { release: id } = goal else {
        return Ok(());
    };
    let Ports { ledger, clock, .. } = &session.ports;
    let environment = &session.environment.name;
    let found = persist(&**clock, || ledger.read(environment, *id)).await?;
    let Some(open) = found.filter(|release| release.outcome().is_none()) else {
        return Ok(());
    };
    let ended = [Entry::Ended {
        outcome: Outcome::Undone,
        after: open.intent.before,
    }];
    persist(&**clock, || ledger.append(&lock.lease, *id, &ended)).await
}

/// Nothing of the release's plan is left to do.
fn is_complete(release: &Release, live: &Live) -> bool {
    let planned = &release.intent.plan;
    let desired = prepare::planned(planned);
    let policy = Policy {
        goal: Goal::Deploy,
        only: Some(desired.services.keys().cloned().collect()),
        orphans: Orphans::Keep,
    };
    let gone = |action: &Action| match &action.step {
        Step::Remove { service } => live.service(service) == Observed::Absent,
        _ => true,
    };
    plan(&desired, live, &policy).is_empty() && planned.actions.iter().all(gone)
}

/// Begun, and neither done nor failed.
fn is_open(release: &Release, id: ActionId) -> bool {
    let about = |wanted: fn(&Entry) -> Option<ActionId>| {
        release
            .entries
            .iter()
            .any(|stamped| wanted(&stamped.entry) == Some(id))
    };
    let begun = about(|entry| match entry {
        Entry::Begun { action } => Some(*action),
        _ => None,
    });
    let closed = about(|entry| match entry {
        Entry::Done { action, .. } | Entry::Failed { action, .. } => Some(*action),
        _ => None,
    });
    begun && !closed
}
