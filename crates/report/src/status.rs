//! What runs: a table of services.

use seaway_core::time::Timestamp;

use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::when::ago;
use crate::words;

/// One service as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    pub service: String,
    /// The part people read, such as `family:7`.
    pub revision: String,
    /// The image's digest, shortened.
    pub image: Option<String>,
    /// What the service calls its version, where it says so.
    pub version: Option<String>,
    pub desired: u32,
    pub running: u32,
    pub pending: u32,
    /// Consecutive failures of the newest rollout.
    pub failed: u32,
    /// Healthy targets and all targets of its load balancer, where it has one.
    pub health: Option<(u32, u32)>,
    /// The platform's word for the newest rollout's state.
    pub rollout: String,
    /// The platform's reason for that state.
    pub reason: Option<String>,
    pub url: Option<String>,
    pub last_event: Option<(Timestamp, String)>,
}

const COLUMNS: [Column; 10] = [
    Column::left("SERVICE", 0),
    Column::right("RUNNING", 0),
    Column::right("PENDING", 0),
    Column::right("FAILED", 0),
    Column::right("HEALTHY", 1),
    Column::left("REVISION", 3),
    Column::left("VERSION", 2),
    Column::left("IMAGE", 4),
    Column::left("ROLLOUT", 0),
    Column::left("URL", 1),
];

/// From here on, addresses have a column.
const WIDE: usize = 110;

/// The table; below a service that is not well, what is known about it.
pub fn status(rows: &[StatusRow], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return "No service runs.\n".into();
    }
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        table.row(cells(row, style), notes(row, now, style));
    }
    table.render(style)
}

fn cells(row: &StatusRow, style: Style) -> Vec<Text> {
    let optional = |text: &Option<String>| Text::plain(text.as_deref().unwrap_or_default());
    vec![
        Text::new(Role::Strong, &row.service),
        of_all(row.running, row.desired),
        some(Role::Warn, row.pending),
        some(Role::Bad, row.failed),
        row.health
            .map(|(healthy, all)| of_all(healthy, all))
            .unwrap_or_default(),
        Text::plain(&row.revision),
        optional(&row.version),
        Text::new(Role::Dim, row.image.as_deref().unwrap_or_default()),
        Text::new(rollout_role(row), row.rollout.replace('_', " ")),
        Text::plain(
            row.url
                .as_deref()
                .filter(|_| style.width >= WIDE)
                .unwrap_or_default(),
        ),
    ]
}

/// `2/2`.
fn of_all(some: u32, all: u32) -> Text {
    let role = if some == all { Role::Plain } else { Role::Warn };
    Text::new(role, format!("{some}/{all}"))
}

/// Nothing is said of nothing.
fn some(role: Role, number: u32) -> Text {
    if number == 0 {
        Text::default()
    } else {
        Text::new(role, number.to_string())
    }
}

fn rollout_role(row: &StatusRow) -> Role {
    match row.rollout.to_ascii_lowercase().as_str() {
        "completed" | "successful" => Role::Good,
        "failed" | "rollback_failed" | "stopped" => Role::Bad,
        _ => Role::Warn,
    }
}

/// A service is well when its rollout is completed and every task it should have runs.
fn is_well(row: &StatusRow) -> bool {
    rollout_role(row) == Role::Good
        && row.running == row.desired
        && row.health.is_none_or(|(healthy, all)| healthy == all)
}

fn notes(row: &StatusRow, now: Timestamp, style: Style) -> Vec<Text> {
    let url = row.url.as_ref().filter(|_| style.width < WIDE);
    let mut notes: Vec<Text> = url.map(Text::plain).into_iter().collect();
    if is_well(row) {
        return notes;
    }
    if let Some(reason) = &row.reason {
        notes.push(Text::plain(reason));
    }
    if let Some((at, message)) = &row.last_event {
        let when = format!("{}: ", ago(*at, now));
        notes.push(Text::new(Role::Dim, when).and(Role::Dim, words::platform(message)));
    }
    notes
}
