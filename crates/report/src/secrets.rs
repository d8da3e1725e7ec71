//! Names of secrets, never their values.

use seaway_core::time::Timestamp;

use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::when::ago;

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    pub name: String,
    pub has_value: bool,
    pub changed_at: Option<Timestamp>,
}

/// The secrets as a table.
pub fn secrets(rows: &[SecretRow], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return "No secret yet.\n".into();
    }
    let columns = [
        Column::left("SECRET", 0),
        Column::left("VALUE", 0),
        Column::left("CHANGED", 1),
    ];
    let mut table = Table::new(&columns);
    for row in rows {
        let value = if row.has_value {
            Text::new(Role::Good, "set")
        } else {
            Text::new(Role::Warn, "missing")
        };
        let changed = row.changed_at.map(|at| ago(at, now)).unwrap_or_default();
        table.row(
            vec![
                Text::new(Role::Strong, &row.name),
                value,
                Text::plain(changed),
            ],
            vec![],
        );
    }
    table.render(style)
}
