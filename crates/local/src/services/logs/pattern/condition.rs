//! One comparison of a value: `= 5*`, `!= "a b"`, `>= 1.5e3`, `= %5[0-9]{2}%`.

use regex::Regex;

use super::PatternError;
use super::cursor::Cursor;

/// What a value is compared with, and how.
#[derive(Debug)]
pub(super) enum Comparison {
    Equal(Operand),
    Unequal(Operand),
    Ordered(Order, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The right-hand side of an equality.
#[derive(Debug)]
pub(super) enum Operand {
    /// Text in which `*` stands for anything, and the number that it is when it is not quoted.
    Text {
        pattern: String,
        number: Option<f64>,
    },
    Regex(Regex),
}

impl Comparison {
    /// Reads an operator and what follows it; none when no operator comes next.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, PatternError> {
        // Longer operators first: `>` begins `>=`, too.
        let ordered = [
            ("<=", Order::LessOrEqual),
            (">=", Order::GreaterOrEqual),
            ("<", Order::Less),
            (">", Order::Greater),
        ];
        if cursor.eat("!=") {
            return Ok(Some(Self::Unequal(Operand::parse(cursor)?)));
        }
        if cursor.eat("=") {
            return Ok(Some(Self::Equal(Operand::parse(cursor)?)));
        }
        for (token, order) in ordered {
            if cursor.eat(token) {
                let number = bare_word(cursor).parse();
                let number = number.map_err(|_| PatternError::NotANumber(token))?;
                return Ok(Some(Self::Ordered(order, number)));
            }
        }
        Ok(None)
    }

    /// Whether a value fits that is known as text.
    pub(super) fn fits_text(&self, text: &str) -> bool {
        match self {
            Self::Equal(operand) => operand.equals(text),
            Self::Unequal(operand) => !operand.equals(text),
            Self::Ordered(order, limit) => text
                .parse()
                .is_ok_and(|number: f64| order.holds(number, *limit)),
        }
    }
}

impl Order {
    fn holds(self, number: f64, limit: f64) -> bool {
        match self {
            Self::Less => number < limit,
            Self::LessOrEqual => number <= limit,
            Self::Greater => number > limit,
            Self::GreaterOrEqual => number >= limit,
        }
    }
}

impl Operand {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        if let Some(regex) = cursor.regex()? {
            return Ok(Self::Regex(regex));
        }
        if let Some(pattern) = cursor.quoted('"')? {
            let number = None;
            return Ok(Self::Text { pattern, number });
        }
        let word = bare_word(cursor);
        if word.is_empty() {
            return Err(PatternError::Missing("a value"));
        }
        Ok(Self::Text {
            pattern: word.to_owned(),
            number: word.parse().ok(),
        })
    }

    fn equals(&self, text: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(text),
            Self::Text { pattern, number } => {
                let same_number = || number.is_some_and(|it| text.parse() == Ok(it));
                fits(pattern, text) || same_number()
            }
        }
    }
}

/// What is not quoted ends where the expression goes on.
fn bare_word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| !c.is_whitespace() && !"\",()[]{}&|=<>!".contains(c))
}

/// Whether text fits a pattern in which `*` stands for any text.
///
/// The parts between the asterisks are looked for from left to right, the first and the last one
/// at the ends: linear, whatever the pattern.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return text == first;
    };
    let Some(middle) = text
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last))
    else {
        return false;
    };
    let mut rest = middle;
    parts.all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}
