//! Tables that fit their terminal: columns of little weight leave first, the last one wraps.

use crate::style::{Role, Style};
use crate::text::Text;

const GAP: usize = 2;
/// The last column is not made narrower than this.
const NARROWEST: usize = 16;

/// How a column is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) align: Align,
    /// Where room is short, columns of the highest rank leave first; rank 0 stays.
    pub(crate) rank: u8,
}

/// Words begin on the left; numbers end on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Column {
    pub(crate) const fn left(title: &'static str, rank: u8) -> Self {
        Self {
            title,
            align: Align::Left,
            rank,
        }
    }

    pub(crate) const fn right(title: &'static str, rank: u8) -> Self {
        Self {
            title,
            align: Align::Right,
            rank,
        }
    }
}

/// Rows under titles, each with notes below it.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
    indent: usize,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Text>,
    notes: Vec<Text>,
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: vec![],
            indent: 0,
        }
    }

    /// A table that begins `indent` columns from the left.
    pub(crate) fn indented(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<Text>, notes: Vec<Text>) {
        self.rows.push(Row { cells, notes });
    }

    /// The table, every line with its end. Titles are shown if there are any.
    pub(crate) fn render(&self, style: Style) -> String {
        let shown = self.shown(style);
        let mut out = String::new();
        if self.columns.iter().any(|column| !column.title.is_empty()) {
            let title = |column: &Column| Text::new(Role::Dim, column.title);
            let titles: Vec<Text> = self.columns.iter().map(title).collect();
            self.line(&mut out, &titles, &shown, style);
        }
        for row in &self.rows {
            self.line(&mut out, &row.cells, &shown, style);
            for note in &row.notes {
                let indent = self.indent + GAP;
                for line in note.wrap(style.width.saturating_sub(indent).max(NARROWEST)) {
                    out += &format!("{:indent$}{}\n", "", line.paint(style));
                }
            }
        }
        out
    }

    /// Which columns are shown, and how wide.
    fn shown(&self, style: Style) -> Vec<(usize, usize)> {
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len())
            .filter(|index| self.rows.iter().any(|row| !row.cells[*index].is_empty()))
            .map(|index| (index, self.natural_width(index)))
            .collect();
        while self.total(&shown) > style.width {
            let rank = |(index, _): &(usize, usize)| self.columns[*index].rank;
            let Some(heaviest) = shown.iter().map(rank).max().filter(|rank| *rank > 0) else {
                break;
            };
            shown.retain(|column| rank(column) != heaviest);
        }
        let last = shown.len().saturating_sub(1);
        for (_, width) in &mut shown[..last] {
            *width = (*width).min((style.width / 2).max(NARROWEST));
        }
        let before = self.total(&shown[..last]) + GAP;
        if let Some((_, width)) = shown.last_mut() {
            *width = (*width).min(style.width.saturating_sub(before).max(NARROWEST));
        }
        shown
    }

    fn natural_width(&self, index: usize) -> usize {
        let cells = self.rows.iter().map(|row| row.cells[index].width());
        cells
            .max()
            .unwrap_or(0)
            .max(self.columns[index].title.len())
    }

    fn total(&self, shown: &[(usize, usize)]) -> usize {
        let gaps = GAP * shown.len().saturating_sub(1);
        self.indent + gaps + shown.iter().map(|(_, width)| width).sum::<usize>()
    }

    fn line(&self, out: &mut String, cells: &[Text], shown: &[(usize, usize)], style: Style) {
        let Some(((last, last_width), before)) = shown.split_last() else {
            return;
        };
        let mut line = " ".repeat(self.indent);
        for (index, width) in before {
            let cell = cells[*index].cut(*width, style);
            line += &self.aligned(&cell, *index, *width, style);
            line += &" ".repeat(GAP);
        }
        let hanging = self.total(before) + if before.is_empty() { 0 } else { GAP };
        for (number, part) in cells[*last].wrap(*last_width).iter().enumerate() {
            let start = if number == 0 {
                line.clone()
            } else {
                " ".repeat(hanging)
            };
            let part = match self.columns[*last].align {
                Align::Left => part.paint(style),
                Align::Right => self.aligned(part, *last, *last_width, style),
            };
            let whole = start + &part;
            out.push_str(whole.trim_end_matches(' '));
            out.push('\n');
        }
    }

    fn aligned(&self, cell: &Text, index: usize, width: usize, style: Style) -> String {
        let room = " ".repeat(width.saturating_sub(cell.width()));
        match self.columns[index].align {
            Align::Left => cell.paint(style) + &room,
            Align::Right => room + &cell.paint(style),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::tests::{PIPE, columns};

    fn table() -> Table {
        let mut table = Table::new(&[
            Column::left("NAME", 0),
            Column::right("TASKS", 0),
            Column::left("VERSION", 2),
            Column::left("EMPTY", 0),
            Column::left("STATE", 0),
        ]);
        for (name, tasks, state) in [
            ("api", "12", "completed"),
            ("store", "1", "in progress now"),
        ] {
            let cells = [name, tasks, "9c01e3f2a1b4", "", state]
                .map(Text::plain)
                .to_vec();
            table.row(cells, vec![]);
        }
        table
    }

    #[test]
    fn empty_columns_are_left_out_and_numbers_end_on_the_right() {
        insta::assert_snapshot!(table().render(PIPE), @r"
        NAME   TASKS  VERSION       STATE
        api       12  9c01e3f2a1b4  completed
        store      1  9c01e3f2a1b4  in progress now
        ");
    }

    #[test]
    fn a_narrow_terminal_loses_columns_first_and_then_wraps_the_last() {
        insta::assert_snapshot!(table().render(columns(30)), @r"
        NAME   TASKS  STATE
        api       12  completed
        store      1  in progress now
        ");
    }
}
