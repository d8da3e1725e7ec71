//! The platform's end of a log: lines, from where it stopped reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::line::{self, LogLine};
use super::{LogCursor, LogPosition, OpenPosition, Stream, record, segment};
use crate::task::ContainerName;

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
    from: OpenPosition,
    line: LogLine,
}

impl LogReader {
    /// Reads on from a cursor; the default cursor is the beginning.
    pub fn open(directory: &Path, container: &ContainerName, cursor: LogCursor) -> Self {
        Self {
            directory: directory.to_owned(),
            container: container.clone(),
            position: cursor.first(),
            resumed: cursor,
            open: [None, None],
            lost_segments: 0,
        }
    }

    /// The lines that are complete by now, at most about `limit` bytes of them; none when the
    /// reader has caught up. A missing log has no lines. Where segments were dropped unread the
    /// lines end, and the next ones begin behind the gap: it is always in front of what is read.
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
                // What was open goes on in what is lost.
                lines.extend(self.finish());
                if !lines.is_empty() {
                    break;
                }
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
    fn unread_open(&self, stream: Stream) -> Option<OpenPosition> {
        self.resumed
            .open(stream)
            .filter(|open| open.record() >= self.position)
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
                self.take(from, &record, lines);
            }
        }
        Ok(())
    }

    fn is_new(&self, stream: Stream, from: LogPosition) -> bool {
        let resumed = self.resumed.open(stream);
        from >= self.resumed.next || resumed.is_some_and(|open| from >= open.record())
    }

    /// How many bytes of a record an earlier reader handed out.
    fn skipped(&self, stream: Stream, from: LogPosition) -> usize {
        let resumed = self.resumed.open(stream);
        let skip = resumed.filter(|open| open.record() == from);
        skip.map_or(0, |open| usize::try_from(open.skip).unwrap_or(usize::MAX))
    }

    /// Adds a record to its line, and hands out what is complete: parts of it, or all.
    fn take(&mut self, from: LogPosition, record: &record::Record<'_>, lines: &mut Vec<LogLine>) {
        let skip = self.skipped(record.stream, from).min(record.bytes.len());
        let begin = |skip: usize, bytes: Vec<u8>| OpenLine {
            from: OpenPosition::new(from, skip as u64),
            line: LogLine {
                at: record.at,
                stream: record.stream,
                bytes,
            },
        };
        let slot = &mut self.open[record.stream as usize];
        let open = slot.get_or_insert_with(|| begin(skip, Vec::new()));
        open.line.bytes.extend_from_slice(&record.bytes[skip..]);
        while let Some(end) = line::part_end(&open.line.bytes) {
            let rest = open.line.bytes.split_off(end);
            let rest = begin(record.bytes.len().saturating_sub(rest.len()), rest);
            lines.push(std::mem::replace(open, rest).line);
        }
        if record.ends_line {
            lines.extend(slot.take().map(|open| open.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{LONGEST_LINE, LogWriter};
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
    fn lines_in_front_of_a_gap_are_handed_out_before_it_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let container = ContainerName::new("api").unwrap();
        for (number, tag, text) in [(0, 'F', "whole"), (0, 'P', "cut"), (3, 'F', "behind")] {
            let path = segment::path(directory.path(), &container, number);
            let mut written = std::fs::read(&path).unwrap_or_default();
            let record = format!("2026-11-21T06:00:00.000000Z stdout {tag} {text}\n");
            written.extend_from_slice(record.as_bytes());
            std::fs::write(&path, written).unwrap();
        }
        let mut reader = LogReader::open(directory.path(), &container, LogCursor::default());
        assert_eq!(texts(&reader.read(1 << 20).unwrap()), ["whole", "cut"]);
        assert_eq!(reader.lost_segments(), 0);
        let mut next = LogReader::open(directory.path(), &container, reader.cursor());
        for reader in [&mut reader, &mut next] {
            assert_eq!(texts(&reader.read(1 << 20).unwrap()), ["behind"]);
            assert_eq!(reader.lost_segments(), 2);
        }
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
    fn a_long_line_is_handed_out_in_parts() {
        let mut log = Log::new(LogLimits::default());
        let long = "é😀".repeat(100_000);
        log.print(Stream::Stdout, format!("{long}\nshort\n").as_bytes());
        let mut reader = log.reader(LogCursor::default());
        let lines = reader.read(1 << 20).unwrap();
        let (short, parts) = lines.split_last().unwrap();
        assert_eq!(short.bytes, b"short");
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.bytes.len() <= LONGEST_LINE));
        assert_eq!(texts(parts).concat(), long, "no character is cut");
        assert!(reader.finish().is_empty());
    }

    #[test]
    fn a_line_as_long_as_a_part_is_one() {
        let mut log = Log::new(LogLimits::default());
        let long = "x".repeat(LONGEST_LINE - 3);
        log.print(Stream::Stdout, long.as_bytes());
        log.print(Stream::Stdout, b"\n");
        let lines = log.reader(LogCursor::default()).read(1 << 20).unwrap();
        assert_eq!(texts(&lines), [long]);
    }

    #[test]
    fn a_cursor_after_a_part_of_a_line_loses_and_repeats_nothing() {
        let mut log = Log::new(LogLimits::default());
        let long = "é".repeat(300_000);
        let mut cursor = LogCursor::default();
        let mut seen = Vec::new();
        for piece in long.as_bytes().chunks(7_777) {
            log.print(Stream::Stdout, piece);
            log.print(Stream::Stderr, b"oops\n");
            let mut reader = log.reader(cursor);
            seen.extend(reader.read(1 << 20).unwrap());
            cursor = reader.cursor();
            assert_eq!(log.reader(cursor).cursor(), cursor);
        }
        let mut reader = log.reader(cursor);
        seen.extend(reader.read(1 << 20).unwrap());
        seen.extend(reader.finish());
        let (out, err): (Vec<_>, Vec<_>) = seen
            .into_iter()
            .partition(|line| line.stream == Stream::Stdout);
        assert!(texts(&out).concat() == long, "{} parts", out.len());
        assert_eq!(err.len(), 600_000_usize.div_ceil(7_777));
    }

    #[test]
    fn a_line_whose_end_is_lost_does_not_go_on_in_another() {
        let limits = LogLimits {
            segment_bytes: 100,
            segments: 2,
        };
        let mut log = Log::new(limits);
        log.print(Stream::Stdout, b"begun");
        let mut reader = log.reader(LogCursor::default());
        assert!(reader.read(1 << 20).unwrap().is_empty());
        for number in 0..20 {
            log.print(Stream::Stdout, format!("-{number}\n").as_bytes());
        }
        assert_eq!(texts(&reader.read(1 << 20).unwrap()), ["begun"]);
        let rest = texts(&reader.read(1 << 20).unwrap());
        assert_eq!(rest.last().map(String::as_str), Some("-19"));
        assert!(reader.lost_segments() > 0);
    }
}
