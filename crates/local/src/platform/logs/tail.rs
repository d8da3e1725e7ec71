//! One container's log: what is read and not written yet, and when to look again.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use seaway_runtime::logs::{LogCursor, LogLine, LogReader, Stream};
use serde::{Deserialize, Serialize};

use super::LogTarget;
use crate::clock::EpochMillis;
use crate::store::{Document, NewLogEvent, NewLogGroup, StoreError, Tx};

/// The pause between two looks at a log that is being written to.
const BUSY: Duration = Duration::from_millis(100);
/// The longest pause between two looks at a silent one. Its end and its readers do not wait for it.
const SILENT: Duration = Duration::from_secs(5);
/// Bytes of one container in one pass.
const PASS: usize = 1 << 20;

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
    /// How many of the files that were dropped unread the log tells of.
    gaps_told: u64,
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
            gaps_told: 0,
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
                    let rest = self.reader.finish();
                    self.unwritten = self.behind_a_gap(rest);
                    self.end = End::Read;
                }
                false
            }
            Ok(lines) => {
                self.unwritten = self.behind_a_gap(lines);
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

    /// The lines, in front of them the mark of what was dropped unread since the last look. It has
    /// the time of the earliest: a log is shown in the order of time.
    fn behind_a_gap(&mut self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let lost = self.reader.lost_segments();
        let new = lost - std::mem::replace(&mut self.gaps_told, lost);
        let mark = (new > 0).then(|| {
            let earliest = lines.iter().map(|line| line.at).min();
            gap(new, earliest.unwrap_or_else(Timestamp::now))
        });
        mark.into_iter().chain(lines).collect()
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
            None => tx.create_log_group(&NewLogGroup::named(&self.target.group), now)?,
        };
        let stream = match tx.log_stream(group, &self.target.stream)? {
            Some(stream) => stream.id,
            None => tx.create_log_stream(group, &self.target.stream, now)?,
        };
        let texts: Vec<(EpochMillis, String)> = self.unwritten.iter().map(event_of).collect();
        let events = texts
            .iter()
            .map(|(at, message)| NewLogEvent { at: *at, message });
        tx.append_log_events(group, stream, events, now)
    }
}

/// A line as an event: invalid UTF-8 replaced. The reader cuts what is too long for one.
fn event_of(line: &LogLine) -> (EpochMillis, String) {
    let at = EpochMillis(line.at.as_millisecond());
    // An empty line is an event of one space: CloudWatch Logs takes no empty message.
    let message = match line.bytes.as_slice() {
        [] => " ".to_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    (at, message)
}

/// What stands where output was dropped before it was read: the task wrote faster than it is kept.
fn gap(segments: u64, at: Timestamp) -> LogLine {
    let text =
        format!("[seaway: output is missing here, {segments} files of it: written too fast]");
    LogLine {
        at,
        stream: Stream::Stderr,
        bytes: text.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use seaway_runtime::task::ContainerName;

    use super::*;

    fn event(bytes: &[u8]) -> String {
        let line = LogLine {
            at: Timestamp::UNIX_EPOCH,
            stream: Stream::Stdout,
            bytes: bytes.to_vec(),
        };
        event_of(&line).1
    }

    #[test]
    fn invalid_text_survives_as_replacement_characters() {
        assert_eq!(event(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn an_empty_line_is_an_event() {
        assert_eq!(event(b""), " ");
    }

    #[test]
    fn output_that_was_dropped_unread_leaves_a_mark() {
        let directory = tempfile::tempdir().unwrap();
        let segment = |number: u64, text: &str| {
            let record = format!("2026-11-21T06:0{number}:00.000000Z stdout F {text}\n");
            std::fs::write(directory.path().join(format!("main.{number}.log")), record).unwrap();
        };
        let target = LogTarget {
            directory: directory.path().to_owned(),
            container: ContainerName::new("main").unwrap(),
            group: "/shop".into(),
            stream: "main".into(),
            creates_group: false,
        };
        let mut tail = Tail::new("task/main".into(), target);
        let mut read = || {
            tail.read();
            let lines: Vec<_> = tail.unwritten.iter().map(event_of).collect();
            tail.written();
            lines
        };
        let at = |minute: i64, text: &str| {
            let hour = 1_795_240_800_000;
            (EpochMillis(hour + 60_000 * minute), text.to_owned())
        };
        let mark = "[seaway: output is missing here, 2 files of it: written too fast]";
        segment(0, "before");
        segment(3, "after");
        assert_eq!(read(), [at(0, "before")]);
        assert_eq!(read(), [at(3, mark), at(3, "after")]);
        segment(4, "later");
        assert_eq!(read(), [at(4, "later")], "it is said once");
    }
}
