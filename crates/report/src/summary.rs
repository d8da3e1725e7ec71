//! The last lines of a release: how it ended, and what can be done next.

use std::time::Duration;

use seaway_core::name::EnvironmentName;
use seaway_core::plan::{Decision, Plan, Reason};
use seaway_core::release::{Outcome, ReleaseId};

use crate::style::{Role, Style};
use crate::text::Text;
use crate::when::took;
use crate::words;

/// A release that ended.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    pub release: ReleaseId,
    pub outcome: Outcome,
    pub plan: &'a Plan,
    pub took: Duration,
    pub environment: &'a EnvironmentName,
    /// What a plain `rollback` would go back to now.
    pub back: Option<ReleaseId>,
}

/// How it ended, and the next step.
pub fn summary(summary: &Summary<'_>, style: Style) -> String {
    let Summary {
        release,
        outcome,
        environment,
        ..
    } = summary;
    let mark = words::outcome_mark(*outcome);
    let line = Text::new(mark.role(), format!("{} ", style.mark(mark)))
        .and(Role::Strong, release.to_string())
        .and(Role::Plain, format!(" of {environment} "))
        .and(mark.role(), verb(*outcome))
        .and(
            Role::Plain,
            format!(" {} {}", preposition(*outcome), took(summary.took)),
        )
        .and(Role::Plain, format!(": {}", came_to(summary)));
    let mut out = String::new();
    for line in line.wrap(style.width) {
        out += &format!("{}\n", line.paint(style));
    }
    for next in next_steps(summary) {
        let hint = Text::new(Role::Strong, "hint: ").and(Role::Plain, next);
        for line in hint.wrap(style.width) {
            out += &format!("{}\n", line.paint(style));
        }
    }
    out
}

fn verb(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::RolledBack => "was rolled back",
        Outcome::Superseded => "was superseded",
        Outcome::Failed => "failed",
        Outcome::Undone => "was undone",
    }
}

fn preposition(outcome: Outcome) -> &'static str {
    if outcome == Outcome::Succeeded {
        "in"
    } else {
        "after"
    }
}

fn came_to(summary: &Summary<'_>) -> String {
    match summary.outcome {
        Outcome::Succeeded => {
            let services = words::changed(summary.plan).len();
            let jobs = words::jobs(summary.plan);
            let mut text = format!("{} changed", words::count(services, "service"));
            if jobs > 0 {
                text += &format!(", {} run", words::count(jobs, "job"));
            }
            text
        }
        Outcome::RolledBack => "what ran before runs again".into(),
        Outcome::Superseded => "a newer rollout took its place".into(),
        Outcome::Failed => "what failed is named above".into(),
        Outcome::Undone => "what it had changed was taken back".into(),
    }
}

/// Nothing ran before that one could go back to.
fn is_first(plan: &Plan) -> bool {
    let new = |decision: &Decision| match decision {
        Decision::Deploy { reasons } => reasons.contains(&Reason::New),
        _ => false,
    };
    plan.services.values().all(new)
}

fn next_steps(summary: &Summary<'_>) -> Vec<String> {
    let Summary {
        release,
        outcome,
        environment,
        plan,
        ..
    } = summary;
    let names = words::changed(plan);
    let service = match names.as_slice() {
        [one] if words::jobs(plan) == 0 => format!(" {one}"),
        _ => String::new(),
    };
    let logs = format!("`seaway logs {environment}{service}` shows what the tasks wrote");
    let replay = format!("`seaway history {environment} {release}` replays this release");
    let status = format!("`seaway status {environment}` shows what runs");
    let back = summary
        .back
        .map(|release| format!("`seaway rollback {environment}` goes back to {release}"));
    match outcome {
        Outcome::Succeeded => match back {
            Some(back) => vec![format!("{status}; {back}")],
            None => vec![status],
        },
        Outcome::RolledBack => vec![format!("{logs}; {replay}")],
        Outcome::Superseded => vec![format!(
            "{status}; `seaway history {environment}` shows by whom"
        )],
        Outcome::Failed if is_first(plan) => vec![format!("{status}; {logs}")],
        Outcome::Failed => [Some(format!("{status}; {logs}")), back]
            .into_iter()
            .flatten()
            .collect(),
        Outcome::Undone => vec![status],
    }
}
