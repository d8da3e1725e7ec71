//! A file that is renamed to `PATH.1` when it has grown, so that the log never fills the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::options::AccessLogOptions;

/// The open file and its size.
#[derive(Debug)]
pub(super) struct RotatingFile {
    options: AccessLogOptions,
    file: File,
    size: u64,
}

impl RotatingFile {
    pub(super) fn open(options: AccessLogOptions) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&options.path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            options,
            file,
            size,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.options.path
    }

    /// Appends whole lines, to a new file if the old one would become too large.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let added = lines.len() as u64;
        if self.size > 0 && self.size + added > self.options.max_bytes {
            std::fs::rename(&self.options.path, rotated(&self.options.path))?;
            *self = Self::open(self.options.clone())?;
        }
        self.file.write_all(lines)?;
        self.size += added;
        Ok(())
    }
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_grown_file_is_kept_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let options = AccessLogOptions {
            path: path.clone(),
            max_bytes: 10,
        };
        let mut file = RotatingFile::open(options).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            file.append(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third\n");
        assert_eq!(std::fs::read_to_string(rotated(&path)).unwrap(), "second\n");
    }

    #[test]
    fn the_log_is_readable_by_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        RotatingFile::open(AccessLogOptions::new(&path)).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_existing_file_is_continued() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        for line in ["first\n", "second\n"] {
            let mut file = RotatingFile::open(AccessLogOptions::new(&path)).unwrap();
            file.append(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\nsecond\n");
    }
}
