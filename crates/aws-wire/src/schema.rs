//! Shapes of the wire, as static tables: they drive validation and the query codec.

use std::sync::OnceLock;

use regex::Regex;

/// What a value on the wire looks like.
#[derive(Debug)]
pub struct Shape {
    pub(crate) kind: Kind,
    /// Least length of text, blobs, lists and maps; least value of numbers.
    pub(crate) min: Option<i64>,
    /// Greatest length of text, blobs, lists and maps; greatest value of numbers.
    pub(crate) max: Option<i64>,
    pub(crate) pattern: Option<&'static Pattern>,
    /// Never shown in an error.
    pub(crate) sensitive: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Blob,
    Boolean,
    /// Any JSON.
    Document,
    Double,
    Enumeration(&'static [&'static str]),
    Integer,
    List(&'static Shape),
    Long,
    Map(&'static Shape, &'static Shape),
    String,
    Structure(&'static [Member]),
    Timestamp,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

impl Member {
    pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            shape,
            required: true,
        }
    }

    pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            shape,
            required: false,
        }
    }
}

pub(crate) static BOOLEAN: Shape = Shape::boolean();
pub(crate) static DOUBLE: Shape = Shape::double();
pub(crate) static INTEGER: Shape = Shape::integer();
pub(crate) static LONG: Shape = Shape::long();
pub(crate) static STRING: Shape = Shape::string();
pub(crate) static TIMESTAMP: Shape = Shape::timestamp();

impl Shape {
    pub(crate) const fn blob() -> Self {
        Self::of(Kind::Blob)
    }

    pub(crate) const fn boolean() -> Self {
        Self::of(Kind::Boolean)
    }

    pub(crate) const fn document() -> Self {
        Self::of(Kind::Document)
    }

    pub(crate) const fn double() -> Self {
        Self::of(Kind::Double)
    }

    pub(crate) const fn enumeration(values: &'static [&'static str]) -> Self {
        Self::of(Kind::Enumeration(values))
    }

    pub(crate) const fn integer() -> Self {
        Self::of(Kind::Integer)
    }

    pub(crate) const fn list(member: &'static Shape) -> Self {
        Self::of(Kind::List(member))
    }

    pub(crate) const fn long() -> Self {
        Self::of(Kind::Long)
    }

    pub(crate) const fn map(key: &'static Shape, value: &'static Shape) -> Self {
        Self::of(Kind::Map(key, value))
    }

    pub(crate) const fn string() -> Self {
        Self::of(Kind::String)
    }

    pub(crate) const fn structure(members: &'static [Member]) -> Self {
        Self::of(Kind::Structure(members))
    }

    pub(crate) const fn timestamp() -> Self {
        Self::of(Kind::Timestamp)
    }

    pub(crate) const fn at_least(self, min: i64) -> Self {
        Self {
            min: Some(min),
            ..self
        }
    }

    pub(crate) const fn at_most(self, max: i64) -> Self {
        Self {
            max: Some(max),
            ..self
        }
    }

    pub(crate) const fn matching(self, pattern: &'static Pattern) -> Self {
        Self {
            pattern: Some(pattern),
            ..self
        }
    }

    pub(crate) const fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            min: None,
            max: None,
            pattern: None,
            sensitive: false,
        }
    }
}

/// A regular expression of a model, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// As the model writes it, in Java's dialect.
    pub(crate) source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self {
            source,
            compiled: OnceLock::new(),
        }
    }

    /// Whether the whole text matches. A pattern that does not compile forbids nothing; a test
    /// makes sure that there is none.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }

    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(&rust_dialect(self.source)).ok())
            .as_ref()
    }
}

/// Java matches the whole text, and its `\d` and `\w` are ASCII.
fn rust_dialect(source: &str) -> String {
    format!(
        r"\A(?:{})\z",
        source
            .replace(r"\d", "[0-9]")
            .replace(r"\w", "[0-9A-Za-z_]")
    )
}
