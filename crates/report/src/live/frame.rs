//! One picture of what is under way, as high and as wide as the terminal allows.

use std::time::Duration;

use seaway_core::event::Subject;
use seaway_core::rollout::Counts;

use crate::narrate::subject_name;
use crate::style::{Role, Style};
use crate::text::Text;
use crate::track::{Phase, State, Track};
use crate::when::took;
use crate::words;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ASCII_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
/// Columns of a bar.
const BAR: usize = 12;
/// From here on there is room for a bar.
const WIDE: usize = 72;
const LONGEST_NAME: usize = 24;
const PHASE: usize = 10;
/// Rows above the block that always stay visible.
const MARGIN: usize = 4;

/// What a picture is made of.
pub(super) struct Frame<'a> {
    pub(super) track: &'a Track,
    /// How long a subject's phase has lasted.
    pub(super) elapsed: &'a dyn Fn(&Subject) -> Duration,
    /// How long the whole has lasted.
    pub(super) whole: Duration,
    pub(super) spin: usize,
    /// Rows of the terminal.
    pub(super) height: usize,
    pub(super) style: Style,
}

impl Frame<'_> {
    /// The block: unfinished subjects, the ones in trouble first, and a line about all.
    pub(super) fn lines(&self) -> Vec<Text> {
        let subjects = &self.track.subjects;
        if self.track.over {
            return vec![];
        }
        let mut open: Vec<_> = subjects
            .iter()
            .filter(|(_, state)| !state.is_at_rest())
            .collect();
        if open.is_empty() {
            return vec![];
        }
        open.sort_by_key(|(_, state)| urgency(&state.phase));
        let room = self.height.saturating_sub(MARGIN).max(1);
        let hidden = open.len().saturating_sub(room);
        let shown = &open[..open.len() - hidden];
        let names = shown.iter().map(|(subject, _)| subject_name(subject).len());
        let name_width = names
            .max()
            .unwrap_or(0)
            .min(LONGEST_NAME.min(self.style.width / 3));
        let mut lines: Vec<Text> = shown
            .iter()
            .map(|(subject, state)| self.line(subject, state, name_width))
            .collect();
        lines.push(self.summary(open.len(), hidden));
        let columns = self.style.width.saturating_sub(1);
        lines
            .iter()
            .map(|line| line.cut(columns, self.style))
            .collect()
    }

    fn line(&self, subject: &Subject, state: &State, name_width: usize) -> Text {
        let name = Text::plain(subject_name(subject)).cut(name_width, self.style);
        let room = " ".repeat(name_width.saturating_sub(name.width()));
        let (role, phase) = phase(&state.phase);
        let line = self
            .spinner(state)
            .and(Role::Plain, " ")
            .join(name)
            .and(Role::Plain, room + "  ")
            .and(role, format!("{phase:<PHASE$}"));
        if state.phase == Phase::Waiting {
            return line;
        }
        let elapsed = took((self.elapsed)(subject));
        let line = line
            .and(Role::Dim, format!("{elapsed:>7}"))
            .and(Role::Plain, "  ");
        line.join(self.doing(state))
    }

    fn spinner(&self, state: &State) -> Text {
        if state.phase == Phase::Waiting {
            return Text::new(Role::Dim, if self.style.unicode { "·" } else { "." });
        }
        let sign = if self.style.unicode {
            SPINNER[self.spin % SPINNER.len()]
        } else {
            ASCII_SPINNER[self.spin % ASCII_SPINNER.len()]
        };
        Text::plain(sign)
    }

    /// The counts where there are some, and the newest words where there is room.
    fn doing(&self, state: &State) -> Text {
        let mut text = Text::default();
        if let Some((new, old)) = state.counts {
            text = if self.style.width >= WIDE {
                self.bar(new)
                    .and(Role::Plain, " ")
                    .and(Role::Plain, words::counts(new, old))
            } else {
                Text::plain(words::brief_counts(new, old))
            };
        }
        let said = match (&state.retreat, &state.cause) {
            (Some(why), _) => Some(why.clone()),
            (None, Some(cause)) => Some(cause.title()),
            (None, None) => state
                .said
                .as_deref()
                .map(|said| words::platform(said).to_owned()),
        };
        let Some(said) = said else { return text };
        let gap = if text.is_empty() { "" } else { "  " };
        text.and(Role::Plain, gap).and(Role::Dim, said)
    }

    fn bar(&self, new: Counts) -> Text {
        let part = |count: u32| {
            let whole = u64::from(new.desired.max(1));
            let columns = u64::from(count) * BAR as u64 / whole;
            usize::try_from(columns).unwrap_or(BAR).min(BAR)
        };
        let running = part(new.running);
        let pending = part(new.pending).min(BAR - running);
        let rest = BAR - running - pending;
        let (full, begun, empty) = if self.style.unicode {
            ("━", "╍", "┄")
        } else {
            ("#", "=", ".")
        };
        Text::new(Role::Good, full.repeat(running))
            .and(Role::Warn, begun.repeat(pending))
            .and(Role::Dim, empty.repeat(rest))
    }

    fn summary(&self, open: usize, hidden: usize) -> Text {
        let all = self.track.subjects.len();
        let done = all - open;
        let text = if self.track.release.is_some() {
            format!("{done} of {all} done")
        } else {
            format!("{done} built")
        };
        let text = Text::plain("  ").and(Role::Strong, text);
        let text = text.and(Role::Dim, format!(", {}", took(self.whole)));
        if hidden > 0 {
            text.and(Role::Dim, format!(", {hidden} more not shown"))
        } else {
            text
        }
    }
}

/// What is shown first where there is no room for all.
fn urgency(phase: &Phase) -> u8 {
    match phase {
        Phase::ToGoBack | Phase::GoingBack => 0,
        Phase::Waiting => 2,
        _ => 1,
    }
}

fn phase(phase: &Phase) -> (Role, &'static str) {
    match phase {
        Phase::Waiting => (Role::Dim, "waiting"),
        Phase::Building => (Role::Plain, "building"),
        Phase::Running => (Role::Plain, "running"),
        Phase::Rolling => (Role::Plain, "rolling"),
        Phase::Adjusting => (Role::Plain, "adjusting"),
        Phase::ToGoBack | Phase::GoingBack => (Role::Warn, "going back"),
        Phase::Built | Phase::Ended(_) => (Role::Dim, "done"),
    }
}
