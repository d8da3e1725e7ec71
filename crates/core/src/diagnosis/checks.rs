//! What failed health checks show: a task that the load balancer refuses after its grace period.
//!
//! The evidence of such a task is complete when three things have come together: it started, its
//! grace period is over, and it failed so many checks in a row that its target is unhealthy. Until
//! then ECS itself would let it live, and it may still come into service. A check that waits for an
//! answer fails only with its time-out, so a target that answers too late is unhealthy at the
//! earliest after the unhealthy threshold of such waits.
//!
//! What counts, and since when:
//! - a target that a look shows unhealthy: since the grace period ended, or since the look before
//!   the first that showed it so, whichever is later;
//! - the event `(task T) ... is unhealthy in ...`, which ECS writes after the grace period only:
//!   since then, unless a look had shown it before;
//! - a target that is undecided although the check's own numbers had decided on it: since then. While
//!   a changed check is proved, the load balancer puts up with more failures than the check allows;
//! - a task stopped with `Task failed ELB health checks`: since one of the above, else since its
//!   end, as soon as a look was made after it.

use super::{Case, Cause, CauseKind};
use crate::rollout::{PlatformEvent, TargetSeen, TargetState, TaskSeen};
use crate::time::Timestamp;

/// Reason and description of a target that refused or broke the connection.
const NO_ANSWER: (&str, &str) = ("Target.FailedHealthChecks", "Health checks failed");

/// A task that the load balancer refused for good.
struct Refused<'a> {
    task: &'a TaskSeen,
    answer: Answer,
    cause: CauseKind,
    evidence: String,
    since: Timestamp,
}

/// Tasks that the load balancer refuses after their grace periods while none is, or was, in
/// service. One that answered badly shows that something listens, whatever happened to others; one
/// of which no answer is known shows nothing beside one that is known to have given none.
pub(super) fn refused(case: &Case<'_>) -> Option<Cause> {
    if case.sightings.in_service().is_some() {
        return None;
    }
    let tasks = case.progress.tasks.iter();
    let all: Vec<Refused<'_>> = tasks.filter_map(|task| refusal(case, task)).collect();
    let telling = all.iter().min_by_key(|one| one.answer)?;
    let alike = || all.iter().filter(|one| one.cause == telling.cause);
    Some(Cause {
        kind: telling.cause.clone(),
        evidence: telling.evidence.clone(),
        since: alike().map(|one| one.since).min()?,
        tasks: alike().map(|one| one.task.id.clone()).collect(),
    })
}

/// The ends of the grace periods of tasks that wait for the load balancer.
pub(super) fn graces(case: &Case<'_>) -> impl Iterator<Item = Timestamp> {
    let waits = |task: &&TaskSeen| {
        let state = task.target.as_ref().map(|target| target.state);
        let undecided = [Some(TargetState::Initial), Some(TargetState::Unhealthy)];
        task.stop.is_none() && undecided.contains(&state)
    };
    let tasks = || case.progress.tasks.iter().filter(waits);
    let decisions = tasks().filter_map(|task| decided_at(case, task));
    tasks()
        .filter_map(|task| excused_until(case, task))
        .chain(decisions)
}

fn refusal<'a>(case: &Case<'_>, task: &'a TaskSeen) -> Option<Refused<'a>> {
    let notice = notice(case, task);
    let seen = case.sightings.refusal(task);
    // A look reads the events before the tasks: those of a task that ends in between are in the
    // next one.
    let has_all_events =
        seen.is_some() || case.progress.state.is_final() || case.sightings.had_ended(task);
    let stopped_for_it = || {
        let stop = task.stop.as_ref().filter(|_| has_all_events);
        stop.filter(|stop| stop.reason.contains("failed ELB health checks"))
    };
    let overdue = overdue_since(case, task);
    let is_told = notice.is_some() || stopped_for_it().is_some();
    let counts = is_refused_now(case, task) || is_told || overdue.is_some();
    let excused = excused_until(case, task);
    if !counts || seen.is_some_and(|seen| is_of_the_balancer(&seen.target)) {
        return None;
    }
    let told = notice.map(|(at, _)| at);
    let since = seen
        .map(|seen| seen.change.since(told))
        .or(told)
        .or(overdue)
        .or_else(|| case.sightings.end(task))?;
    // The newest word counts: while it starts, a task refuses connections that it answers later.
    let seen_last = seen.map(|seen| (seen.last, Words::of_target(&seen.target)));
    let told_last = notice.map(|(at, reason)| (at, Words::of_event(reason)));
    let newest = seen_last
        .into_iter()
        .chain(told_last)
        .max_by_key(|(at, _)| *at);
    let words = match newest {
        Some((_, words)) => words,
        None if overdue.is_some() => Words {
            answer: Answer::Unknown,
            text: "no check passed".to_owned(),
        },
        None => Words {
            answer: Answer::Unknown,
            text: stopped_for_it()?.words(),
        },
    };
    Some(Refused {
        task,
        answer: words.answer,
        cause: words.cause(case),
        evidence: words.text,
        since: since.max(excused.unwrap_or(case.began)),
    })
}

/// Whether this look shows a live task refused beyond its grace period.
fn is_refused_now(case: &Case<'_>, task: &TaskSeen) -> bool {
    let unhealthy = |target: &TargetSeen| target.state == TargetState::Unhealthy;
    task.target.as_ref().is_some_and(unhealthy)
        && excused_until(case, task).is_some_and(|end| case.now >= end)
}

/// Since when a live task is undecided that should be in service or refused.
fn overdue_since(case: &Case<'_>, task: &TaskSeen) -> Option<Timestamp> {
    let undecided = |target: &TargetSeen| target.state == TargetState::Initial;
    let is_undecided = task.stop.is_none() && task.target.as_ref().is_some_and(undecided);
    let at = decided_at(case, task).filter(|at| case.now >= *at)?;
    is_undecided.then_some(at)
}

/// When the check's own numbers, and the grace period, have decided on a task.
fn decided_at(case: &Case<'_>, task: &TaskSeen) -> Option<Timestamp> {
    let decided = case.rules.decided?.duration();
    let at = task.started_at?.saturating_add(decided).ok()?;
    Some(at.max(excused_until(case, task)?))
}

/// An error inside the load balancer says nothing about the task.
fn is_of_the_balancer(target: &TargetSeen) -> bool {
    let reason = target.reason.as_deref();
    reason.is_some_and(|reason| reason.starts_with("Elb."))
}

fn excused_until(case: &Case<'_>, task: &TaskSeen) -> Option<Timestamp> {
    let grace = case.rules.grace.duration();
    task.started_at?.saturating_add(grace).ok()
}

/// When the platform first wrote that a task is unhealthy, and the reason it gave last.
fn notice<'a>(case: &Case<'a>, task: &TaskSeen) -> Option<(Timestamp, &'a str)> {
    let events = case.progress.events.iter();
    let mut about_it = events.filter_map(|event| Some((event.at, reason(event, task)?)));
    let (first, reason) = about_it.next()?;
    Some((
        first,
        about_it.next_back().map_or(reason, |(_, reason)| reason),
    ))
}

/// The reason in `(task T) (port P) is unhealthy in (target-group G) due to (reason R).`
fn reason<'a>(event: &'a PlatformEvent, task: &TaskSeen) -> Option<&'a str> {
    let (who, what) = event.message.split_once(" is unhealthy in ")?;
    if !who.contains(&format!("(task {})", task.id)) {
        return None;
    }
    let (_, reason) = what.split_once("(reason ")?;
    let reason = reason.trim_end_matches('.');
    Some(reason.strip_suffix(')').unwrap_or(reason))
}

/// What is known of the answers to a task's checks.
struct Words {
    answer: Answer,
    text: String,
}

/// The more telling ones first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    /// A status that is not accepted, or one that came too late.
    Bad,
    /// Nothing listens, or what listens speaks no HTTP.
    None,
    Unknown,
}

impl Words {
    fn of_target(target: &TargetSeen) -> Self {
        let text = target.description.as_ref().or(target.reason.as_ref());
        Self {
            answer: match target.reason.as_deref() {
                Some(reason) if reason == NO_ANSWER.0 => Answer::None,
                Some(_) => Answer::Bad,
                None => Answer::Unknown,
            },
            text: text.map_or_else(|| "unhealthy".to_owned(), Clone::clone),
        }
    }

    fn of_event(reason: &str) -> Self {
        Self {
            answer: if reason == NO_ANSWER.1 {
                Answer::None
            } else {
                Answer::Bad
            },
            text: reason.to_owned(),
        }
    }

    fn cause(&self, case: &Case<'_>) -> CauseKind {
        match self.answer {
            Answer::None => CauseKind::WrongPort {
                port: case.rules.port,
            },
            Answer::Bad | Answer::Unknown => CauseKind::NeverHealthy {
                path: case.rules.health_path.clone(),
            },
        }
    }
}
