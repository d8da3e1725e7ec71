//! Why a platform cannot be started, found or stopped.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;

use super::client::ClientError;
use super::process::ClaimError;
use crate::keys::KeysError;

/// Why a platform cannot be started, found or stopped.
#[derive(Debug, Error)]
pub enum LaunchError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("failed to end the supervisor")]
    Supervisor(#[from] seaway_runtime::client::ClientError),
    #[error("failed to end the containers")]
    Containers(#[from] seaway_runtime::containers::EngineError),
    #[error("the platform's name cannot be that of containers")]
    Namespace(#[from] seaway_runtime::containers::NamespaceError),
    #[error(transparent)]
    Runtime(#[from] crate::runtimes::RuntimeError),
    #[error("failed to use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to start {exe} in the background")]
    Spawn {
        exe: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the platform ended while it started ({status}); its last words in {log}:\n{last_lines}"
    )]
    Died {
        status: ExitStatus,
        log: PathBuf,
        last_lines: String,
    },
    #[error(
        "the platform did not answer within {seconds} s; its last words in {log}:\n{last_lines}"
    )]
    Slow {
        seconds: u64,
        log: PathBuf,
        last_lines: String,
    },
    #[error(
        "the platform that runs here has version {running}, this command has {own}: \
         use the newer seaway, or stop that platform with it first"
    )]
    Newer { running: String, own: &'static str },
    #[error("the platform runs but does not answer; `seaway local stop` ends it")]
    Unresponsive(#[source] ClientError),
    #[error("process {pid} of the platform did not end")]
    StillThere { pid: u32 },
}
