//! Releases: a table of them, and the lines before one is replayed.

use seaway_core::release::Release;
use seaway_core::time::Timestamp;

use crate::style::{Mark, Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::when::{ago, between, date, took};
use crate::words;

const COLUMNS: [Column; 7] = [
    Column::right("RELEASE", 0),
    Column::left("WHEN", 0),
    Column::left("OUTCOME", 0),
    Column::right("TOOK", 3),
    Column::left("WHO", 2),
    Column::left("SOURCE", 1),
    Column::left("WHAT", 0),
];

/// The releases as a table, in the order they are given.
pub fn history(releases: &[Release], now: Timestamp, style: Style) -> String {
    if releases.is_empty() {
        return "No release yet.\n".into();
    }
    let mut table = Table::new(&COLUMNS);
    for release in releases {
        let origin = &release.intent.origin;
        let cells = vec![
            Text::new(Role::Strong, release.id.to_string()),
            Text::plain(ago(release.started_at, now)),
            outcome(release, style),
            Text::plain(duration(release).unwrap_or_default()),
            Text::plain(&origin.by),
            Text::new(Role::Dim, words::source(origin)),
            Text::plain(words::what(&release.intent.plan)),
        ];
        table.row(cells, vec![]);
    }
    table.render(style)
}

/// What a release was, before its events.
pub fn release_header(release: &Release, now: Timestamp, style: Style) -> String {
    let intent = &release.intent;
    let title = Text::new(Role::Strong, release.id.to_string()).and(
        Role::Plain,
        format!(" of {}, {}", intent.environment, words::what(&intent.plan)),
    );
    let when = format!(
        "{} ({})",
        date(release.started_at),
        ago(release.started_at, now)
    );
    let mut about = Text::new(
        Role::Dim,
        format!("by {}, {when}, source ", intent.origin.by),
    )
    .and(Role::Dim, words::source(&intent.origin));
    if let Some(took) = duration(release) {
        about = about.and(Role::Dim, format!(", took {took}"));
    }
    let end = Text::plain("").join(outcome(release, style));
    let mut out = String::new();
    for line in [title, about, end] {
        for line in line.wrap(style.width) {
            out += &format!("{}\n", line.paint(style));
        }
    }
    out.push('\n');
    out
}

/// The outcome; a release without one still runs, or was cut off.
fn outcome(release: &Release, style: Style) -> Text {
    let Some(outcome) = release.outcome() else {
        return Text::new(Role::Warn, "  unfinished");
    };
    let mark: Mark = words::outcome_mark(outcome);
    Text::new(mark.role(), format!("{} {outcome}", style.mark(mark)))
}

fn duration(release: &Release) -> Option<String> {
    Some(took(between(release.started_at, release.ended_at()?)))
}
