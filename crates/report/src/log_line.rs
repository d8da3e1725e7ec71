//! Lines that tasks wrote.

use seaway_core::time::Timestamp;

use crate::sanitize::sanitize;
use crate::style::{Role, Style};
use crate::text::Text;
use crate::when::precise;
use crate::words::short_task;

/// Rows of a terminal that one line may fill before it is cut.
const ROWS: usize = 8;

/// One line of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRow<'a> {
    pub at: Timestamp,
    /// The service or job.
    pub source: &'a str,
    /// The task's whole id; its beginning is shown.
    pub task: &'a str,
    pub message: &'a str,
}

/// How log lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogStyle {
    pub style: Style,
    /// Each line begins with when it was written, in UTC.
    pub timestamps: bool,
}

/// The row with its end. A message of several lines gives as many, each with its source.
///
/// On a terminal, a very long line is cut and says how many bytes are missing; elsewhere it is
/// whole. Nothing in it commands the terminal.
pub fn log_line(row: &LogRow<'_>, style: LogStyle) -> String {
    let LogStyle { style, timestamps } = style;
    let mut start = Text::default();
    if timestamps {
        start = start.and(Role::Dim, precise(row.at)).and(Role::Plain, " ");
    }
    let start = start
        .and(Role::of_source(row.source), row.source)
        .and(Role::Plain, " ")
        .and(Role::Dim, short_task(row.task));
    let start = start.paint(style);
    let mut out = String::new();
    for line in lines_of(row.message) {
        let (shown, missing) = bounded(line, style);
        let gap = if line.is_empty() { "" } else { " " };
        out += &format!("{start}{gap}{shown}{missing}\n");
    }
    out
}

/// A line that somebody else wrote, below what Seaway says.
pub(crate) fn quoted(out: &mut String, line: &str, indent: usize, style: Style) {
    for line in lines_of(line) {
        let (shown, missing) = bounded(line, style);
        let bar = style.paint(Role::Dim, "|");
        let whole = format!("{:indent$}{bar} {shown}{missing}", "");
        *out += whole.trim_end_matches(' ');
        out.push('\n');
    }
}

/// The lines of a message; an empty one has one line, too.
pub(crate) fn lines_of(message: &str) -> impl Iterator<Item = &str> {
    let empty = if message.is_empty() { Some("") } else { None };
    message.lines().chain(empty)
}

/// The line as far as the terminal has room for it, and what is said of the rest.
fn bounded(line: &str, style: Style) -> (String, String) {
    let clean = sanitize(line);
    let room = if style.is_bounded() {
        style.width.saturating_mul(ROWS)
    } else {
        usize::MAX
    };
    if clean.len() <= room {
        return (clean.into_owned(), String::new());
    }
    let end = clean.floor_char_boundary(room);
    let missing = format!(" {} {} more bytes", style.ellipsis(), clean.len() - end);
    (clean[..end].to_owned(), style.paint(Role::Dim, &missing))
}
