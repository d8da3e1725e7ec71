//! Checks a request against the constraints of its model, and says all that is wrong at once.
//!
//! The wording is that of AWS's service framework, which clients and people search for:
//! `1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: ...`.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::schema::{Kind, Shape};
use crate::types::{Blob, Timestamp};

/// How much of a bad value an error quotes, in characters.
const QUOTED: usize = 256;

/// Why a request body does not fit its shape.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Invalid {
    /// A value has the wrong type: the request cannot be read.
    #[error("{path}: {found} can not be converted to {expected}")]
    Mistyped {
        /// Where, such as `tags.1.member.key`.
        path: String,
        /// The type that the model asks for.
        expected: &'static str,
        /// What is there instead.
        found: &'static str,
    },
    /// Values break constraints.
    #[error(transparent)]
    Violations(#[from] ValidationError),
}

/// All broken constraints of a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// In the order of the model's members.
    pub violations: Vec<Violation>,
}

/// One broken constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, such as `tags.1.member.key`.
    pub path: String,
    /// The value as text; none when it is sensitive.
    pub value: Option<String>,
    /// What it breaks.
    pub constraint: Constraint,
}

/// What a value must satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// The member is required.
    Present,
    /// One of these values.
    OneOf(&'static [&'static str]),
    /// Length of text, binary data, a list or a map.
    LengthAtLeast(i64),
    /// Length of text, binary data, a list or a map.
    LengthAtMost(i64),
    /// A number's value.
    ValueAtLeast(i64),
    /// A number's value.
    ValueAtMost(i64),
    /// A regular expression, in Java's dialect.
    Pattern(&'static str),
}

/// Checks a request body against its shape.
///
/// # Errors
/// The first value of a wrong type, or else every broken constraint.
pub fn check(shape: &'static Shape, body: &Value) -> Result<(), Invalid> {
    let mut checker = Checker {
        violations: Vec::new(),
        sensitive_above: 0,
    };
    checker.visit(shape, body, &Path::Root)?;
    if checker.violations.is_empty() {
        return Ok(());
    }
    Err(ValidationError {
        violations: checker.violations,
    }
    .into())
}

struct Checker {
    violations: Vec<Violation>,
    /// How many of the shapes that contain the current value are sensitive.
    sensitive_above: usize,
}

impl Checker {
    fn visit(&mut self, shape: &Shape, value: &Value, path: &Path<'_>) -> Result<(), Invalid> {
        self.sensitive_above += usize::from(shape.sensitive);
        let outcome = self.visit_inside(shape, value, path);
        self.sensitive_above -= usize::from(shape.sensitive);
        outcome
    }

    fn visit_inside(
        &mut self,
        shape: &Shape,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<(), Invalid> {
        let mistyped = |expected| {
            Err(Invalid::Mistyped {
                path: path.to_string(),
                expected,
                found: type_name(value),
            })
        };
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(fields)) => {
                for member in *members {
                    let path = Path::Member(path, member.name);
                    match fields.get(member.name) {
                        None | Some(Value::Null) if member.required => {
                            self.add(member.shape, &Value::Null, &path, Constraint::Present);
                        }
                        None | Some(Value::Null) => {}
                        Some(value) => self.visit(member.shape, value, &path)?,
                    }
                }
            }
            (Kind::List(shape_of_item), Value::Array(items)) => {
                self.check_length(shape, value, path, items.len());
                for (at, item) in items.iter().enumerate() {
                    self.visit_item(shape_of_item, item, &Path::Item(path, at + 1))?;
                }
            }
            (Kind::Map(key_shape, value_shape), Value::Object(entries)) => {
                self.check_length(shape, value, path, entries.len());
                for (key, value) in entries {
                    self.visit(key_shape, &Value::from(key.as_str()), &Path::Key(path))?;
                    self.visit_item(value_shape, value, &Path::Entry(path, key))?;
                }
            }
            (Kind::String, Value::String(text)) => {
                self.check_length(shape, value, path, text.chars().count());
                if let Some(pattern) = shape.pattern
                    && !pattern.matches(text)
                {
                    self.add(shape, value, path, Constraint::Pattern(pattern.source));
                }
            }
            (Kind::Enumeration(values), Value::String(text)) => {
                if !values.contains(&text.as_str()) {
                    self.add(shape, value, path, Constraint::OneOf(values));
                }
            }
            (Kind::Blob, Value::String(text)) => match Blob::decoded_length(text) {
                Some(length) => self.check_length(shape, value, path, length),
                None => return mistyped("Blob"),
            },
            (Kind::Timestamp, Value::String(text)) if Timestamp::from_iso8601(text).is_ok() => {}
            (Kind::Timestamp, Value::Number(number)) => {
                if number
                    .as_f64()
                    .is_none_or(|it| Timestamp::from_seconds(it).is_err())
                {
                    return mistyped("Timestamp");
                }
            }
            (Kind::Integer, Value::Number(number)) => match number.as_i64() {
                Some(it) if i32::try_from(it).is_ok() => {
                    self.check_value(shape, value, path, it as f64)
                }
                _ => return mistyped("Integer"),
            },
            (Kind::Long, Value::Number(number)) => match number.as_i64() {
                Some(it) => self.check_value(shape, value, path, it as f64),
                None => return mistyped("Long"),
            },
            (Kind::Double, Value::Number(number)) => match number.as_f64() {
                Some(it) => self.check_value(shape, value, path, it),
                None => return mistyped("Double"),
            },
            (Kind::Boolean, Value::Bool(_)) | (Kind::Document, _) => {}
            (kind, _) => return mistyped(kind_name(kind)),
        }
        Ok(())
    }

    /// Visits what may not be null.
    fn visit_item(&mut self, shape: &Shape, value: &Value, path: &Path<'_>) -> Result<(), Invalid> {
        if value.is_null() && !matches!(shape.kind, Kind::Document) {
            self.add(shape, value, path, Constraint::Present);
            return Ok(());
        }
        self.visit(shape, value, path)
    }

    fn check_length(&mut self, shape: &Shape, value: &Value, path: &Path<'_>, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if let Some(min) = shape.min
            && length < min
        {
            self.add(shape, value, path, Constraint::LengthAtLeast(min));
        }
        if let Some(max) = shape.max
            && length > max
        {
            self.add(shape, value, path, Constraint::LengthAtMost(max));
        }
    }

    fn check_value(&mut self, shape: &Shape, value: &Value, path: &Path<'_>, number: f64) {
        if let Some(min) = shape.min
            && number < min as f64
        {
            self.add(shape, value, path, Constraint::ValueAtLeast(min));
        }
        if let Some(max) = shape.max
            && number > max as f64
        {
            self.add(shape, value, path, Constraint::ValueAtMost(max));
        }
    }

    fn add(&mut self, shape: &Shape, value: &Value, path: &Path<'_>, constraint: Constraint) {
        let shown = self.sensitive_above == 0 && !shape.sensitive;
        let value = shown.then(|| quote(value));
        self.violations.push(Violation {
            path: path.to_string(),
            value,
            constraint,
        });
    }
}

/// Where a value is, as a list that lives on the stack of the visit.
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'static str),
    /// Items count from one.
    Item(&'a Path<'a>, usize),
    Key(&'a Path<'a>),
    Entry(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                let dot = if matches!(parent, Path::Root) {
                    ""
                } else {
                    "."
                };
                let (first, rest) = name.split_at(1);
                write!(f, "{parent}{dot}{}{rest}", first.to_ascii_lowercase())
            }
            Self::Item(parent, at) => write!(f, "{parent}.{at}.member"),
            Self::Key(parent) => write!(f, "{parent}.key"),
            Self::Entry(parent, key) => write!(f, "{parent}.{key}.member"),
        }
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} validation error{plural} detected: ")?;
        for (at, violation) in self.violations.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ValidationError {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value ")?;
        if let Some(value) = &self.value {
            write!(f, "{value} ")?;
        }
        write!(
            f,
            "at '{}' failed to satisfy constraint: {}",
            self.path, self.constraint
        )
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("Member must not be null"),
            Self::OneOf(values) => {
                write!(
                    f,
                    "Member must satisfy enum value set: [{}]",
                    values.join(", ")
                )
            }
            Self::LengthAtLeast(min) => {
                write!(f, "Member must have length greater than or equal to {min}")
            }
            Self::LengthAtMost(max) => {
                write!(f, "Member must have length less than or equal to {max}")
            }
            Self::ValueAtLeast(min) => {
                write!(f, "Member must have value greater than or equal to {min}")
            }
            Self::ValueAtMost(max) => {
                write!(f, "Member must have value less than or equal to {max}")
            }
            Self::Pattern(source) => {
                write!(
                    f,
                    "Member must satisfy regular expression pattern: {source}"
                )
            }
        }
    }
}

/// A value as an error shows it, shortened.
fn quote(value: &Value) -> String {
    let text = match value {
        Value::Null => return "null".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("'{}...'", &text[..end]),
        None => format!("'{text}'"),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(_) => "BOOLEAN_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "LIST_VALUE",
        Value::Object(_) => "STRUCTURE_VALUE",
    }
}

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Blob => "Blob",
        Kind::Boolean => "Boolean",
        Kind::Document => "Document",
        Kind::Double => "Double",
        Kind::Enumeration(_) | Kind::String => "String",
        Kind::Integer => "Integer",
        Kind::List(_) => "List",
        Kind::Long => "Long",
        Kind::Map(..) => "Map",
        Kind::Structure(_) => "Structure",
        Kind::Timestamp => "Timestamp",
    }
}
