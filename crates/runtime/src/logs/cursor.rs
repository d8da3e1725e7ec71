//! How far a log was read, in a form that can be kept.

use serde::{Deserialize, Serialize};

use super::Stream;

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPosition {
    pub segment: u64,
    pub offset: u64,
}

/// A place in the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenPosition {
    /// The segment of the record.
    pub segment: u64,
    /// Where the record begins.
    pub offset: u64,
    /// How many of its bytes are before this place: they were handed out.
    #[serde(default)]
    pub skip: u64,
}

impl OpenPosition {
    pub(super) fn new(record: LogPosition, skip: u64) -> Self {
        let LogPosition { segment, offset } = record;
        Self {
            segment,
            offset,
            skip,
        }
    }

    /// Where the record begins.
    pub(super) fn record(self) -> LogPosition {
        LogPosition {
            segment: self.segment,
            offset: self.offset,
        }
    }
}

/// How far a log has been read: everything before `next`, except lines that were not complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    pub next: LogPosition,
    /// Where the unfinished line of stdout begins, if there is one.
    pub open_stdout: Option<OpenPosition>,
    pub open_stderr: Option<OpenPosition>,
}

impl LogCursor {
    /// Where the reader has to begin.
    pub(super) fn first(&self) -> LogPosition {
        let open = Stream::ALL
            .into_iter()
            .filter_map(|stream| self.open(stream));
        open.map(OpenPosition::record)
            .fold(self.next, LogPosition::min)
    }

    pub(super) fn open(&self, stream: Stream) -> Option<OpenPosition> {
        match stream {
            Stream::Stdout => self.open_stdout,
            Stream::Stderr => self.open_stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_an_earlier_version_is_read() {
        let text = r#"{"next":{"segment":1,"offset":90},"open_stdout":{"segment":1,"offset":30},
                       "open_stderr":null}"#;
        let cursor: LogCursor = serde_json::from_str(text).unwrap();
        let open = LogPosition {
            segment: 1,
            offset: 30,
        };
        assert_eq!(cursor.open_stdout, Some(OpenPosition::new(open, 0)));
        assert_eq!(cursor.first(), open);
    }
}
