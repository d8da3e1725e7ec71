//! The platform's end of a log: lines, from where it stopped reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Stream, record, segment};
use crate::task::ContainerName;

/// A longer line is handed out in parts of about this many bytes: the size of the largest event
/// that CloudWatch Logs takes.
const LINE_LIMIT: usize = 256 * 1024;

/// One line of output, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its first byte was read from the process.
    pub at: Timestamp,
    pub stream: Stream,
    /// As printed; not necessarily UTF-8.
    pub bytes: Vec<u8>,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPosition {
    pub segment: u64,
    pub offset: u64,
}

/// How far a log has been read: everything before `next`, except lines that were not complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    pub next: LogPosition,
    /// Where the unfinished line of stdout begins, if there is one.
    pub open_stdout: Option<LogPosition>,
    pub open_stderr: Option<LogPosition>,
}

impl LogCursor {
    fn open(&self, stream: Stream) -> Option<LogPosition> {
        match stream {
            Stream::Stdout => self.open_stdout,
            Stream::Stderr => self.open_stderr,
        }
    }
}

/// Reads one container's log, also while it is written.
#[derive(Debug)]
pub struct LogReader {
    directory: PathBuf,
    container: ContainerName,
    /// Where the next record begins.
    position: LogPosition,
    /// What an earlier reader had seen; records before its end count only for open lines.
    resumed: LogCursor,
    open: [Option<OpenLine>; 2],
    lost_segments: u64,
}

#[derive(Debug)]
struct OpenLine {
    from: LogPosition,
    line: LogLine,
}

impl LogReader {
    /// Reads on from a cursor; the default cursor is the beginning.
    pub fn open(directory: &Path, container: &ContainerName, cursor: LogCursor) -> Self {
        let first = [Some(cursor.next), cursor.open_stdout, cursor.open_stderr];
        Self {
            directory: directory.to_owned(),
            container: container.clone(),
            position: first.into_iter().flatten().min().unwrap_or_default(),
            resumed: cursor,
            open: [None, None],
            lost_segments: 0,
        }
    }

    /// The lines that are complete by now, at most about `limit` bytes of them; none when the
    /// reader has caught up. A missing log has no lines.
    pub fn read(&mut self, limit: usize) -> io::Result<Vec<LogLine>> {
        let mut lines = Vec::new();
        let mut budget = limit;
        while budget > 0 {
            // Listed before reading: what was written before a later segment exists is all.
            let segments = segment::list(&self.directory, &self.container)?;
            let Some(at) = segments
                .iter()
                .copied()
                .find(|n| *n >= self.position.segment)
            else {
                break;
            };
            if at > self.position.segment {
                self.lost_segments += at - self.position.segment;
                self.position = LogPosition {
                    segment: at,
                    offset: 0,
                };
            }
            self.read_segment(&mut budget, &mut lines)?;
            let later = segments.iter().any(|number| *number > at);
            if budget == 0 || !later {
                break;
            }
            self.position = LogPosition {
                segment: at + 1,
                offset: 0,
            };
        }
        Ok(lines)
    }

    /// The lines that were never ended. For when the container is gone and [`LogReader::read`]
    /// has nothing more.
    pub fn finish(&mut self) -> Vec<LogLine> {
        let mut rest: Vec<_> = self.open.iter_mut().filter_map(Option::take).collect();
        rest.sort_by_key(|open| open.from);
        rest.into_iter().map(|open| open.line).collect()
    }

    /// Where another reader can go on without losing or repeating a line.
    pub fn cursor(&self) -> LogCursor {
        let from = |stream: Stream| self.open[stream as usize].as_ref().map(|open| open.from);
        LogCursor {
            next: self.position.max(self.resumed.next),
            open_stdout: from(Stream::Stdout).or(self.unread_open(Stream::Stdout)),
            open_stderr: from(Stream::Stderr).or(self.unread_open(Stream::Stderr)),
        }
    }

    /// How many segments were dropped before they were read, because the log outgrew its limit.
    pub fn lost_segments(&self) -> u64 {
        self.lost_segments
    }

    /// An open line of the cursor this reader began with, as long as it has not come by it.
    fn unread_open(&self, stream: Stream) -> Option<LogPosition> {
        self.resumed
            .open(stream)
            .filter(|open| *open >= self.position)
    }

    fn read_segment(&mut self, budget: &mut usize, lines: &mut Vec<LogLine>) -> io::Result<()> {
        let path = segment::path(&self.directory, &self.container, self.position.segment);
        let mut file = match File::open(&path) {
            // Dropped since it was listed; the next look finds a later one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        file.seek(SeekFrom::Start(self.position.offset))?;
        let mut input = BufReader::new(file);
        let mut line = Vec::new();
        while *budget > 0 {
            line.clear();
            let length = input.read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                return Ok(());
            }
            let from = self.position;
            self.position.offset += length as u64;
            if let Some(record) = record::decode(&line)
                && self.is_new(record.stream, from)
            {
                *budget = budget.saturating_sub(length);
                lines.extend(self.take(from, &record));
            }
        }
        Ok(())
    }

    fn is_new(&self, stream: Stream, from: LogPosition) -> bool {
        from >= self.resumed.next || self.resumed.open(stream).is_some_and(|open| from >= open)
    }

    fn take(&mut self, from: LogPosition, record: &record::Record<'_>) -> Option<LogLine> {
        let slot = &mut self.open[record.stream as usize];
        let open = slot.get_or_insert_with(|| OpenLine {
            from,
            line: LogLine {
                at: record.at,
                stream: record.stream,
                bytes: Vec::new(),
            },
        });
        open.line.bytes.extend_from_slice(record.bytes);
        if record.ends_line || open.line.bytes.len() >= LINE_LIMIT {
            return slot.take().map(|open| open.line);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::LogWriter;
    use crate::task::LogLimits;

    struct Log {
        directory: tempfile::TempDir,
        container: ContainerName,
        writer: LogWriter,
    }

    impl Log {
        fn new(limits: LogLimits) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let container = ContainerName::new("api").unwrap();
            let writer = LogWriter::open(directory.path(), &container, limits).unwrap();
            Self {
                directory,
                container,
                writer,
            }
        }

        fn print(&mut self, stream: Stream, text: &[u8]) {
            self.writer.append(stream, text, &mut Vec::new()).unwrap();
        }

        fn reader(&self, cursor: LogCursor) -> LogReader {
            LogReader::open(self.directory.path(), &self.container, cursor)
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<String> {
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
            .collect()
    }

    #[test]
    fn interleaved_streams_keep_their_lines_whole() {
        let mut log = Log::new(LogLimits::default());
        log.print(Stream::Stdout, b"hel");
        log.print(Stream::Stderr, b"oops\n");
        log.print(Stream::Stdout, b"lo\n");
        let lines = log.reader(LogCursor::default()).read(1 << 20).unwrap();
        assert_eq!(texts(&lines), ["oops", "hello"]);
        assert_eq!(
            (lines[0].stream, lines[1].stream),
            (Stream::Stderr, Stream::Stdout)
        );
    }

    #[test]
    fn a_cursor_in_the_middle_of_a_line_loses_and_repeats_nothing() {
        let mut log = Log::new(LogLimits::default());
        log.print(Stream::Stdout, b"first\nhel");
        log.print(Stream::Stderr, b"oops\n");
        let mut reader = log.reader(LogCursor::default());
        assert_eq!(texts(&reader.read(1 << 20).unwrap()), ["first", "oops"]);
        let cursor = reader.cursor();
        assert_eq!(
            log.reader(cursor).cursor(),
            cursor,
            "an unread cursor stays what it is"
        );
        log.print(Stream::Stdout, b"lo\nlast\n");
        assert_eq!(
            texts(&log.reader(cursor).read(1 << 20).unwrap()),
            ["hello", "last"]
        );
    }

    #[test]
    fn a_reader_follows_into_new_segments() {
        let mut log = Log::new(LogLimits {
            segment_bytes: 200,
            segments: 100,
        });
        let mut reader = log.reader(LogCursor::default());
        let mut seen = Vec::new();
        for number in 0..50 {
            log.print(Stream::Stdout, format!("line {number}\n").as_bytes());
            if number % 7 == 0 {
                seen.extend(texts(&reader.read(1 << 20).unwrap()));
                reader = log.reader(reader.cursor());
            }
        }
        seen.extend(texts(&reader.read(1 << 20).unwrap()));
        let expected: Vec<_> = (0..50).map(|number| format!("line {number}")).collect();
        assert_eq!(seen, expected);
        assert_eq!(reader.lost_segments(), 0);
    }

    #[test]
    fn a_log_stays_within_its_bounds_and_says_what_was_lost() {
        let mut log = Log::new(LogLimits {
            segment_bytes: 100,
            segments: 2,
        });
        for number in 0..50 {
            log.print(Stream::Stdout, format!("line {number}\n").as_bytes());
        }
        assert!(
            segment::list(log.directory.path(), &log.container)
                .unwrap()
                .len()
                <= 2
        );
        let mut reader = log.reader(LogCursor::default());
        let lines = texts(&reader.read(1 << 20).unwrap());
        assert_eq!(lines.last().map(String::as_str), Some("line 49"));
        assert!(reader.lost_segments() > 0);
    }

    #[test]
    fn reading_stops_near_its_budget_and_goes_on_later() {
        let mut log = Log::new(LogLimits::default());
        for number in 0..100 {
            log.print(Stream::Stdout, format!("line {number}\n").as_bytes());
        }
        let mut reader = log.reader(LogCursor::default());
        let first = reader.read(200).unwrap();
        assert!((1..10).contains(&first.len()), "{}", first.len());
        assert_eq!(first.len() + reader.read(1 << 20).unwrap().len(), 100);
    }

    #[test]
    fn a_line_that_never_ends_is_handed_out_in_parts() {
        let mut log = Log::new(LogLimits::default());
        log.print(Stream::Stdout, &vec![b'x'; LINE_LIMIT + 10]);
        let mut reader = log.reader(LogCursor::default());
        assert_eq!(reader.read(1 << 20).unwrap().len(), 1);
        assert_eq!(reader.finish().len(), 1);
    }
}
