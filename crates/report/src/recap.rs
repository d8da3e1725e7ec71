//! What a release came to, service by service, with what is needed to understand a failure.

use seaway_core::desired::RevisionId;
use seaway_core::event::Subject;

use crate::log_line::quoted;
use crate::narrate::subject_name;
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::track::{Ending, FailingTasks, State, Track};
use crate::words;

/// Where explanations begin.
const INDENT: usize = 4;
const NARROWEST: usize = 24;

/// The results between empty lines; nothing where there were none.
pub(crate) fn recap(track: &Track, style: Style) -> String {
    if track.subjects.is_empty() {
        return String::new();
    }
    let names = track
        .subjects
        .keys()
        .map(|subject| subject_name(subject).len());
    let width = names.max().unwrap_or(0);
    let mut out = String::from("\n");
    for (subject, state) in &track.subjects {
        let (mark, text) = result(subject, state);
        let name = format!("{:<width$}  ", subject_name(subject));
        let line = Text::plain("  ")
            .and(mark.role(), style.mark(mark))
            .and(Role::Plain, " ")
            .and(Role::Strong, name)
            .join(text);
        push_wrapped(&mut out, &line, 0, style);
        if mark != Mark::Good {
            explain(&mut out, state, style);
        }
    }
    out.push('\n');
    out
}

fn result(subject: &Subject, state: &State) -> (Mark, Text) {
    let revision = state.revision.as_ref().map(RevisionId::short);
    let back_on = |lead: &str, revision: Option<&str>| {
        let revision = revision.unwrap_or("what ran before");
        let text = Text::plain(format!("{lead} {revision}: ")).join(why(state));
        (Mark::Back, text)
    };
    match state.ending() {
        None => (
            Mark::Passed,
            Text::plain("not ended when the release ended"),
        ),
        Some(Ending::Succeeded) if matches!(subject, Subject::Job(_)) => {
            (Mark::Good, Text::plain("succeeded"))
        }
        Some(Ending::Succeeded) => {
            let revision = Text::plain(revision.unwrap_or("as wanted"));
            (Mark::Good, revision.join(running(state)))
        }
        Some(Ending::Removed) => (Mark::Good, Text::plain("removed")),
        Some(Ending::RolledBack { to }) => {
            back_on("rolled back to", to.as_ref().map(RevisionId::short))
        }
        Some(Ending::TakenBack) => back_on("back on", revision),
        Some(Ending::Superseded) => (Mark::Passed, Text::plain("superseded by a newer rollout")),
        Some(Ending::Failed { .. }) => {
            let text = Text::new(Role::Bad, "failed: ").join(why(state));
            (Mark::Bad, text)
        }
    }
}

fn running(state: &State) -> Text {
    let Some((new, _)) = state.counts else {
        return Text::default();
    };
    let text = format!("  {}/{} running", new.running, new.desired);
    Text::new(Role::Dim, text)
}

/// The cause where there is one, else the words that were given.
fn why(state: &State) -> Text {
    let given = match state.ending() {
        Some(Ending::Failed { reason }) => reason.as_deref(),
        _ => None,
    };
    let words = match (&state.cause, given, state.retreat.as_deref()) {
        (Some(cause), ..) => cause.title(),
        (None, Some(reason), _) | (None, None, Some(reason)) => {
            reason.lines().next().unwrap_or_default().to_owned()
        }
        (None, None, None) => "the platform gave no reason".into(),
    };
    Text::plain(words)
}

/// Evidence, last log lines and the next step.
fn explain(out: &mut String, state: &State, style: Style) {
    if let Some(cause) = &state.cause {
        let evidence = Text::new(Role::Dim, "evidence: ").and(Role::Plain, &cause.evidence);
        push_wrapped(out, &evidence, INDENT, style);
    }
    if let Some(failing) = &state.failing {
        let known = state
            .cause
            .as_ref()
            .is_some_and(|cause| cause.evidence == failing.reason);
        let reason = if known { "" } else { &failing.reason };
        quote_tasks(out, failing, reason, style);
    }
    if state.given_up {
        let text = "nothing ran before it, so it was scaled to zero";
        push_wrapped(out, &Text::plain(text), INDENT, style);
    }
    if let Some(cause) = &state.cause {
        let hint = Text::new(Role::Strong, "hint: ").and(Role::Plain, cause.hint());
        push_wrapped(out, &hint, INDENT, style);
    }
}

/// What one of the failing tasks wrote last, and why they failed unless that was said.
fn quote_tasks(out: &mut String, failing: &FailingTasks, reason: &str, style: Style) {
    let who = match failing.tasks.as_slice() {
        [task] => format!("task {}", words::short_task(task)),
        tasks => format!("one of {} tasks that failed", tasks.len()),
    };
    let lead = if failing.log.is_empty() {
        ""
    } else {
        "last lines of "
    };
    let mut title = Text::new(Role::Dim, format!("{lead}{who}"));
    if !reason.is_empty() {
        title = title.and(Role::Dim, ": ").and(Role::Dim, reason);
    }
    push_wrapped(out, &title, INDENT, style);
    for line in &failing.log {
        quoted(out, line, INDENT, style);
    }
}

/// Further lines of the text are indented as explanations are.
fn push_wrapped(out: &mut String, text: &Text, indent: usize, style: Style) {
    let lines = text.wrap(style.width.saturating_sub(INDENT).max(NARROWEST));
    for (number, line) in lines.iter().enumerate() {
        let indent = if number == 0 { indent } else { INDENT };
        *out += &format!("{:indent$}{}\n", "", line.paint(style));
    }
}
