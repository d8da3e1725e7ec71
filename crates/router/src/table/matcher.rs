//! Status codes that a health check accepts: `200`, `200-299`, `200,301-302`.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;

/// A set of status codes as Elastic Load Balancing writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    ranges: Vec<(u16, u16)>,
}

impl Matcher {
    /// Whether the status is in the set.
    pub fn matches(&self, status: StatusCode) -> bool {
        let code = status.as_u16();
        self.ranges
            .iter()
            .any(|&(first, last)| (first..=last).contains(&code))
    }
}

impl Default for Matcher {
    /// Only 200.
    fn default() -> Self {
        Self {
            ranges: vec![(200, 200)],
        }
    }
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, MatcherError> {
        let ranges = text.split(',').map(parse_range).collect::<Result<_, _>>()?;
        Ok(Self { ranges })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if first == last {
                write!(formatter, "{separator}{first}")?;
            } else {
                write!(formatter, "{separator}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// Why a text is no set of status codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Neither a code nor a range of codes.
    #[error("{0:?} is neither a status code nor a range of them (examples: 200, 200-299)")]
    NotACode(String),
    /// Outside what Elastic Load Balancing accepts.
    #[error("{0} is outside 200 to 499")]
    OutOfRange(u16),
    /// The first code of a range is above its last.
    #[error("the range {0}-{1} is empty")]
    EmptyRange(u16, u16),
}

fn parse_range(part: &str) -> Result<(u16, u16), MatcherError> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (parse_code(first)?, parse_code(last)?);
    if first > last {
        return Err(MatcherError::EmptyRange(first, last));
    }
    Ok((first, last))
}

fn parse_code(text: &str) -> Result<u16, MatcherError> {
    let text = text.trim();
    let code = text
        .parse()
        .map_err(|_| MatcherError::NotACode(text.to_owned()))?;
    if !(200..=499).contains(&code) {
        return Err(MatcherError::OutOfRange(code));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, code: u16) -> bool {
        let matcher: Matcher = text.parse().unwrap();
        matcher.matches(StatusCode::from_u16(code).unwrap())
    }

    #[test]
    fn codes_ranges_and_lists_match() {
        assert!(matches("200", 200));
        assert!(!matches("200", 201));
        assert!(matches("200-299,301", 204));
        assert!(matches("200-299, 301", 301));
        assert!(!matches("200-299,301", 302));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(
            "".parse::<Matcher>(),
            Err(MatcherError::NotACode(String::new()))
        );
        assert_eq!(
            "2xx".parse::<Matcher>(),
            Err(MatcherError::NotACode("2xx".to_owned()))
        );
        for code in [99, 500] {
            let parsed = code.to_string().parse::<Matcher>();
            assert_eq!(parsed, Err(MatcherError::OutOfRange(code)));
        }
        assert_eq!(
            "300-200".parse::<Matcher>(),
            Err(MatcherError::EmptyRange(300, 200))
        );
    }

    #[test]
    fn prints_as_it_was_written() {
        let matcher: Matcher = "200-299,301".parse().unwrap();
        assert_eq!(matcher.to_string(), "200-299,301");
    }
}
