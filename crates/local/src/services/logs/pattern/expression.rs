//! Conditions joined with `&&`, `||` and parentheses; `&&` binds more tightly.

use super::PatternError;
use super::cursor::Cursor;

/// How many parentheses may be open.
const MAX_DEPTH: usize = 16;

/// Conditions of any kind, joined.
#[derive(Debug)]
pub(super) enum Expression<C> {
    All(Vec<Self>),
    Any(Vec<Self>),
    One(C),
}

impl<C> Expression<C> {
    /// Reads an expression; `condition` reads one condition.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        condition: &impl Fn(&mut Cursor<'_>) -> Result<C, PatternError>,
    ) -> Result<Self, PatternError> {
        Self::any(cursor, condition, 0)
    }

    pub(super) fn holds(&self, check: &impl Fn(&C) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(check)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(check)),
            Self::One(condition) => check(condition),
        }
    }

    /// Shows every condition to `see`.
    pub(super) fn visit<'a>(&'a self, see: &mut impl FnMut(&'a C)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::One(condition) => see(condition),
        }
    }

    fn any(
        cursor: &mut Cursor<'_>,
        condition: &impl Fn(&mut Cursor<'_>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Self, PatternError> {
        let mut parts = vec![Self::all(cursor, condition, depth)?];
        while cursor.eat("||") {
            parts.push(Self::all(cursor, condition, depth)?);
        }
        Ok(Self::Any(parts))
    }

    fn all(
        cursor: &mut Cursor<'_>,
        condition: &impl Fn(&mut Cursor<'_>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Self, PatternError> {
        let mut parts = vec![Self::one(cursor, condition, depth)?];
        while cursor.eat("&&") {
            parts.push(Self::one(cursor, condition, depth)?);
        }
        Ok(Self::All(parts))
    }

    fn one(
        cursor: &mut Cursor<'_>,
        condition: &impl Fn(&mut Cursor<'_>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Self, PatternError> {
        if !cursor.eat("(") {
            let condition = condition(cursor)?;
            cursor.skip_blanks();
            return Ok(Self::One(condition));
        }
        if depth >= MAX_DEPTH {
            return Err(PatternError::TooDeep);
        }
        let inner = Self::any(cursor, condition, depth + 1)?;
        cursor.expect(")")?;
        Ok(inner)
    }
}
