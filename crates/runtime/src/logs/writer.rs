//! The supervisor's end of a log: appends, begins new segments, drops the oldest.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Stream, record, segment};
use crate::files::create_private_dir;
use crate::task::{ContainerName, LogLimits};

#[derive(Debug)]
pub(crate) struct LogWriter {
    directory: PathBuf,
    container: ContainerName,
    limits: LogLimits,
    number: u64,
    file: File,
    written: u64,
    /// Whether the last record of stdout and of stderr left its line open.
    open_lines: [bool; 2],
}

impl LogWriter {
    /// Begins a new segment after those that exist.
    pub(crate) fn open(
        directory: &Path,
        container: &ContainerName,
        limits: LogLimits,
    ) -> io::Result<Self> {
        create_private_dir(directory)?;
        let number = segment::list(directory, container)?
            .last()
            .map_or(0, |last| last + 1);
        let file = create(&segment::path(directory, container, number))?;
        Ok(Self {
            directory: directory.to_owned(),
            container: container.clone(),
            limits,
            number,
            file,
            written: 0,
            open_lines: [false; 2],
        })
    }

    /// Writes what the process printed. `scratch` is only there to be used again.
    pub(crate) fn append(
        &mut self,
        stream: Stream,
        chunk: &[u8],
        scratch: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.append_at(Timestamp::now(), stream, chunk, scratch)
    }

    /// Writes what was printed at a known time.
    pub(crate) fn append_at(
        &mut self,
        at: Timestamp,
        stream: Stream,
        chunk: &[u8],
        scratch: &mut Vec<u8>,
    ) -> io::Result<()> {
        scratch.clear();
        record::encode(chunk, stream, at, scratch);
        self.file.write_all(scratch)?;
        self.written += scratch.len() as u64;
        if let Some(last) = chunk.last() {
            self.open_lines[stream as usize] = *last != b'\n';
        }
        if self.written > self.limits.segment_bytes {
            self.begin_segment()
        } else {
            Ok(())
        }
    }

    /// Ends a line that the process left open: nothing more will come.
    pub(crate) fn finish(&mut self, scratch: &mut Vec<u8>) -> io::Result<()> {
        for stream in Stream::ALL {
            if self.open_lines[stream as usize] {
                self.append(stream, b"\n", scratch)?;
            }
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let next = self.number + 1;
        self.file = create(&segment::path(&self.directory, &self.container, next))?;
        self.number = next;
        self.written = 0;
        let kept = u64::from(self.limits.segments.max(1));
        for number in segment::list(&self.directory, &self.container)? {
            if number + kept <= self.number {
                fs::remove_file(segment::path(&self.directory, &self.container, number))?;
            }
        }
        Ok(())
    }
}

/// The time of the last record of a container's log, to go on after it; none where there is none.
pub(crate) fn last_time(
    directory: &Path,
    container: &ContainerName,
) -> io::Result<Option<Timestamp>> {
    for number in segment::list(directory, container)?.into_iter().rev() {
        let text = fs::read(segment::path(directory, container, number))?;
        let mut records = text.rsplit(|byte| *byte == b'\n');
        if let Some(last) = records.find_map(record::decode) {
            return Ok(Some(last.at));
        }
    }
    Ok(None)
}

fn create(path: &Path) -> io::Result<File> {
    File::options()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_record_is_found_behind_an_empty_segment_and_half_a_line() {
        let temp = tempfile::tempdir().unwrap();
        let container = ContainerName::new("main").unwrap();
        let open = || LogWriter::open(temp.path(), &container, LogLimits::default()).unwrap();
        assert_eq!(last_time(temp.path(), &container).unwrap(), None);
        let mut writer = open();
        let at: Timestamp = "2026-11-21T06:00:00.123456789Z".parse().unwrap();
        let mut scratch = Vec::new();
        writer
            .append_at(at, Stream::Stdout, b"a\n", &mut scratch)
            .unwrap();
        writer.file.write_all(b"2026-11-21T07").unwrap();
        open();
        assert_eq!(last_time(temp.path(), &container).unwrap(), Some(at));
    }
}
