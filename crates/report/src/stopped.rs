//! A platform that does not run: what it would run, by the record.

use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;

/// One service as the newest release left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedRow {
    pub service: String,
    /// The part people read, such as `family:7`.
    pub revision: String,
    /// The image's digest, shortened.
    pub image: String,
}

const COLUMNS: [Column; 3] = [
    Column::left("SERVICE", 0),
    Column::left("REVISION", 1),
    Column::left("IMAGE", 2),
];

/// That nothing runs, what would run, and how to start it.
pub fn stopped(rows: &[StoppedRow], style: Style) -> String {
    let hint = Text::new(Role::Strong, "hint: ");
    if rows.is_empty() {
        let hint = hint.and(
            Role::Plain,
            "`seaway up` starts it and deploys, `seaway local start` only starts it",
        );
        return format!(
            "The platform does not run, and no release is on record.\n{}\n",
            hint.paint(style)
        );
    }
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        let cells = vec![
            Text::new(Role::Strong, &row.service),
            Text::plain(&row.revision),
            Text::new(Role::Dim, &row.image),
        ];
        table.row(cells, vec![]);
    }
    let hint = hint.and(Role::Plain, "`seaway local start` starts it again");
    format!(
        "The platform does not run. By the record it would run:\n{}{}\n",
        table.render(style),
        hint.paint(style)
    )
}
