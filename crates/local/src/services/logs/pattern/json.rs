//! Patterns over JSON: `{ $.level = "error" && ($.status >= 500 || $.user IS NULL) }`.
//!
//! A comparison holds for values only: not for what is absent, null, an object or a list. Of the
//! members that `[*]` selects, one has to fit.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PatternError;
use super::condition::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;

/// Conditions on the members of an object.
#[derive(Debug)]
pub(in crate::services::logs) struct JsonPattern(Expression<Condition>);

#[derive(Debug)]
struct Condition {
    selector: Selector,
    check: Check,
}

#[derive(Debug)]
enum Check {
    IsNull,
    Is(bool),
    NotExists,
    Compares(Comparison),
}

/// Where a value is, from the root on.
#[derive(Debug)]
struct Selector {
    /// As the pattern writes it.
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Member(String),
    Item(usize),
    AnyItem,
}

impl JsonPattern {
    /// Reads what follows the opening brace.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        let expression = Expression::parse(cursor, &Condition::parse)?;
        cursor.expect("}")?;
        Ok(Self(expression))
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let Some(object) = read(message) else {
            return false;
        };
        self.0.holds(&|condition| condition.holds(&object))
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let object = read(message).unwrap_or_default();
        self.0.visit(&mut |condition| {
            let selector = &condition.selector;
            if let Some(value) = selector.select(&object).first() {
                let text = plain(value).unwrap_or_else(|| value.to_string());
                found.insert(selector.text.clone(), text);
            }
        });
        found
    }
}

fn read(message: &str) -> Option<Value> {
    serde_json::from_str(message).ok()
}

impl Condition {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        let selector = Selector::parse(cursor)?;
        cursor.skip_blanks();
        let check = if cursor.eat_word("NOT") {
            if !cursor.eat_word("EXISTS") {
                return Err(PatternError::Missing("EXISTS"));
            }
            Check::NotExists
        } else if cursor.eat_word("IS") {
            if cursor.eat_word("NULL") {
                Check::IsNull
            } else if cursor.eat_word("TRUE") {
                Check::Is(true)
            } else if cursor.eat_word("FALSE") {
                Check::Is(false)
            } else {
                return Err(PatternError::Missing("NULL"));
            }
        } else {
            let comparison = Comparison::parse(cursor)?;
            Check::Compares(comparison.ok_or(PatternError::Missing("="))?)
        };
        Ok(Self { selector, check })
    }

    fn holds(&self, object: &Value) -> bool {
        let selected = self.selector.select(object);
        match &self.check {
            Check::NotExists => selected.is_empty(),
            Check::IsNull => selected.iter().any(|value| value.is_null()),
            Check::Is(wanted) => selected
                .iter()
                .any(|value| value.as_bool() == Some(*wanted)),
            Check::Compares(comparison) => selected
                .iter()
                .filter_map(|value| plain(value))
                .any(|text| comparison.fits_text(&text)),
        }
    }
}

/// A value that can be compared, as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Selector {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        if !cursor.eat_tight("$") {
            return Err(PatternError::Selector);
        }
        let mut selector = Self {
            text: "$".to_owned(),
            steps: Vec::new(),
        };
        while let Some(step) = Step::parse(cursor)? {
            selector.text.push_str(&step.written());
            selector.steps.push(step);
        }
        if selector.steps.is_empty() {
            return Err(PatternError::Selector);
        }
        Ok(selector)
    }

    fn select<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let mut selected = vec![object];
        for step in &self.steps {
            selected = selected
                .into_iter()
                .flat_map(|value| step.select(value))
                .collect();
        }
        selected
    }
}

impl Step {
    /// `.name`, `[3]`, `[*]`, `['name']` or `.['name']`; none where the selector ends.
    fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, PatternError> {
        let dot = cursor.eat_tight(".");
        if cursor.eat_tight("[") {
            let step = if cursor.eat_tight("*") {
                Self::AnyItem
            } else if let Some(name) = cursor.quoted('\'')? {
                Self::Member(name)
            } else if let Some(name) = cursor.quoted('"')? {
                Self::Member(name)
            } else {
                let index = cursor.take_while(|c| c.is_ascii_digit());
                let index = index.parse().map_err(|_| PatternError::NotANumber("[]"))?;
                Self::Item(index)
            };
            return if cursor.eat_tight("]") {
                Ok(Some(step))
            } else {
                Err(PatternError::Missing("]"))
            };
        }
        if !dot {
            return Ok(None);
        }
        let name = cursor.take_while(|c| c.is_alphanumeric() || "_-@:/".contains(c));
        if name.is_empty() {
            return Err(PatternError::Missing("a name"));
        }
        Ok(Some(Self::Member(name.to_owned())))
    }

    fn written(&self) -> String {
        let simple = |c: char| c.is_alphanumeric() || "_-".contains(c);
        match self {
            Self::Member(name) if name.chars().all(simple) => format!(".{name}"),
            Self::Member(name) => format!("['{name}']"),
            Self::Item(index) => format!("[{index}]"),
            Self::AnyItem => "[*]".to_owned(),
        }
    }

    fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(fields)) => fields.get(name).into_iter().collect(),
            (Self::Item(index), Value::Array(items)) => items.get(*index).into_iter().collect(),
            (Self::AnyItem, Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
}
