//! How the receiving stream likes its text, and the few roles and symbols that text is made of.

use anstyle::{Ansi256Color, AnsiColor, Effects};

/// What the receiving stream can show. The caller decides it: `NO_COLOR`, `CLICOLOR_FORCE` and
/// pipes are its business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
    /// Columns; [`usize::MAX`] when the stream is no terminal: nothing is wrapped or cut then.
    pub width: usize,
    /// Symbols beyond ASCII may be used.
    pub unicode: bool,
}

/// What a piece of text means. Colour only repeats what the words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Warn,
    /// One of a few stable colours that tell sources apart.
    Source(u8),
}

/// A symbol at the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Good,
    Bad,
    Back,
    Passed,
}

/// Colours that tell sources apart: of middle brightness, so that they are legible on light and
/// dark, and none that could be taken for good or bad.
const SOURCES: [Ansi256Color; 6] = [
    Ansi256Color(31),
    Ansi256Color(37),
    Ansi256Color(67),
    Ansi256Color(97),
    Ansi256Color(133),
    Ansi256Color(136),
];

impl Style {
    /// Whether lines have an end on the right.
    pub(crate) fn is_bounded(self) -> bool {
        self.width != usize::MAX
    }

    /// `text` in the colour of its role.
    pub(crate) fn paint(self, role: Role, text: &str) -> String {
        let ansi = ansi(role);
        if self.colour && !text.is_empty() && !ansi.is_plain() {
            format!("{ansi}{text}{ansi:#}")
        } else {
            text.to_owned()
        }
    }

    /// The symbol, one column wide.
    pub(crate) fn mark(self, mark: Mark) -> &'static str {
        match (mark, self.unicode) {
            (Mark::None, _) => " ",
            (Mark::Good, true) => "✓",
            (Mark::Good, false) => "+",
            (Mark::Bad, true) => "✗",
            (Mark::Bad, false) => "x",
            (Mark::Back, true) => "↩",
            (Mark::Back, false) => "<",
            (Mark::Passed, true) => "–",
            (Mark::Passed, false) => "-",
        }
    }

    /// Stands for what was cut off.
    pub(crate) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "~" }
    }

    /// From one thing to another.
    pub(crate) fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }
}

impl Mark {
    /// The role its line has.
    pub(crate) fn role(self) -> Role {
        match self {
            Self::None => Role::Plain,
            Self::Good => Role::Good,
            Self::Bad => Role::Bad,
            Self::Back => Role::Warn,
            Self::Passed => Role::Dim,
        }
    }
}

impl Role {
    /// The same colour for the same source, in this process and the next.
    pub(crate) fn of_source(source: &str) -> Self {
        let sum = source.bytes().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        Self::Source((sum % SOURCES.len() as u32) as u8)
    }
}

fn ansi(role: Role) -> anstyle::Style {
    let style = anstyle::Style::new();
    match role {
        Role::Plain => style,
        Role::Strong => style.effects(Effects::BOLD),
        Role::Dim => style.effects(Effects::DIMMED),
        Role::Good => AnsiColor::Green.on_default(),
        Role::Bad => AnsiColor::Red.on_default(),
        Role::Warn => AnsiColor::Yellow.on_default(),
        Role::Source(index) => SOURCES[usize::from(index) % SOURCES.len()].on_default(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A pipe: no colour, no end of the line.
    pub(crate) const PIPE: Style = Style {
        colour: false,
        width: usize::MAX,
        unicode: true,
    };

    /// A terminal without colour.
    pub(crate) const fn columns(width: usize) -> Style {
        Style {
            colour: false,
            width,
            unicode: true,
        }
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        assert_eq!(PIPE.paint(Role::Bad, "failed"), "failed");
        let terminal = Style {
            colour: true,
            ..PIPE
        };
        assert_eq!(
            terminal.paint(Role::Bad, "failed"),
            "\u{1b}[31mfailed\u{1b}[0m"
        );
        assert_eq!(terminal.paint(Role::Plain, "api"), "api");
    }

    #[test]
    fn every_symbol_has_an_ascii_form_of_one_column() {
        let plain = Style {
            unicode: false,
            ..PIPE
        };
        for mark in [Mark::None, Mark::Good, Mark::Bad, Mark::Back, Mark::Passed] {
            assert!(plain.mark(mark).is_ascii());
            assert_eq!(plain.mark(mark).len(), 1);
            assert_eq!(unicode_width::UnicodeWidthStr::width(PIPE.mark(mark)), 1);
        }
    }
}
