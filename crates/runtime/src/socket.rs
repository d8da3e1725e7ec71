//! Unix sockets in directories of any length.
//!
//! The kernel takes at most 107 bytes for the path of a socket. A longer one is reached through
//! an open descriptor of its directory, as `/proc/self/fd/N/name`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// `sun_path` holds 108 bytes, the last one being NUL.
const PATH_LIMIT: usize = 107;

pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let short = ShortPath::of(path)?;
    UnixListener::bind(&short.path)
}

pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let short = ShortPath::of(path)?;
    UnixStream::connect(&short.path)
}

/// A path that fits, and the directory that must stay open while it is used.
struct ShortPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl ShortPath {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= PATH_LIMIT {
            return Ok(Self {
                path: path.to_owned(),
                _directory: None,
            });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a socket needs a file name",
            ));
        };
        let directory = File::open(parent)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Self {
            path,
            _directory: Some(directory),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_socket_in_a_very_long_directory_can_be_reached() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("d".repeat(120)).join("e".repeat(120));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("control.sock");
        let listener = bind(&path).unwrap();
        connect(&path).unwrap().write_all(b"ahoy").unwrap();
        let mut text = String::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "ahoy");
    }
}
