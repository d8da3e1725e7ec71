//! One container's log: what is read and not written yet, and when to look again.

use std::time::{Duration, Instant};

use seaway_runtime::logs::{LogCursor, LogLine, LogReader};
use serde::{Deserialize, Serialize};

use super::LogTarget;
use crate::clock::EpochMillis;
use crate::store::{Document, NewLogEvent, StoreError, Tx};

/// The pause between two looks at a log that is being written to.
const BUSY: Duration = Duration::from_millis(100);
/// The longest pause between two looks at a silent one. Its end and its readers do not wait for it.
const SILENT: Duration = Duration::from_secs(5);
/// Bytes of one container in one pass.
const PASS: usize = 1 << 20;
/// CloudWatch Logs takes events of at most 256 KiB, 26 bytes of them overhead (PutLogEvents).
const LONGEST_EVENT: usize = 256 * 1024 - 26;

/// A log that is not shipped to its end, and how far it was shipped.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TailRecord {
    pub(super) target: LogTarget,
    cursor: LogCursor,
}

impl Document for TailRecord {
    const KIND: &'static str = "log-tail";
}

/// One container's log.
#[derive(Debug)]
pub(super) struct Tail {
    target: LogTarget,
    key: String,
    reader: LogReader,
    pause: Duration,
    due: Instant,
    looked_at: Option<Instant>,
    /// Lines that were read and could not be written yet.
    unwritten: Vec<LogLine>,
    is_on_record: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may be written to it.
    Open,
    /// Nothing will be written any more; what is there is being read.
    Closing,
    /// Everything was read.
    Read,
}

impl Tail {
    /// A log that nothing was read of.
    pub(super) fn new(key: String, target: LogTarget) -> Self {
        Self::at(key, target, LogCursor::default(), Instant::now())
    }

    /// A log as an earlier platform left it.
    pub(super) fn resumed(key: String, record: TailRecord) -> Self {
        let mut tail = Self::at(key, record.target, record.cursor, Instant::now());
        tail.is_on_record = true;
        tail
    }

    fn at(key: String, target: LogTarget, cursor: LogCursor, due: Instant) -> Self {
        let reader = LogReader::open(&target.directory, &target.container, cursor);
        Self {
            target,
            key,
            reader,
            pause: BUSY,
            due,
            looked_at: None,
            unwritten: vec![],
            is_on_record: false,
            end: End::Open,
        }
    }

    /// Nothing more will be written to it.
    pub(super) fn close(&mut self) {
        if self.end == End::Open {
            self.end = End::Closing;
        }
        self.due = Instant::now();
    }

    /// When it is to be looked at.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether it was looked at within so long.
    pub(super) fn is_fresh(&self, within: Duration) -> bool {
        self.looked_at.is_some_and(|at| at.elapsed() < within)
    }

    /// Reads what is new, unless something waits to be written. True if there is more to read.
    pub(super) fn read(&mut self) -> bool {
        let now = Instant::now();
        self.looked_at = Some(now);
        if !self.unwritten.is_empty() || self.end == End::Read {
            self.due = now + self.pause;
            return false;
        }
        let more = match self.reader.read(PASS) {
            Ok(lines) if lines.is_empty() => {
                self.pause = (self.pause * 2).min(SILENT);
                if self.end == End::Closing {
                    self.unwritten = self.reader.finish();
                    self.end = End::Read;
                }
                false
            }
            Ok(lines) => {
                self.unwritten = lines;
                self.pause = BUSY;
                true
            }
            Err(error) => {
                tracing::warn!(%error, log = %self.target.directory.display(), "unreadable");
                self.pause = SILENT;
                false
            }
        };
        // What is being read to its end is read on at once.
        let rests = !(more && self.end == End::Closing);
        self.due = if rests { now + self.pause } else { now };
        more
    }

    /// Whether the store does not know yet what was read.
    pub(super) fn has_news(&self) -> bool {
        !self.unwritten.is_empty() || !self.is_on_record || self.end == End::Read
    }

    /// Whether everything was read and written: nobody needs it any more.
    pub(super) fn is_over(&self) -> bool {
        self.end == End::Read && self.unwritten.is_empty() && !self.is_on_record
    }

    /// What [`Tail::write`] wrote is committed.
    pub(super) fn written(&mut self) {
        self.unwritten.clear();
        self.is_on_record = self.end != End::Read;
    }

    /// Writes what was read, and how far.
    pub(super) fn write(&self, tx: &Tx<'_>, now: EpochMillis) -> Result<(), StoreError> {
        self.write_lines(tx, now)?;
        if self.end == End::Read {
            return tx.remove::<TailRecord>(&self.key);
        }
        let record = TailRecord {
            target: self.target.clone(),
            cursor: self.reader.cursor(),
        };
        tx.put(&self.key, &record)
    }

    fn write_lines(&self, tx: &Tx<'_>, now: EpochMillis) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let group = match tx.log_group(&self.target.group)? {
            Some(group) => group.id,
            None => tx.create_log_group(&self.target.group, now)?,
        };
        let stream = match tx.log_stream(group, &self.target.stream)? {
            Some(stream) => stream.id,
            None => tx.create_log_stream(group, &self.target.stream, now)?,
        };
        let texts: Vec<(EpochMillis, String)> = self.unwritten.iter().flat_map(events_of).collect();
        let events = texts
            .iter()
            .map(|(at, message)| NewLogEvent { at: *at, message });
        tx.append_log_events(group, stream, events, now)
    }
}

/// A line as events: invalid UTF-8 replaced, a longer one than fits cut into several.
fn events_of(line: &LogLine) -> Vec<(EpochMillis, String)> {
    let at = EpochMillis(line.at.as_millisecond());
    let text = String::from_utf8_lossy(&line.bytes);
    let mut rest = text.as_ref();
    let mut events = Vec::new();
    while rest.len() > LONGEST_EVENT {
        let cut = rest.floor_char_boundary(LONGEST_EVENT);
        events.push((at, rest[..cut].to_owned()));
        rest = &rest[cut..];
    }
    // An empty line is an event of one space: CloudWatch Logs takes no empty message.
    events.push((
        at,
        if rest.is_empty() {
            " ".to_owned()
        } else {
            rest.to_owned()
        },
    ));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> LogLine {
        let stream = seaway_runtime::logs::Stream::Stdout;
        LogLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            stream,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn invalid_text_survives_as_replacement_characters() {
        assert_eq!(events_of(&line(b"a\xffb"))[0].1, "a\u{fffd}b");
    }

    #[test]
    fn a_line_longer_than_an_event_is_cut_and_complete() {
        let text = "é".repeat(LONGEST_EVENT);
        let events = events_of(&line(text.as_bytes()));
        assert!(events.len() > 1);
        assert!(
            events
                .iter()
                .all(|(_, message)| message.len() <= LONGEST_EVENT)
        );
        let joined: String = events.into_iter().map(|(_, message)| message).collect();
        assert_eq!(joined, text);
    }
}
