//! Page tokens: positions in the order of events, and the last items of pages of lists.

use super::LogsError;
use crate::clock::EpochMillis;
use crate::services::sorted_page::{BadToken, SortedPage};
use crate::store::LogPosition;

/// The usual and the greatest size of a page of groups or streams.
const PAGE: usize = 50;

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

/// The part of a list of groups or streams that a request asks for.
pub(super) fn page_of(token: Option<&str>, limit: Option<i32>) -> SortedPage<'_> {
    SortedPage::of_up_to(PAGE, token, limit)
}

impl From<BadToken> for LogsError {
    fn from(BadToken: BadToken) -> Self {
        invalid()
    }
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
