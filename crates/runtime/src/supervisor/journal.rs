//! The events of a supervisor in a file, from which every listener is served.
//!
//! The first line names the journal, each other one is an event as it goes over the wire. Nothing
//! is kept in memory: a listener is a place in the file.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventCursor, EventKind};
use crate::protocol::frame;
use crate::task::{ContainerName, TaskId};

/// A longer journal is shortened...
const LIMIT: u64 = 8 * 1024 * 1024;
/// ...to about this much of its end.
const KEPT: u64 = 2 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    journal: String,
}

/// All that is needed of an event to find a place.
#[derive(Debug, Deserialize)]
struct Numbered {
    seq: u64,
}

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    id: String,
    /// Bytes that are whole lines. Beyond them the file may hold half of one.
    length: u64,
    /// Length of the first line, which never changes.
    first: u64,
    last: u64,
    oldest: u64,
    /// Events the disk did not take yet.
    unsaved: Vec<u8>,
    limit: u64,
}

impl Journal {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Self::with_limit(directory, LIMIT)
    }

    fn with_limit(directory: &Path, limit: u64) -> io::Result<Self> {
        let path = directory.join("events.jsonl");
        let file = open_file(&path)?;
        let mut journal = Self {
            path,
            file,
            id: String::new(),
            length: 0,
            first: 0,
            last: 0,
            oldest: 1,
            unsaved: Vec::new(),
            limit,
        };
        if !journal.scan()? {
            journal.begin()?;
        }
        Ok(journal)
    }

    /// Reads what is there, up to the last whole line. False: nothing usable.
    fn scan(&mut self) -> io::Result<bool> {
        let mut oldest = None;
        let mut input = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 && line.last() == Some(&b'\n') {
            if self.id.is_empty() {
                let Ok(header) = serde_json::from_slice::<Header>(&line) else {
                    return Ok(false);
                };
                self.id = header.journal;
                self.first = line.len() as u64;
            } else if let Ok(event) = serde_json::from_slice::<Numbered>(&line) {
                self.last = event.seq;
                oldest.get_or_insert(event.seq);
            }
            self.length += line.len() as u64;
            line.clear();
        }
        self.oldest = oldest.unwrap_or(self.last + 1);
        Ok(!self.id.is_empty())
    }

    fn begin(&mut self) -> io::Result<()> {
        let nanoseconds = Timestamp::now().as_nanosecond();
        self.id = format!("{nanoseconds:x}-{:x}", std::process::id());
        let header = frame(&Header {
            journal: self.id.clone(),
        })?;
        self.file.set_len(0)?;
        self.file.write_all_at(&header, 0)?;
        self.length = header.len() as u64;
        self.first = self.length;
        Ok(())
    }

    /// Records an event. If the disk does not take it now, it is tried again with the next one
    /// and by [`Journal::flush`].
    pub(super) fn append(&mut self, task: &TaskId, container: &ContainerName, kind: EventKind) {
        self.last += 1;
        let event = Event {
            seq: self.last,
            at: Timestamp::now(),
            task: task.clone(),
            container: container.clone(),
            kind,
        };
        match frame(&event) {
            Ok(line) => self.unsaved.extend_from_slice(&line),
            Err(error) => tracing::error!(%error, "an event cannot be written"),
        }
        self.flush();
    }

    /// Writes what the disk did not take before.
    pub(super) fn flush(&mut self) {
        if self.unsaved.is_empty() {
            return;
        }
        match self.file.write_all_at(&self.unsaved, self.length) {
            Ok(()) => {
                self.length += self.unsaved.len() as u64;
                self.unsaved = Vec::new();
            }
            Err(error) => tracing::error!(%error, "the journal cannot be written"),
        }
    }

    /// Shortens the journal if it is too long, and returns how many bytes every place in it moves
    /// towards the beginning.
    pub(super) fn shorten(&mut self) -> io::Result<u64> {
        if self.length <= self.limit {
            return Ok(0);
        }
        let header = frame(&Header {
            journal: self.id.clone(),
        })?;
        let mut tail = vec![0; usize::try_from(KEPT.min(self.limit / 2)).unwrap_or(0)];
        let from = self.length - tail.len() as u64;
        self.file.read_exact_at(&mut tail, from)?;
        let Some(end) = tail.iter().position(|byte| *byte == b'\n') else {
            return Ok(0);
        };
        let kept = &tail[end + 1..];
        let draft = self.path.with_extension("jsonl.draft");
        let file = open_file(&draft)?;
        file.set_len(0)?;
        file.write_all_at(&header, 0)?;
        file.write_all_at(kept, header.len() as u64)?;
        fs::rename(&draft, &self.path)?;
        let length = header.len() as u64 + kept.len() as u64;
        let cut = self.length - length;
        self.file = file;
        self.length = length;
        self.oldest = first_seq(kept).unwrap_or(self.last + 1);
        Ok(cut)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The number of the oldest event that can still be read, or of the next one.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    pub(super) fn cursor(&self) -> EventCursor {
        EventCursor {
            journal: self.id.clone(),
            seq: self.last,
        }
    }

    /// Where the first event after the cursor begins. A cursor of another journal: the beginning.
    pub(super) fn place_after(&self, cursor: &EventCursor) -> io::Result<u64> {
        let after = if cursor.journal == self.id {
            cursor.seq
        } else {
            0
        };
        let mut place = 0;
        for line in self.lines()? {
            let line = line?;
            if serde_json::from_slice::<Numbered>(&line).is_ok_and(|event| event.seq > after) {
                return Ok(place);
            }
            place += line.len() as u64 + 1;
        }
        Ok(self.length)
    }

    /// What is recorded from a place on, at most `limit` bytes.
    pub(super) fn read(&self, place: u64, limit: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.length.saturating_sub(place)).unwrap_or(limit);
        let mut bytes = vec![0; left.min(limit)];
        self.file.read_exact_at(&mut bytes, place)?;
        Ok(bytes)
    }

    /// Where the events begin.
    pub(super) fn first_place(&self) -> u64 {
        self.first
    }

    /// How the container ended, if that was recorded.
    pub(super) fn end_of(
        &self,
        task: &TaskId,
        container: &ContainerName,
    ) -> io::Result<Option<Event>> {
        let mut found = None;
        for line in self.lines()? {
            let Ok(event) = serde_json::from_slice::<Event>(&line?) else {
                continue;
            };
            let ends = matches!(event.kind, EventKind::Exited(_) | EventKind::StartFailed(_));
            if ends && event.task == *task && event.container == *container {
                found = Some(event);
            }
        }
        Ok(found)
    }

    fn lines(&self) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
        let input = io::Read::take(File::open(&self.path)?, self.length);
        Ok(BufReader::new(input).split(b'\n'))
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn first_seq(lines: &[u8]) -> Option<u64> {
    let first = lines.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<Numbered>(first)
        .ok()
        .map(|event| event.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exit, ExitStatus};

    fn append(journal: &mut Journal, code: i32) {
        let exit = Exit {
            status: ExitStatus::Code(code),
            oom: false,
        };
        let task = TaskId::new("t").unwrap();
        let container = ContainerName::new("c").unwrap();
        journal.append(&task, &container, EventKind::Exited(exit));
    }

    fn after(journal: &Journal, seq: u64) -> Vec<u64> {
        let cursor = EventCursor {
            journal: journal.id().to_owned(),
            seq,
        };
        let place = journal.place_after(&cursor).unwrap();
        let bytes = journal.read(place, 1 << 20).unwrap();
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Event>(line).unwrap().seq)
            .collect()
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_half_a_line_is_dropped() {
        let temp = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(temp.path()).unwrap();
        append(&mut journal, 1);
        append(&mut journal, 2);
        let id = journal.id().to_owned();
        journal
            .file
            .write_all_at(b"{\"seq\":3,\"at", journal.length)
            .unwrap();
        let mut journal = Journal::open(temp.path()).unwrap();
        assert_eq!((journal.id(), journal.cursor().seq), (id.as_str(), 2));
        append(&mut journal, 3);
        assert_eq!(after(&journal, 0), [1, 2, 3]);
        assert_eq!(after(&journal, 2), [3]);
        assert_eq!(after(&journal, 3), [0; 0]);
    }

    #[test]
    fn a_shortened_journal_says_what_is_left_and_keeps_places() {
        let temp = tempfile::tempdir().unwrap();
        let mut journal = Journal::with_limit(temp.path(), 4000).unwrap();
        for code in 0..40 {
            append(&mut journal, code);
        }
        let cursor = EventCursor {
            journal: journal.id().to_owned(),
            seq: 38,
        };
        let place = journal.place_after(&cursor).unwrap();
        let before = journal.read(place, 1 << 20).unwrap();
        let cut = journal.shorten().unwrap();
        assert!(cut > 0 && journal.oldest() > 1);
        assert_eq!(journal.read(place - cut, 1 << 20).unwrap(), before);
        assert_eq!(after(&journal, 0).first(), Some(&journal.oldest()));
        assert_eq!(
            Journal::open(temp.path()).unwrap().oldest(),
            journal.oldest()
        );
    }

    #[test]
    fn a_file_that_is_no_journal_is_begun_anew() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("events.jsonl"), b"garbage\nmore\n").unwrap();
        let mut journal = Journal::open(temp.path()).unwrap();
        append(&mut journal, 0);
        assert_eq!(after(&journal, 0), [1]);
    }
}
