//! Keeps what others wrote from commanding a terminal.
//!
//! Log lines, platform messages and build output may hold control sequences, by accident or to
//! deceive. Colours are taken away silently, since they change nothing about the content; every
//! other control becomes U+FFFD, so that a reader sees that something was there.

use std::borrow::Cow;

/// Stands for what was taken away.
const REPLACEMENT: char = '\u{fffd}';
const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// `text` without anything that a terminal would obey. Tabs and line feeds stay, also a carriage
/// return's line feed; text that is harmless is not copied.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ESCAPE | '\u{80}'..='\u{9f}' => sequence(rest, &mut clean),
            '\r' => carriage_return(&rest[1..], &mut clean),
            _ => {
                clean.push(if is_control(first) {
                    REPLACEMENT
                } else {
                    first
                });
                &rest[first.len_utf8()..]
            }
        };
    }
    Cow::Owned(clean)
}

/// [`sanitize`] for a place that has room for one line: line feeds and tabs become spaces.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let clean = sanitize(text);
    if !clean.contains(['\n', '\t']) {
        return clean;
    }
    let trimmed = clean.trim_end_matches('\n');
    Cow::Owned(trimmed.replace(['\n', '\t'], " "))
}

/// Commands a terminal, or makes it show text in another order than it was written.
pub(crate) fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Separators that some terminals take for line ends; marks, embeddings, overrides and
        // isolates of bidirectional text.
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}

/// The end of a line written elsewhere, or a line that overwrites itself.
fn carriage_return<'a>(rest: &'a str, clean: &mut String) -> &'a str {
    if !rest.is_empty() && !rest.starts_with('\n') {
        clean.push(REPLACEMENT);
    }
    rest
}

/// Takes one control sequence (ECMA-48) off the beginning of `text`.
fn sequence<'a>(text: &'a str, clean: &mut String) -> &'a str {
    let mut chars = text.chars();
    let introducer = match chars.next() {
        Some(ESCAPE) => chars.next(),
        Some(c1) => u32::from(c1).checked_sub(0x40).and_then(char::from_u32),
        None => None,
    };
    let body = chars.as_str();
    match introducer {
        Some('[') => control_sequence(body, clean),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            clean.push(REPLACEMENT);
            after_string(body).unwrap_or(body)
        }
        Some(c) if (' '..='~').contains(&c) => {
            clean.push(REPLACEMENT);
            body
        }
        // An escape before something that belongs to no sequence: only the escape is taken.
        _ => {
            clean.push(REPLACEMENT);
            let first = text.chars().next().map_or(0, char::len_utf8);
            &text[first..]
        }
    }
}

/// The rest after parameters, intermediates and the final byte; a colour leaves no trace.
fn control_sequence<'a>(body: &'a str, clean: &mut String) -> &'a str {
    let end = body
        .find(|c: char| !(' '..='?').contains(&c))
        .unwrap_or(body.len());
    let is_final = |c: &char| ('@'..='~').contains(c);
    match body[end..].chars().next().filter(is_final) {
        Some('m') => &body[end + 1..],
        Some(_) => {
            clean.push(REPLACEMENT);
            &body[end + 1..]
        }
        // Broken off: what follows the introducer is shown as it is.
        None => {
            clean.push(REPLACEMENT);
            body
        }
    }
}

/// The rest after a command string's terminator. One that does not end on its line hides nothing.
fn after_string(body: &str) -> Option<&str> {
    let line = body.split('\n').next().unwrap_or(body);
    let ends = [("\u{1b}\\", 2), ("\u{9c}", 2), ("\u{7}", BELL.len_utf8())];
    let found = ends
        .iter()
        .filter_map(|(end, length)| Some((line.find(end)?, *length)));
    let (at, length) = found.min()?;
    Some(&body[at + length..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(sanitize("grüße\t日本\nline"), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_are_shown_as_replaced() {
        for (given, expected) in [
            ("\u{1b}[2Jgone", "\u{fffd}gone"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("\u{9b}2Kline", "\u{fffd}line"),
            ("\u{1b}]0;title\u{7}text", "\u{fffd}text"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "\u{fffd}link"),
            ("\u{1b}Pq#0\u{9c}sixel", "\u{fffd}sixel"),
            ("\u{1b}]0;no end", "\u{fffd}0;no end"),
            (
                "\u{1b}]0;no end\nnext\u{7}",
                "\u{fffd}0;no end\nnext\u{fffd}",
            ),
            ("\u{1b}c reset", "\u{fffd} reset"),
            ("end\u{1b}", "end\u{fffd}"),
            ("end\u{1b}[", "end\u{fffd}"),
            ("a\u{8}b\u{0}", "a\u{fffd}b\u{fffd}"),
            ("line\r\nnext\r", "line\nnext"),
            ("10%\r20%", "10%\u{fffd}20%"),
            ("\u{202e}txt.exe", "\u{fffd}txt.exe"),
            ("\u{1b}é", "\u{fffd}é"),
            ("\u{1b}[é", "\u{fffd}é"),
        ] {
            assert_eq!(sanitize(given), expected, "{given:?}");
        }
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\tb\nc\n"), "a b c");
    }

    proptest! {
        #[test]
        fn nothing_a_terminal_obeys_is_left(text in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f]|\u{1b}\\[|\u{1b}\\]|\u{202e}|\n){0,60}") {
            let clean = sanitize(&text);
            prop_assert!(!clean.chars().any(is_control), "{clean:?}");
            prop_assert_eq!(sanitize(&clean), clean.as_ref());
        }
    }
}
