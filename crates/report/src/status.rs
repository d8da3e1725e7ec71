//! What runs: a table of services.

use seaway_core::time::Timestamp;

use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::when::ago;

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

const COLUMNS: [Column; 8] = [
    Column::left("SERVICE", 0),
    Column::right("TASKS", 0),
    Column::right("HEALTHY", 1),
    Column::left("REVISION", 3),
    Column::left("VERSION", 2),
    Column::left("IMAGE", 4),
    Column::left("ROLLOUT", 0),
    Column::left("URL", 1),
];

/// The table; below a service that is not well, what is known about it.
pub fn status(rows: &[StatusRow], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return "No service runs.\n".into();
    }
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        table.row(cells(row), notes(row, now));
    }
    table.render(style)
}

fn cells(row: &StatusRow) -> Vec<Text> {
    let optional = |text: &Option<String>| Text::plain(text.as_deref().unwrap_or_default());
    vec![
        Text::new(Role::Strong, &row.service),
        tasks(row),
        row.health.map(healthy).unwrap_or_default(),
        Text::plain(&row.revision),
        optional(&row.version),
        Text::new(Role::Dim, row.image.as_deref().unwrap_or_default()),
        Text::new(rollout_role(row), &row.rollout),
        optional(&row.url),
    ]
}

/// `2/2`, with what is on its way or has failed in front.
fn tasks(row: &StatusRow) -> Text {
    let mut text = Text::default();
    if row.failed > 0 {
        text = text.and(Role::Bad, format!("{} failed, ", row.failed));
    }
    if row.pending > 0 {
        text = text.and(Role::Warn, format!("{} pending, ", row.pending));
    }
    let role = if row.running == row.desired {
        Role::Plain
    } else {
        Role::Warn
    };
    text.and(role, format!("{}/{}", row.running, row.desired))
}

fn healthy((healthy, all): (u32, u32)) -> Text {
    let role = if healthy == all {
        Role::Plain
    } else {
        Role::Warn
    };
    Text::new(role, format!("{healthy}/{all}"))
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

fn notes(row: &StatusRow, now: Timestamp) -> Vec<Text> {
    if is_well(row) {
        return vec![];
    }
    let mut notes = vec![];
    if let Some(reason) = &row.reason {
        notes.push(Text::plain(reason));
    }
    if let Some((at, message)) = &row.last_event {
        let when = format!("{}: ", ago(*at, now));
        notes.push(Text::new(Role::Dim, when).and(Role::Dim, message));
    }
    notes
}
