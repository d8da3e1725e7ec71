//! The hidden sub-command that becomes the background process, in two stages.
//!
//! `detach` leaves the command's session and descriptors behind and executes
//! the binary once more as `run`, which is the platform. Closing descriptors is
//! safe because nothing else happens in that stage: the command line must get
//! here before it opens anything or starts a runtime.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use thiserror::Error;

use crate::daemon::{self, DaemonError};
use crate::layout::StateDir;

/// The first descriptor after standard input, output and error.
const FIRST_FOREIGN: i32 = 3;

/// What the re-executed binary is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Detach,
    Run,
}

/// The background process failed.
#[derive(Debug, Error)]
pub enum BackgroundError {
    #[error("the hidden sub-command wants a stage, the state directory and the keys' directory")]
    Arguments,
    #[error("failed to leave the command's session and descriptors behind")]
    Detach(#[source] io::Error),
    #[error("failed to execute this binary again")]
    Execute(#[source] io::Error),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Detach => "detach",
            Self::Run => "run",
        }
    }
}

/// Runs the stage that `arguments` (what follows the hidden sub-command) name.
/// The caller has opened nothing and started no threads, and writes the error
/// to standard error, which is the platform's log.
pub fn run(arguments: &[OsString]) -> Result<(), BackgroundError> {
    let [stage, state, keys] = arguments else {
        return Err(BackgroundError::Arguments);
    };
    if stage == Stage::Detach.name() {
        return detach();
    }
    if stage != Stage::Run.name() {
        return Err(BackgroundError::Arguments);
    }
    let state = StateDir::new(PathBuf::from(state), PathBuf::from(keys));
    Ok(daemon::run(&state)?)
}

fn detach() -> Result<(), BackgroundError> {
    nix::unistd::setsid().map_err(|error| BackgroundError::Detach(error.into()))?;
    close_foreign().map_err(BackgroundError::Detach)?;
    std::env::set_current_dir("/").map_err(BackgroundError::Detach)?;
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    // The stage is the third argument from the end; see `spawn`.
    let stage = arguments
        .len()
        .checked_sub(3)
        .ok_or(BackgroundError::Arguments)?;
    arguments[stage] = Stage::Run.name().into();
    // This very file, even when a build has replaced the one of its name.
    let error = Command::new("/proc/self/exe")
        .arg0(&arguments[0])
        .args(&arguments[1..])
        .exec();
    Err(BackgroundError::Execute(error))
}

/// Closes what the command inherited from whoever started it: a pipe of a CI
/// job that waits for its end must not wait for the platform.
fn close_foreign() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|number| *number >= FIRST_FOREIGN) {
        // The listing's own descriptor is in the list and closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}
