//! Phrases that several displays share.

use std::time::Duration;

use seaway_core::plan::{Decision, Plan};
use seaway_core::plan::{Goal, RollKind, Step};
use seaway_core::release::{Origin, Outcome, Source};
use seaway_core::rollout::Counts;

use crate::style::Mark;
use crate::when::took;

/// Names that are listed before the rest is only counted.
const LISTED: usize = 7;

/// `1 service`, `3 services`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// `4.2 MB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes / 100 % 10),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// `api, catalog`; of many names the first ones and how many more.
pub(crate) fn list(names: &[&str]) -> String {
    if names.len() <= LISTED + 1 {
        return names.join(", ");
    }
    format!(
        "{} and {} more",
        names[..LISTED].join(", "),
        names.len() - LISTED
    )
}

/// What a release is for.
pub(crate) fn goal(goal: &Goal) -> String {
    match goal {
        Goal::Deploy => "deploy".into(),
        Goal::Rollback { to } => format!("rollback to {to}"),
        Goal::RollbackService { to } => format!("rollback to {}", to.short()),
        Goal::Restart => "restart".into(),
        Goal::Scale { count } => format!("scale to {count}"),
        Goal::Undo { release } => format!("undo of {release}"),
    }
}

/// With a capital letter in front.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// The sources of a release.
pub(crate) fn source(origin: &Origin) -> String {
    let short = |id: &str| id.chars().take(12).collect::<String>();
    match &origin.source {
        Source::Commit { id } => short(id),
        Source::Dirty { id } => format!("{} + changes", short(id)),
        Source::Unversioned => "no commit".into(),
        Source::Recorded => "recorded".into(),
    }
}

/// The symbol of an outcome.
pub(crate) fn outcome_mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Succeeded => Mark::Good,
        Outcome::RolledBack | Outcome::Undone => Mark::Back,
        Outcome::Superseded => Mark::Passed,
        Outcome::Failed => Mark::Bad,
    }
}

/// `new 1/2 running, 1 pending; old 2`.
pub(crate) fn counts(new: Counts, old: Counts) -> String {
    let mut text = format!("new {}/{} running", new.running, new.desired);
    if new.pending > 0 {
        text += &format!(", {} pending", new.pending);
    }
    if new.failed > 0 {
        text += &format!(", {} failed", new.failed);
    }
    if old.running + old.pending > 0 {
        text += &format!("; old {}", old.running + old.pending);
    }
    text
}

/// `new 1/2, 1 failed, old 2`: where room is short.
pub(crate) fn brief_counts(new: Counts, old: Counts) -> String {
    let mut text = format!("new {}/{}", new.running, new.desired);
    if new.failed > 0 {
        text += &format!(", {} failed", new.failed);
    }
    if old.running + old.pending > 0 {
        text += &format!(", old {}", old.running + old.pending);
    }
    text
}

/// How a rollout begins.
pub(crate) fn rolling(how: RollKind) -> &'static str {
    match how {
        RollKind::Create => "creating with",
        RollKind::Update => "rolling to",
        RollKind::Force => "new tasks of",
        RollKind::Follow => "following the rollout of",
    }
}

/// The part of a task's id that people compare.
pub(crate) fn short_task(task: &str) -> &str {
    let id = task.rsplit('/').next().unwrap_or(task);
    id.char_indices().nth(8).map_or(id, |(at, _)| &id[..at])
}

/// A platform's message without the service's name in front of it, which is said already.
pub(crate) fn platform(message: &str) -> &str {
    let rest = message
        .strip_prefix("(service ")
        .and_then(|rest| rest.split_once(") "));
    rest.map_or(message, |(_, rest)| rest)
}

/// `after 180 ms`, `after 1.2s`.
pub(crate) fn after(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("after {milliseconds} ms"),
        _ => format!("after {}", took(Duration::from_millis(milliseconds))),
    }
}

/// Names of the services that a plan changes, in order.
pub(crate) fn changed(plan: &Plan) -> Vec<String> {
    let changes =
        |decision: &Decision| matches!(decision, Decision::Deploy { .. } | Decision::Remove);
    let services = plan
        .services
        .iter()
        .filter(|(_, decision)| changes(decision));
    services.map(|(name, _)| name.to_string()).collect()
}

/// `deploy of api`, `restart of 3 services`: a release in a few words.
pub(crate) fn what(plan: &Plan) -> String {
    let names = changed(plan);
    let verb = goal(&plan.goal);
    match names.as_slice() {
        [] => verb,
        [one] => format!("{verb}: {one}"),
        [one, other] => format!("{verb}: {one}, {other}"),
        many => format!("{verb}: {}", count(many.len(), "service")),
    }
}

/// Number of jobs in a plan.
pub(crate) fn jobs(plan: &Plan) -> usize {
    plan.actions
        .iter()
        .filter(|action| matches!(action.step, Step::RunJob { .. }))
        .count()
}
