//! The block of lines at the bottom of the terminal.

use std::io::Write;

use super::Size;
use crate::style::Style;
use crate::text::Text;

/// Assumed where the terminal does not say.
const HEIGHT: usize = 24;
const CLEAR_REST_OF_LINE: &str = "\u{1b}[K\n";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Writes a log and keeps a block below it.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    given_width: usize,
    size: Size,
    /// Widths of the lines of the block that is on the screen.
    block: Vec<usize>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, given_width: usize, size: Size) -> Self {
        let block = vec![];
        Self {
            out,
            given_width,
            size,
            block,
        }
    }

    /// Columns now.
    pub(super) fn width(&self) -> usize {
        (self.size)().map_or(self.given_width, |(width, _)| width)
    }

    /// Rows now.
    pub(super) fn height(&self) -> usize {
        (self.size)().map_or(HEIGHT, |(_, height)| height)
    }

    /// Writes `log` where the block was, and the block below it.
    pub(super) fn show(&mut self, log: &str, block: &[Text], style: Style) {
        if log.is_empty() && block.is_empty() && self.block.is_empty() {
            return;
        }
        let mut out = String::new();
        let rows = rows(&self.block, style.width);
        if rows > 0 {
            out += &format!("\r\u{1b}[{rows}A");
        }
        // Each line takes away what is left of the one it covers, and the last one what is below:
        // clearing all of it first would flicker, and fill the scrollback of some terminals.
        out += &log.replace('\n', CLEAR_REST_OF_LINE);
        for line in block {
            out += &line.paint(style);
            out += CLEAR_REST_OF_LINE;
        }
        out += CLEAR_BELOW;
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
