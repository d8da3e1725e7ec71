//! Patterns over unstructured text: terms, quoted phrases and regular expressions, all of which
//! must occur; `-term` must not; of `?term`s one must. Case matters.

use regex::Regex;

use super::PatternError;
use super::cursor::Cursor;

/// What a message must and must not contain.
#[derive(Debug, Default)]
pub(in crate::services::logs) struct TextPattern {
    all: Vec<Term>,
    none: Vec<Term>,
    any: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Literal(String),
    Regex(Regex),
}

impl TextPattern {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        let mut pattern = Self::default();
        while !cursor.is_at_end() {
            let terms = if cursor.eat_tight("-") {
                &mut pattern.none
            } else if cursor.eat_tight("?") {
                &mut pattern.any
            } else {
                &mut pattern.all
            };
            terms.push(Term::parse(cursor)?);
            cursor.skip_blanks();
        }
        Ok(pattern)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &Term| term.occurs(message);
        self.all.iter().all(has)
            && !self.none.iter().any(has)
            && (self.any.is_empty() || self.any.iter().any(has))
    }
}

impl Term {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        if let Some(phrase) = cursor.quoted('"')? {
            return Ok(Self::Literal(phrase));
        }
        if let Some(regex) = cursor.regex()? {
            return Ok(Self::Regex(regex));
        }
        // Anything but letters, digits and underscores has to be quoted.
        let term = cursor.take_while(|c| !c.is_whitespace());
        if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(PatternError::Unquoted(term.to_owned()));
        }
        Ok(Self::Literal(term.to_owned()))
    }

    fn occurs(&self, message: &str) -> bool {
        match self {
            Self::Literal(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}
