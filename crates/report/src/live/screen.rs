//! The block of lines at the bottom of the terminal.

use std::io::Write;

use crate::style::Style;
use crate::text::Text;

/// Assumed where the terminal does not say.
const HEIGHT: usize = 24;

/// Writes a log and keeps a block below it.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    given_width: usize,
    /// Widths of the lines of the block that is on the screen.
    block: Vec<usize>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, given_width: usize) -> Self {
        Self {
            out,
            given_width,
            block: vec![],
        }
    }

    /// Columns now: people change the size of their windows.
    pub(super) fn width(&self) -> usize {
        terminal_size::terminal_size().map_or(self.given_width, |(width, _)| width.0.into())
    }

    /// Rows now.
    pub(super) fn height(&self) -> usize {
        terminal_size::terminal_size().map_or(HEIGHT, |(_, height)| height.0.into())
    }

    /// Writes `log` where the block was, and the block below it.
    pub(super) fn show(&mut self, log: &str, block: &[Text], style: Style) {
        if log.is_empty() && block.is_empty() && self.block.is_empty() {
            return;
        }
        let rows = rows(&self.block, style.width);
        let mut out = String::new();
        if rows > 0 {
            out += &format!("\r\u{1b}[{rows}A\u{1b}[J");
        }
        out += log;
        for line in block {
            out += &line.paint(style);
            out.push('\n');
        }
        self.block = block.iter().map(Text::width).collect();
        // A terminal that went away does not stop a release.
        drop(
            self.out
                .write_all(out.as_bytes())
                .and_then(|()| self.out.flush()),
        );
    }

    /// The block stays where it is; the next one is drawn below whatever follows.
    pub(super) fn leave(&mut self) {
        self.block.clear();
    }
}

/// Rows that lines take on a terminal that may have become narrower since.
fn rows(widths: &[usize], columns: usize) -> usize {
    widths
        .iter()
        .map(|width| width.div_ceil(columns.max(1)).max(1))
        .sum()
}
