//! Patterns over lines of columns: `[ip, user, ..., status = 4*, bytes > 1000]`.
//!
//! A line is split at blanks; what is in quotation marks or brackets is one column. Without an
//! ellipsis a line has to have as many columns as the pattern.

use std::collections::BTreeMap;

use super::PatternError;
use super::condition::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;

/// The columns of a line and what they have to be.
#[derive(Debug)]
pub(in crate::services::logs) struct FieldsPattern {
    /// The columns from the left, up to the ellipsis if there is one.
    left: Vec<Column>,
    /// The columns behind the ellipsis.
    right: Option<Vec<Column>>,
}

#[derive(Debug)]
struct Column {
    name: String,
    /// None: any value.
    expression: Option<Expression<Comparison>>,
}

impl FieldsPattern {
    /// Reads what follows the opening bracket.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        let mut pattern = Self {
            left: Vec::new(),
            right: None,
        };
        loop {
            if cursor.eat("...") {
                if pattern.right.is_some() {
                    return Err(PatternError::SecondEllipsis);
                }
                pattern.right = Some(Vec::new());
            } else {
                let column = Column::parse(cursor)?;
                let columns = pattern.right.as_mut().unwrap_or(&mut pattern.left);
                columns.push(column);
            }
            if !cursor.eat(",") {
                break;
            }
        }
        cursor.expect("]")?;
        Ok(pattern)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let values = split(message);
        self.assign(&values)
            .is_some_and(|mut pairs| pairs.all(|(column, value)| column.fits(value)))
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let values = split(message);
        let pairs = self.assign(&values).into_iter().flatten();
        pairs
            .filter(|(column, _)| !column.name.is_empty())
            .map(|(column, value)| (format!("${}", column.name), (*value).to_owned()))
            .collect()
    }

    /// Each column with its value; none when there are too few or too many.
    fn assign<'a, 'b>(
        &'a self,
        values: &'b [&'b str],
    ) -> Option<impl Iterator<Item = (&'a Column, &'b &'b str)>> {
        let right = self.right.as_deref().unwrap_or_default();
        let wanted = self.left.len() + right.len();
        let enough = match self.right {
            Some(_) => values.len() >= wanted,
            None => values.len() == wanted,
        };
        let behind = values.len().checked_sub(right.len())?;
        enough.then(|| {
            let left = self.left.iter().zip(values);
            left.chain(right.iter().zip(&values[behind..]))
        })
    }
}

impl Column {
    /// A name, or conditions that all repeat one name.
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        if cursor.peek().is_some_and(|next| ",]".contains(next)) {
            let (name, expression) = (String::new(), None);
            return Ok(Self { name, expression });
        }
        let seen = std::cell::RefCell::new(None::<String>);
        let condition = |cursor: &mut Cursor<'_>| {
            let name = cursor.take_while(|c| c.is_alphanumeric() || "_-.".contains(c));
            cursor.skip_blanks();
            if name.is_empty() {
                return Err(PatternError::Missing("a name"));
            }
            let first = seen.replace(Some(name.to_owned()));
            if first.is_some_and(|first| first != name) {
                return Err(PatternError::ForeignField(name.to_owned()));
            }
            Comparison::parse(cursor)
        };
        let expression = Expression::parse(cursor, &condition)?;
        let name = seen.into_inner().unwrap_or_default();
        let mut bare = 0;
        let mut count = 0;
        expression.visit(&mut |one| {
            count += 1;
            bare += usize::from(one.is_none());
        });
        match (bare, count) {
            (1, 1) => Ok(Self {
                name,
                expression: None,
            }),
            (0, _) => Ok(Self {
                name,
                expression: expression.all_present(),
            }),
            _ => Err(PatternError::Missing("=")),
        }
    }

    fn fits(&self, value: &str) -> bool {
        self.expression
            .as_ref()
            .is_none_or(|expression| expression.holds(&|one| one.fits_text(value)))
    }
}

impl Expression<Option<Comparison>> {
    /// The same with every condition in place; none when one is missing.
    fn all_present(self) -> Option<Expression<Comparison>> {
        let each = |parts: Vec<Self>| -> Option<Vec<_>> {
            parts.into_iter().map(Self::all_present).collect()
        };
        Some(match self {
            Self::All(parts) => Expression::All(each(parts)?),
            Self::Any(parts) => Expression::Any(each(parts)?),
            Self::One(condition) => Expression::One(condition?),
        })
    }
}

/// The columns of a line, without the marks around them.
fn split(message: &str) -> Vec<&str> {
    let mut columns = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let (column, after) = match rest.as_bytes()[0] {
            b'"' => enclosed(rest, '"'),
            b'[' => enclosed(rest, ']'),
            _ => None,
        }
        .unwrap_or_else(|| rest.split_once(char::is_whitespace).unwrap_or((rest, "")));
        columns.push(column);
        rest = after.trim_start();
    }
    columns
}

/// What stands before the closing mark, and what follows it.
fn enclosed(text: &str, end: char) -> Option<(&str, &str)> {
    text.get(1..)?.split_once(end)
}
