//! Page tokens: positions in the order of events, and offsets in lists.

use super::LogsError;
use crate::clock::EpochMillis;
use crate::store::LogPosition;

/// Which way a token of `GetLogEvents` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Forward(LogPosition),
    Backward(LogPosition),
}

impl Token {
    pub(super) fn parse(text: &str) -> Result<Self, LogsError> {
        let position = |rest: &str| parse_position(rest);
        match text.split_once('/') {
            Some(("f", rest)) => Ok(Self::Forward(position(rest)?)),
            Some(("b", rest)) => Ok(Self::Backward(position(rest)?)),
            _ => Err(invalid()),
        }
    }

    pub(super) fn encode(self) -> String {
        match self {
            Self::Forward(position) => format!("f/{}", encode_position(position)),
            Self::Backward(position) => format!("b/{}", encode_position(position)),
        }
    }
}

pub(super) fn encode_position(position: LogPosition) -> String {
    format!("{}.{}", position.at.0, position.seq)
}

pub(super) fn parse_position(text: &str) -> Result<LogPosition, LogsError> {
    let parse = || {
        let (at, seq) = text.split_once('.')?;
        Some(LogPosition {
            at: EpochMillis(at.parse().ok()?),
            seq: seq.parse().ok()?,
        })
    };
    parse().ok_or_else(invalid)
}

/// One page of `items`, at most 50 long, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    limit: Option<i32>,
) -> Result<(Vec<T>, Option<String>), LogsError> {
    const PAGE: usize = 50;
    let start: usize = token.map_or(Ok(0), |token| token.parse().map_err(|_| invalid()))?;
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE)
        .clamp(1, PAGE);
    let end = start.saturating_add(limit);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.into_iter().skip(start).take(limit).collect(), next))
}

fn invalid() -> LogsError {
    LogsError::Parameter("The specified nextToken is invalid.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back() {
        let position = LogPosition {
            at: EpochMillis(-5),
            seq: 12,
        };
        for token in [Token::Forward(position), Token::Backward(LogPosition::END)] {
            assert_eq!(Token::parse(&token.encode()).unwrap(), token);
        }
        for text in ["", "f/", "f/1", "x/1.2", "f/1.x"] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
