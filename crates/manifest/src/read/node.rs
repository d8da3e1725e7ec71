//! One value of the document, where it stands, and what reading it can end in.

use std::ops::Deref;

use schemars::{Schema, SchemaGenerator};
use toml::de::DeValue;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::suggest::quoted;

/// Where errors go while reading.
pub(crate) type Sink = Vec<Diagnostic>;

/// A value of the TOML document with its place.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a DeValue<'a>,
    pub(crate) span: Span,
    /// Where its key stands; the value itself where it has none.
    pub(crate) key_span: Span,
    /// Dotted keys from the root: `services.api.port`.
    pub(crate) path: String,
}

impl Node<'_> {
    /// Says that the value is of another type than `expected`.
    pub(crate) fn wrong_type(&self, expected: &str) -> Diagnostic {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.unfit(expected, format!("this is {found}"))
    }

    /// Says that the value is no `expected`, with `label` beside the caret.
    pub(crate) fn unfit(&self, expected: &str, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(format!("{} must be {expected}", quoted(&self.path)))
            .at(&self.span, label)
    }
}

/// Something that can be read from the manifest and described in its JSON Schema.
pub(crate) trait Read: Clone + Sized + 'static {
    /// The name of its definition in the schema; none: written where it is used.
    const TITLE: Option<&'static str> = None;

    /// What is expected, as it follows "must be": "a whole number from 1 to 65535".
    fn expected() -> String;

    /// The value, or none after a complaint.
    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self>;

    /// Its JSON Schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// This value laid over another of the same key: tables join key by key, others replace.
    fn over(&self, _base: &Self) -> Self {
        self.clone()
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// What a key of a table held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Field<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// The key is there, its value was complained about.
    Invalid,
    Given(At<T>),
}

impl<T> Field<T> {
    pub(crate) fn given(&self) -> Option<&At<T>> {
        match self {
            Self::Given(at) => Some(at),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// The value without its place.
    pub(crate) fn value(&self) -> Option<&T> {
        self.given().map(|at| &at.value)
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid)
    }
}

impl<T: Read> Field<T> {
    /// This field if it is there, else the one below; tables join key by key.
    pub(crate) fn over(&self, base: &Self) -> Self {
        match (self, base) {
            (Self::Given(above), Self::Given(below)) => Self::Given(At {
                value: above.value.over(&below.value),
                span: above.span.clone(),
            }),
            (Self::Absent, _) => base.clone(),
            (Self::Given(_) | Self::Invalid, _) => self.clone(),
        }
    }
}
