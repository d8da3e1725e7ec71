//! The text of a manifest, and where in it something stands.

use std::ops::Range;

use serde::Serialize;

/// Bytes of the manifest that something concerns.
pub type Span = Range<usize>;

/// A manifest's text under the name that messages call it by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Where a span begins, as editors count: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Source {
    /// The line and column of a byte offset; an offset behind the end counts as the end.
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The same span inside the text and on character boundaries, which renderers insist on.
    pub(crate) fn clamp(&self, span: &Span) -> Span {
        let start = self.boundary(span.start);
        start..self.boundary(span.end).max(start)
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source {
            name: "seaway.toml".into(),
            text: "a = 1\né = 2\n".into(),
        };
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(9), Position { line: 2, column: 3 });
        assert_eq!(
            source.position(7),
            Position { line: 2, column: 1 },
            "inside a character"
        );
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }
}
