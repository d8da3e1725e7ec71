//! What a release came to, service by service, with what is needed to understand a failure.

use seaway_core::event::Subject;

use crate::log_line::quoted;
use crate::narrate::subject_name;
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::track::{Ending, State, Track};
use crate::words;

/// Where explanations begin.
const INDENT: usize = 4;
const NARROWEST: usize = 24;

/// The results between empty lines; nothing where there were none.
pub(crate) fn recap(track: &Track, style: Style) -> String {
    let ended =
        |(subject, state): (_, _)| result(subject, state).map(|result| (subject, state, result));
    let results: Vec<_> = track.subjects.iter().filter_map(ended).collect();
    let names = results
        .iter()
        .map(|(subject, ..)| Text::plain(subject_name(subject)).width());
    let width = names.max().unwrap_or(0);
    let mut out = String::new();
    if !results.is_empty() {
        out.push('\n');
    }
    for (subject, state, (mark, text)) in results {
        let name = subject_name(subject);
        let room = width.saturating_sub(Text::plain(&name).width());
        let line = Text::plain("  ")
            .and(mark.role(), style.mark(mark))
            .and(Role::Plain, " ")
            .and(Role::Strong, name)
            .and(Role::Plain, " ".repeat(room + 2))
            .join(text);
        push_wrapped(&mut out, &line, 0, style);
        if mark != Mark::Good {
            explain(&mut out, state, style);
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn result(subject: &Subject, state: &State) -> Option<(Mark, Text)> {
    let revision = state
        .revision
        .as_ref()
        .map(|revision| revision.short())
        .unwrap_or_default();
    let is_job = matches!(subject, Subject::Job(_));
    let unfinished = || {
        Some((
            Mark::Passed,
            Text::plain("not ended when the release ended"),
        ))
    };
    let Some(ending) = state.ending() else {
        return unfinished();
    };
    Some(match ending {
        Ending::Succeeded if is_job => (Mark::Good, Text::plain("succeeded")),
        Ending::Succeeded if revision.is_empty() => (Mark::Good, Text::plain("as wanted")),
        Ending::Succeeded => (Mark::Good, Text::plain(revision).join(running(state))),
        Ending::Removed => (Mark::Good, Text::plain("removed")),
        Ending::RolledBack { to } => {
            let to = to.as_ref().map_or("what ran before", |to| to.short());
            (
                Mark::Back,
                Text::plain(format!("rolled back to {to}: ")).join(why(state)),
            )
        }
        Ending::TakenBack => {
            let text = if revision.is_empty() {
                "back on what ran before: ".to_owned()
            } else {
                format!("back on {revision}: ")
            };
            (Mark::Back, Text::plain(text).join(why(state)))
        }
        Ending::Superseded => (Mark::Passed, Text::plain("superseded by a newer rollout")),
        Ending::Failed { .. } => (Mark::Bad, Text::new(Role::Bad, "failed: ").join(why(state))),
    })
}

fn running(state: &State) -> Text {
    let Some((new, _)) = state.counts else {
        return Text::default();
    };
    Text::new(
        Role::Dim,
        format!("  {}/{} running", new.running, new.desired),
    )
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
        let newest = failing
            .tasks
            .last()
            .map(|task| words::short_task(task))
            .unwrap_or_default();
        let of = match failing.tasks.len() {
            1 => format!("task {newest}"),
            many => format!("task {newest}, one of {many} that failed"),
        };
        let known = state
            .cause
            .as_ref()
            .is_some_and(|cause| cause.evidence == failing.reason);
        let lead = if failing.log.is_empty() {
            ""
        } else {
            "last lines of "
        };
        let reason = if known {
            String::new()
        } else {
            format!(": {}", failing.reason)
        };
        let title = format!("{lead}{of}{reason}");
        push_wrapped(out, &Text::new(Role::Dim, title), INDENT, style);
        for line in &failing.log {
            quoted(out, line, INDENT, style);
        }
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

/// Further lines of the text are indented as explanations are.
fn push_wrapped(out: &mut String, text: &Text, indent: usize, style: Style) {
    let lines = text.wrap(style.width.saturating_sub(INDENT).max(NARROWEST));
    for (number, line) in lines.iter().enumerate() {
        let indent = if number == 0 { indent } else { INDENT };
        *out += &format!("{:indent$}{}\n", "", line.paint(style));
    }
}
