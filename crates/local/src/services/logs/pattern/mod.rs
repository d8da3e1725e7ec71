//! The language of filter patterns: which log events a search is after.
//!
//! Text patterns ([`text`]) look for terms, JSON patterns (`{ $.level = "error" }`, [`json`]) for
//! members of an object, and space-delimited ones (`[ip, user, status = 5*]`, [`fields`]) for the
//! columns of a line. The latter two join conditions ([`condition`]) with `&&`, `||` and
//! parentheses ([`expression`]). All of it is pure: text in, yes or no out.
//! Source: CloudWatch Logs guide, "Filter pattern syntax".

mod condition;
mod cursor;
mod expression;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod json;
mod text;

use std::collections::BTreeMap;

use thiserror::Error;

use cursor::Cursor;

/// A parsed filter pattern.
#[derive(Debug)]
pub(super) enum Pattern {
    Text(text::TextPattern),
    Json(json::JsonPattern),
    Fields(fields::FieldsPattern),
}

/// Why a filter pattern is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum PatternError {
    #[error("`{0}` has to be put into quotation marks")]
    Unquoted(String),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` was not expected")]
    Unexpected(String),
    #[error("{0} takes a number")]
    NotANumber(&'static str),
    #[error("the regular expression %{0}% is not supported")]
    Regex(String),
    #[error("a selector starts with `$`")]
    Selector,
    #[error("`{0}` is not the name of this field")]
    ForeignField(String),
    #[error("`...` may occur once")]
    SecondEllipsis,
    #[error("it is nested too deeply")]
    TooDeep,
}

impl Pattern {
    /// Reads a pattern; the empty one fits everything.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut cursor = Cursor::new(text);
        let pattern = if cursor.eat("{") {
            Self::Json(json::JsonPattern::parse(&mut cursor)?)
        } else if cursor.eat("[") {
            Self::Fields(fields::FieldsPattern::parse(&mut cursor)?)
        } else {
            Self::Text(text::TextPattern::parse(&mut cursor)?)
        };
        cursor.end()?;
        Ok(pattern)
    }

    /// Whether a message fits.
    pub(super) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Text(pattern) => pattern.matches(message),
            Self::Json(pattern) => pattern.matches(message),
            Self::Fields(pattern) => pattern.matches(message),
        }
    }

    /// The parts of a message that the pattern names, by their names in it.
    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        match self {
            Self::Text(_) => BTreeMap::new(),
            Self::Json(pattern) => pattern.extract(message),
            Self::Fields(pattern) => pattern.extract(message),
        }
    }
}

#[cfg(test)]
mod tests;
