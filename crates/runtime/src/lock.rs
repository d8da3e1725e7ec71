//! One supervisor per directory: held as long as the process lives, however it ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

const LOCK_NAME: &str = "supervisor.lock";

#[derive(Debug)]
pub(crate) struct SupervisorLock {
    _file: Flock<File>,
}

impl SupervisorLock {
    /// None when another supervisor holds it.
    pub(crate) fn acquire(directory: &Path) -> io::Result<Option<Self>> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(LOCK_NAME))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Some(Self { _file: file })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// Whether a supervisor lives. Asks with a shared lock, so that two who ask at the same time
    /// don't take each other for a supervisor.
    pub(crate) fn is_held(directory: &Path) -> bool {
        let Ok(file) = File::open(directory.join(LOCK_NAME)) else {
            return false;
        };
        matches!(
            Flock::lock(file, FlockArg::LockSharedNonblock),
            Err((_, Errno::EWOULDBLOCK))
        )
    }
}
