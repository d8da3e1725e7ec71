//! Names the cause of a rollout that cannot succeed.
//!
//! A platform's circuit breaker counts failures; Seaway reads them. A failure counts as
//! deterministic when the next attempt cannot end differently (an image that is not there), when
//! two attempts ended the same way and none succeeded, or when the load balancer refuses what has
//! had its time. ECS-SEMANTICS.md has the texts that are matched here.
//!
//! A cause says since when the evidence sufficed, so that the time to its name can be measured.
//! That moment is the platform's where the platform tells it. Where it does not, it is the last
//! look that did not show the evidence yet, never the first that did: what a poll came too late
//! for counts against the poll.

mod cause;
mod checks;
mod sightings;
mod stops;

use crate::desired::WatchRules;
use crate::rollout::{Progress, RolloutState};
use crate::time::Timestamp;

pub use cause::{Cause, CauseKind};
pub use sightings::{Look, Sightings};

/// What there is to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The latest look.
    pub progress: &'a Progress,
    /// What the latest look and those before it saw of the tasks.
    pub sightings: &'a Sightings,
    pub rules: &'a WatchRules,
    /// When the rollout was asked for.
    pub began: Timestamp,
    pub now: Timestamp,
}

/// The cause for which a rollout under way cannot end well, if the evidence suffices.
pub fn diagnose(case: &Case<'_>) -> Option<Cause> {
    if case.progress.state != RolloutState::InProgress {
        return None;
    }
    explain(case).or_else(|| timed_out(case))
}

/// What a rollout shows of a failure, whether or not the platform acted on it already.
pub fn explain(case: &Case<'_>) -> Option<Cause> {
    stops::unstartable(case)
        .or_else(|| stops::crashing(case))
        .or_else(|| checks::refused(case))
}

/// The next moment at which time alone may turn what was seen into a cause.
pub fn due(case: &Case<'_>) -> Option<Timestamp> {
    if case.progress.state != RolloutState::InProgress {
        return None;
    }
    let graces = checks::graces(case);
    graces
        .chain(time_out(case))
        .filter(|at| *at > case.now)
        .min()
}

fn timed_out(case: &Case<'_>) -> Option<Cause> {
    let end = time_out(case)?;
    (case.now >= end).then(|| Cause {
        kind: CauseKind::TimedOut,
        evidence: format!("not completed after {}", case.rules.timeout),
        since: end,
        tasks: vec![],
    })
}

fn time_out(case: &Case<'_>) -> Option<Timestamp> {
    let timeout = case.rules.timeout.duration();
    case.began.saturating_add(timeout).ok()
}

#[cfg(test)]
mod tests;
