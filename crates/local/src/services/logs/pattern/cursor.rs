//! Reading a pattern from left to right.

use regex::{Regex, RegexBuilder};

use super::PatternError;

/// Bytes of a compiled regular expression: repetitions can make a short one large.
const MAX_REGEX: usize = 1 << 18;

/// What is left of a pattern.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes `token` and the blanks behind it, if it comes next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// Like [`Cursor::eat`], but blanks behind the token are left alone.
    pub(super) fn eat_tight(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word of letters, whatever their case, and the blanks behind it.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.rest.get(..word.len());
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if found.is_some_and(|found| found.eq_ignore_ascii_case(word))
            && self.rest.get(word.len()..).is_some_and(ends)
        {
            self.rest = self.rest[word.len()..].trim_start();
            true
        } else {
            false
        }
    }

    pub(super) fn expect(&mut self, token: &'static str) -> Result<(), PatternError> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(PatternError::Missing(token))
        }
    }

    /// Takes characters as long as they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes what is in quotation marks, if one comes next.
    pub(super) fn quoted(&mut self, mark: char) -> Result<Option<String>, PatternError> {
        let Some(inside) = self.rest.strip_prefix(mark) else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                it if it == mark => {
                    self.rest = &inside[at + mark.len_utf8()..];
                    return Ok(Some(text));
                }
                other => text.push(other),
            }
        }
        Err(PatternError::Missing(if mark == '"' { "\"" } else { "'" }))
    }

    /// Takes a regular expression between percent signs, if one comes next.
    pub(super) fn regex(&mut self) -> Result<Option<Regex>, PatternError> {
        let Some(inside) = self.rest.strip_prefix('%') else {
            return Ok(None);
        };
        let (source, rest) = inside.split_once('%').ok_or(PatternError::Missing("%"))?;
        let refused = || PatternError::Regex(source.to_owned());
        // What the guide lists: no groups, nothing beyond ASCII.
        let allowed = |c: char| c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(c);
        if source.is_empty() || !source.chars().all(allowed) {
            return Err(refused());
        }
        let regex = RegexBuilder::new(source)
            .size_limit(MAX_REGEX)
            .build()
            .map_err(|_| refused())?;
        self.rest = rest;
        Ok(Some(regex))
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), PatternError> {
        match self.rest.split_whitespace().next() {
            None => Ok(()),
            Some(next) => Err(PatternError::Unexpected(next.to_owned())),
        }
    }
}
