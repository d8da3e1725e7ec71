//! What a look at a rollout leads to: to go on, to give it up, or its end.

use super::{Counts, Progress, RolloutState};
use crate::diagnosis::Cause;
use crate::event::RolloutEnd;
use crate::time::{Seconds, Timestamp};

/// How far a rollout has come that is to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retreat {
    /// It is not to be taken back.
    #[default]
    No,
    /// The platform was asked to.
    Asked,
    /// There is nothing to go back to; scaling to zero was not answered yet.
    GivingUp,
    /// There was nothing to go back to: scaled to zero.
    GivenUp,
}

/// A rollout that is followed: the latest look at it, and what is known besides.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    pub progress: &'a Progress,
    /// Nothing ran before it.
    pub first: bool,
    pub retreat: Retreat,
    /// When it was asked to go back, or was first seen to.
    pub retreat_began: Option<Timestamp>,
    pub cause: Option<&'a Cause>,
    /// Going back may take as long as the rollout itself might have.
    pub timeout: Seconds,
    pub now: Timestamp,
}

/// What comes after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Follow,
    /// What is left of a first rollout is scaled to zero.
    GiveUp,
    End(RolloutEnd),
}

/// What comes after a look at a rollout.
pub fn next(course: &Course<'_>) -> Next {
    match course.retreat {
        Retreat::GivingUp => overdue(course),
        Retreat::GivenUp if is_empty(course.progress) => Next::End(failed(course)),
        Retreat::GivenUp => overdue(course),
        Retreat::No | Retreat::Asked => by_state(course),
    }
}

/// A change of nothing but the count.
#[derive(Debug, Clone, Copy)]
pub struct CountAim {
    /// So many tasks should run.
    pub count: u32,
    /// When it was asked for.
    pub began: Timestamp,
    pub timeout: Seconds,
}

/// The end of a change of the count: so many tasks run, or the time is over.
pub fn counted(progress: &Progress, aim: &CountAim, now: Timestamp) -> Option<RolloutEnd> {
    let running = progress.new.running + progress.old.running;
    let pending = progress.new.pending + progress.old.pending;
    if running == aim.count && pending == 0 {
        return Some(RolloutEnd::Succeeded);
    }
    if let RolloutState::Superseded { by } = &progress.state {
        return Some(RolloutEnd::Superseded { by: by.clone() });
    }
    let end = aim.began.saturating_add(aim.timeout.duration()).ok()?;
    (now >= end).then(|| RolloutEnd::Failed {
        cause: None,
        reason: Some(format!(
            "{running} of {} tasks run after {}",
            aim.count, aim.timeout
        )),
    })
}

fn by_state(course: &Course<'_>) -> Next {
    match &course.progress.state {
        RolloutState::InProgress | RolloutState::RollingBack => overdue(course),
        RolloutState::RolledBack { .. } | RolloutState::Failed if course.first => Next::GiveUp,
        RolloutState::Succeeded => Next::End(RolloutEnd::Succeeded),
        RolloutState::RolledBack { to } => Next::End(RolloutEnd::RolledBack {
            to: to.clone(),
            cause: course.cause.cloned(),
            reason: course.progress.reason.clone(),
        }),
        RolloutState::Superseded { by } => Next::End(RolloutEnd::Superseded { by: by.clone() }),
        RolloutState::Failed => Next::End(failed(course)),
    }
}

/// Going back that takes too long is not waited for any longer.
fn overdue(course: &Course<'_>) -> Next {
    let timeout = course.timeout;
    let due = |began: Timestamp| began.saturating_add(timeout.duration()).ok();
    let over = |end: Timestamp| course.now >= end;
    if !course.retreat_began.and_then(due).is_some_and(over) {
        return Next::Follow;
    }
    Next::End(RolloutEnd::Failed {
        cause: course.cause.cloned(),
        reason: Some(format!("it was to go back, and did not within {timeout}")),
    })
}

fn failed(course: &Course<'_>) -> RolloutEnd {
    RolloutEnd::Failed {
        cause: course.cause.cloned(),
        reason: course.progress.reason.clone(),
    }
}

fn is_empty(progress: &Progress) -> bool {
    let left = |counts: Counts| counts.running + counts.pending;
    left(progress.new) + left(progress.old) == 0
}
