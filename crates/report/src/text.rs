//! A line of text in pieces that know what they mean, so that it is measured without colours.
//!
//! Invariant: every piece passed [`one_line`], whoever wrote it.

use unicode_width::UnicodeWidthStr as _;

use crate::sanitize::one_line;
use crate::style::{Role, Style};

/// Columns of the widest single sign, so that every line takes some.
const WIDEST: usize = 4;

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pieces: Vec<(Role, String)>,
}

impl Text {
    /// A line with one meaning.
    pub(crate) fn new(role: Role, text: impl AsRef<str>) -> Self {
        Self::default().and(role, text)
    }

    /// A line without any.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Role::Plain, text)
    }

    /// The line with `text` after it.
    pub(crate) fn and(mut self, role: Role, text: impl AsRef<str>) -> Self {
        let text = one_line(text.as_ref());
        if !text.is_empty() {
            self.pieces.push((role, text.into_owned()));
        }
        self
    }

    /// The line with another after it.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// With colours, if the style has them.
    pub(crate) fn paint(&self, style: Style) -> String {
        self.pieces
            .iter()
            .map(|(role, text)| style.paint(*role, text))
            .collect()
    }

    /// At most `width` columns, with a mark where something is missing.
    pub(crate) fn cut(&self, width: usize, style: Style) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let mark = style.ellipsis();
        let mut left = width.saturating_sub(mark.width());
        let mut cut = Self::default();
        for (role, text) in &self.pieces {
            let fitting = prefix(text, left);
            left -= fitting.width();
            cut = cut.and(*role, fitting);
            if fitting.len() < text.len() {
                break;
            }
        }
        if width > 0 {
            cut.and(Role::Dim, mark)
        } else {
            cut
        }
    }

    /// Lines of at most `width` columns, broken between words where that is possible.
    pub(crate) fn wrap(&self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self.clone()];
        }
        let mut lines = vec![];
        let mut line = Self::default();
        for (role, text) in &self.pieces {
            for word in text.split_inclusive(' ') {
                if line.width() + word.trim_end().width() > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line).trimmed());
                }
                let mut rest = word;
                while rest.trim_end().width() > width {
                    let fitting = prefix(rest, width.max(WIDEST));
                    lines.push(Self::new(*role, fitting));
                    rest = &rest[fitting.len()..];
                }
                line = line.and(*role, rest);
            }
        }
        if !line.is_empty() {
            lines.push(line.trimmed());
        }
        lines
    }

    fn trimmed(mut self) -> Self {
        while let Some((_, last)) = self.pieces.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            self.pieces.pop();
        }
        self
    }
}

/// The beginning of `text` that takes at most `width` columns; measured as a whole, since signs
/// that join take less or more room than each alone.
fn prefix(text: &str, width: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let fitting = ends.take_while(|end| text[..*end].width() <= width);
    &text[..fitting.last().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::tests::{PIPE, columns};
    use proptest::prelude::*;

    fn shown(lines: &[Text]) -> Vec<String> {
        lines.iter().map(|line| line.paint(PIPE)).collect()
    }

    #[test]
    fn a_line_is_broken_between_words() {
        let text = Text::plain("every task ends ").and(Role::Bad, "soon after its start");
        assert_eq!(
            shown(&text.wrap(16)),
            ["every task ends", "soon after its", "start"]
        );
        assert_eq!(
            shown(&Text::plain("aaaaabbbbbcc").wrap(5)),
            ["aaaaa", "bbbbb", "cc"]
        );
    }

    #[test]
    fn what_is_missing_is_marked() {
        let text = Text::plain("catalogue");
        assert_eq!(text.cut(4, columns(80)).paint(PIPE), "cat…");
        assert_eq!(text.cut(9, columns(80)).paint(PIPE), "catalogue");
        assert_eq!(Text::plain("日本語").cut(4, PIPE).paint(PIPE), "日…");
    }

    #[test]
    fn colours_have_no_width() {
        let text = Text::new(Role::Bad, "ab").and(Role::Dim, "cd");
        let colourful = Style {
            colour: true,
            ..PIPE
        };
        assert_eq!(text.width(), 4);
        assert_eq!(
            text.paint(colourful),
            "\u{1b}[31mab\u{1b}[0m\u{1b}[2mcd\u{1b}[0m"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "\\PC{0,80}", width in WIDEST..40) {
            for line in Text::plain(&text).wrap(width) {
                prop_assert!(line.width() <= width);
            }
            prop_assert!(Text::plain(&text).cut(width, PIPE).width() <= width);
        }
    }
}
