//! Lines of tasks on their way into the store.

use super::{Logs, LogsError};
use crate::clock::EpochMillis;
use crate::store::{NewLogEvent, NewLogGroup, Tx};

/// The longest message of an event, in bytes. Longer lines become several events.
const MAX_MESSAGE: usize = 256 * 1024 - 26;

/// Where lines go: created when missing.
#[derive(Clone, Copy, Debug)]
pub struct LogDestination<'a> {
    pub group: &'a str,
    pub stream: &'a str,
}

/// A line as a process wrote it, without its end.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    pub at: EpochMillis,
    pub bytes: &'a [u8],
}

impl Logs {
    /// Appends lines in the given order. Bytes that are not UTF-8 become U+FFFD;
    /// very long lines become several events.
    pub fn ingest(
        &self,
        destination: LogDestination<'_>,
        lines: &[LogLine<'_>],
        now: EpochMillis,
    ) -> Result<(), LogsError> {
        self.store
            .write(|tx| Self::ingest_in(tx, destination, lines, now))
    }

    /// Like [`Logs::ingest`] within a transaction: with it, the caller can
    /// remember how far it has read, so that no line is lost or told twice.
    pub fn ingest_in(
        tx: &Tx<'_>,
        destination: LogDestination<'_>,
        lines: &[LogLine<'_>],
        now: EpochMillis,
    ) -> Result<(), LogsError> {
        let LogDestination { group, stream } = destination;
        let group = match tx.log_group(group)? {
            Some(group) => group.id,
            None => tx.create_log_group(&NewLogGroup::named(group), now)?,
        };
        let stream = match tx.log_stream(group, stream)? {
            Some(stream) => stream.id,
            None => tx.create_log_stream(group, stream, now)?,
        };
        for line in lines {
            let text = String::from_utf8_lossy(line.bytes);
            let events = pieces(&text).into_iter().map(|message| NewLogEvent {
                at: line.at,
                message,
            });
            tx.append_log_events(group, stream, events, now)?;
        }
        Ok(())
    }
}

/// The text in pieces that an event can hold; an empty line is a piece, too.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > MAX_MESSAGE {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_MESSAGE));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        let text = "ä".repeat(MAX_MESSAGE);
        let pieces = pieces(&text);
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_MESSAGE));
        assert_eq!(pieces.concat(), text);
        assert_eq!(super::pieces(""), [""]);
    }
}
