//! What the ends of tasks show.

use super::{Case, Cause, CauseKind};
use crate::rollout::{StopSeen, TaskSeen};
use crate::time::Timestamp;

/// Attempts that must end the same way before a crash counts as certain.
const CERTAIN_AFTER: usize = 2;

/// Exit code of a process that was killed by SIGKILL.
const KILLED: i32 = 137;

/// Part of every message about a log stream that could not be created.
const NOWHERE_TO_LOG: &str = "failed to create Cloudwatch log stream";

/// A task that could not be started for a reason that will not change.
pub(super) fn unstartable(case: &Case<'_>) -> Option<Cause> {
    let of_task = |(task, stop): (&TaskSeen, &StopSeen)| {
        Some(Cause {
            kind: unstartable_kind(stop)?,
            evidence: stop.words(),
            since: case.sightings.end(task)?,
            tasks: vec![task.id.clone()],
        })
    };
    stops(case).find_map(of_task).or_else(|| unplaced(case))
}

/// The same from the platform's events, where no task is left to ask.
fn unplaced(case: &Case<'_>) -> Option<Cause> {
    let events = &case.progress.events;
    let cause = |(text, kind): (&str, CauseKind)| {
        let tells = |words: &str| words.contains(text) && !is_passing(words);
        let found = events.iter().find(|event| tells(&event.message))?;
        Some(Cause {
            kind,
            evidence: found.message.clone(),
            since: found.at,
            tasks: vec![],
        })
    };
    [
        ("CannotPullContainerError", CauseKind::ImageMissing),
        (NOWHERE_TO_LOG, CauseKind::LogGroupMissing),
        ("ResourceInitializationError", CauseKind::SecretMissing),
    ]
    .into_iter()
    .find_map(cause)
}

fn unstartable_kind(stop: &StopSeen) -> Option<CauseKind> {
    let container = stop.container_reason.as_deref().unwrap_or("");
    let words = format!("{} {container}", stop.reason);
    if is_passing(&words) {
        return None;
    }
    if words.contains("CannotPullContainerError") {
        return Some(CauseKind::ImageMissing);
    }
    if words.contains(NOWHERE_TO_LOG) {
        return Some(CauseKind::LogGroupMissing);
    }
    if words.contains("ResourceInitializationError") {
        return Some(CauseKind::SecretMissing);
    }
    let not_started = words.contains("CannotStartContainerError");
    // Docker's, the kernel's and the embedded platform's words for it.
    let lower = words.to_lowercase();
    let for_good = [
        "not found",
        "no such file",
        "permission denied",
        "not a file",
        "neither a program",
    ];
    let unusable = for_good.iter().any(|text| lower.contains(text));
    if (not_started && unusable) || stop.exit_code == Some(127) {
        return Some(CauseKind::CommandNotFound);
    }
    None
}

/// A registry that did not answer in time may answer the next time.
fn is_passing(words: &str) -> bool {
    let not_in_time = words.contains("timeout") || words.contains("i/o time");
    words.contains("CannotPullContainerError") && not_in_time
}

/// Two tasks that ended by themselves while none is in service. The evidence sufficed with the
/// second of them, or when the last task in service was gone.
pub(super) fn crashing(case: &Case<'_>) -> Option<Cause> {
    let tasks = &case.progress.tasks;
    if tasks.iter().any(TaskSeen::is_in_service) {
        return None;
    }
    let crashes: Vec<(&TaskSeen, &StopSeen)> =
        stops(case).filter(|(_, stop)| stop.is_crash()).collect();
    let mut ends: Vec<Timestamp> = crashes
        .iter()
        .filter_map(|(task, _)| case.sightings.end(task))
        .collect();
    ends.sort_unstable();
    let certain = *ends.get(CERTAIN_AFTER - 1)?;
    let (_, last) = crashes.last()?;
    let kind = if crashes.iter().any(|(_, stop)| stop.is_out_of_memory()) {
        CauseKind::OutOfMemory
    } else {
        CauseKind::CrashOnStart {
            exit_code: last.exit_code.filter(|code| *code != KILLED),
        }
    };
    Some(Cause {
        kind,
        evidence: last.words(),
        since: certain.max(case.sightings.in_service().unwrap_or(certain)),
        tasks: crashes.iter().map(|(task, _)| task.id.clone()).collect(),
    })
}

/// The tasks that ended, or are about to, and why.
fn stops<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a TaskSeen, &'a StopSeen)> {
    let tasks = case.progress.tasks.iter();
    tasks.filter_map(|task| Some((task, task.stop.as_ref()?)))
}
