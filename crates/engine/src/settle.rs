//! What a release that was cut off may have left running is waited for before anything new begins.

use seaway_core::desired::DesiredJob;
use seaway_core::live::Live;
use seaway_core::observed::Observed;
use seaway_core::plan::{Action, ActionId, Goal, Orphans, Plan, Policy, Step, plan};
use seaway_core::release::{Entry, Outcome, Release, Snapshot};
use seaway_ports::{JobState, PortErrorKind, Token};

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
            wait_for(session, job, &token).await?;
        }
    }
    Ok(())
}

async fn wait_for(session: &Session, job: &DesiredJob, token: &Token) -> Result<(), EngineError> {
    let Ports { jobs, clock, .. } = &session.ports;
    let handle = match persist(&**clock, || jobs.start(job, token)).await {
        Ok(handle) => handle,
        // It never began and cannot begin: nothing is left running.
        Err(error) if !error.is_passing() => {
            tracing::debug!(%error, "a job of a release that was cut off");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let give_up = clock.monotonic() + job.timeout.duration();
    loop {
        match look(session, &handle).await {
            Ok(JobState::Running) => {}
            Err(error) if error.kind != PortErrorKind::NotFound => return Err(error.into()),
            _ => return Ok(()),
        }
        if clock.monotonic() >= give_up {
            let stop = || jobs.stop(&handle, "the release it belonged to was cut off");
            return Ok(persist(&**clock, stop).await?);
        }
        tokio::select! {
            () = clock.sleep(LOOK_EVERY) => {}
            () = session.interrupt.wait() => return Err(EngineError::Interrupted),
        }
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
