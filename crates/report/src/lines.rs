//! One line per change, without moving the cursor: for pipes and records.

use std::io::Write;

use seaway_core::event::{Event, EventKind, ReleaseEvent};

use crate::listener::Listener;
use crate::log_line::{lines_of, quoted};
use crate::narrate::{Detail, Told, narrate, subject_name};
use crate::recap::recap;
use crate::style::{Role, Style};
use crate::text::Text;
use crate::track::Track;
use crate::when::{between, took};

/// Columns for the time since the first event.
const TIME: usize = 7;
/// The subject's column, until a longer name is met.
const SUBJECT: usize = 12;
/// A longer name does not move the column.
const LONGEST_SUBJECT: usize = 24;
/// Words get at least these columns, however narrow the terminal is.
const NARROWEST: usize = 24;

/// Writes lines.
pub(crate) struct Lines {
    out: Box<dyn Write + Send>,
    style: Style,
    track: Track,
    subject_width: usize,
}

impl Lines {
    pub(crate) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out,
            style,
            track: Track::default(),
            subject_width: SUBJECT,
        }
    }

    fn render(&mut self, event: &Event) -> String {
        self.track.apply(event);
        let told = narrate(event, &self.track);
        let names = self
            .track
            .subjects
            .keys()
            .map(|subject| subject_name(subject).len());
        let widest = names
            .filter(|width| *width <= LONGEST_SUBJECT)
            .max()
            .unwrap_or(0);
        self.subject_width = self.subject_width.max(widest);
        let since = self.track.began.map(|began| took(between(began, event.at)));
        let start = Text::new(Role::Dim, format!("{:>TIME$}", since.unwrap_or_default()));
        let mut text = told_lines(&told, (start, self.subject_width), self.style);
        if matches!(event.kind, EventKind::Release(ReleaseEvent::Ended { .. })) {
            text += &recap(&self.track, self.style);
        }
        text
    }
}

impl Listener for Lines {
    fn event(&mut self, event: &Event) {
        let text = self.render(event);
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        // A reader that went away does not stop a release.
        drop(written);
    }

    fn tick(&mut self) {}

    fn finish(&mut self) {}
}

/// What is told, after `start` and a column for the subject.
pub(crate) fn told_lines(told: &Told, (start, width): (Text, usize), style: Style) -> String {
    let gap = if start.is_empty() { "" } else { " " };
    let start = start
        .and(Role::Plain, gap)
        .and(told.mark.role(), style.mark(told.mark))
        .and(Role::Plain, " ")
        .and(Role::of_source(&told.subject), &told.subject)
        .and(
            Role::Plain,
            " ".repeat(width.saturating_sub(told.subject.len())),
        );
    let mut out = String::new();
    if told.text.is_empty() {
        said_lines(&mut out, told, &start.paint(style), style);
        return out;
    }
    let indent = start.width() + 2;
    let room = style.width.saturating_sub(indent).max(NARROWEST);
    out += &start.paint(style);
    for (number, line) in told.text.wrap(room).iter().enumerate() {
        let gap = if number == 0 { 2 } else { indent };
        out += &format!("{:gap$}{}\n", "", line.paint(style));
    }
    for detail in &told.details {
        match detail {
            Detail::Said(line) => quoted(&mut out, line, indent, style),
            Detail::Note(note) => {
                for line in note.wrap(room) {
                    out += &format!("{:indent$}{}\n", "", line.paint(style));
                }
            }
        }
    }
    out
}

/// Lines that are somebody else's stand where Seaway's words would.
fn said_lines(out: &mut String, told: &Told, start: &str, style: Style) {
    for detail in &told.details {
        let Detail::Said(said) = detail else {
            continue;
        };
        for line in lines_of(said) {
            *out += start;
            quoted(out, line, 2, style);
        }
    }
}
