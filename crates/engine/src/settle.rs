//! What a release that was cut off may have left running is waited for before anything new begins.

use seaway_core::plan::{ActionId, Plan, Step};
use seaway_core::release::{Entry, Outcome, Release, Snapshot};
use seaway_ports::JobState;

use crate::error::EngineError;
use crate::lock::HeldLock;
use crate::prepare;
use crate::roll::token;
use crate::session::Session;

const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// Two migrations must never run at once: a job that a cut-off release had begun is found again by
/// its token and waited for.
pub(crate) async fn interrupted_jobs(session: &Session) -> Result<(), EngineError> {
    let releases = prepare::releases(session).await?;
    let Some(release) = prepare::cut_off(&releases) else {
        return Ok(());
    };
    for action in &release.intent.plan.actions {
        let Step::RunJob { job } = &action.step else {
            continue;
        };
        if !is_open(release, action.id) {
            continue;
        }
        let token = token(release.id, action.id, &release.intent.nonce);
        let handle = session.ports.jobs.start(job, &token).await?;
        while session.ports.jobs.state(&handle).await? == JobState::Running {
            tokio::select! {
                () = session.ports.clock.sleep(LOOK_EVERY) => {}
                () = session.interrupt.wait() => return Err(EngineError::Interrupted),
            }
        }
    }
    Ok(())
}

/// Writes the end of a release that was cut off: where nothing of it is left to do it succeeded
/// after all, else the release that follows takes its place.
pub(crate) async fn close_cut_off(
    session: &Session,
    lock: &HeldLock,
    releases: &[Release],
    left: &Plan,
    running: &Snapshot,
) -> Result<(), EngineError> {
    let Some(release) = prepare::cut_off(releases) else {
        return Ok(());
    };
    let outcome = if left.is_empty() {
        Outcome::Succeeded
    } else {
        Outcome::Superseded
    };
    let ended = Entry::Ended {
        outcome,
        after: running.clone(),
    };
    session
        .ports
        .ledger
        .append(&lock.lease, release.id, &[ended])
        .await?;
    Ok(())
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
