//! The parent of all tasks: one small process per platform, which outlives it.
//!
//! It runs a single thread around one `poll`: requests come in over a socket, output comes in
//! over pipes, the ends of processes come in as a signal. Whatever happens goes into the journal
//! first, and from there to whoever listens. It decides nothing: what runs, and what follows
//! from an exit, is the platform's business.
//!
//! When it is killed, the kernel kills the containers' own processes (parent death signal), and
//! the next supervisor removes everything else that they had started before it answers.

mod children;
mod connection;
mod container;
mod journal;
mod reactor;
mod recovery;
mod requests;
mod state;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::setsid;
use sha2::{Digest, Sha256};

use crate::launch::{OpenFileLimit, close_inherited};
use crate::lock::SupervisorLock;
use crate::memory::MemoryControl;
use crate::process::boot_id;
use crate::record::Records;
use journal::Journal;
use reactor::Reactor;
use state::State;

/// A platform that asks whether somebody holds the lock holds it for an instant itself.
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// How the supervisor is run.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// Where it lives: socket, records, journal. Made private to the user.
    pub directory: PathBuf,
    pub memory: MemoryChoice,
    /// The arguments with which this same binary becomes [`crate::launch::main`].
    pub launch_arguments: Vec<OsString>,
}

/// How memory limits are to be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryChoice {
    /// The best the machine can do, see [`crate::memory`].
    #[default]
    Best,
    /// By sampling, which works everywhere.
    Sampling,
}

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("another supervisor runs in {}", directory.display())]
    AlreadyRunning { directory: PathBuf },
    #[error("cannot use the directory {}", directory.display())]
    Directory {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot prepare the process: {what}")]
    Process {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot listen on the socket {}", path.display())]
    Listen {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot wait for events")]
    Poll(#[source] io::Error),
}

/// The whole of the supervisor; returns when it was told to shut down, or when its directory
/// vanished and every task has stopped.
///
/// Call it on the main thread, before anything opens a file or starts a thread: descriptors above
/// standard error are closed, and containers die with the thread that started them.
pub fn run(options: SupervisorOptions) -> Result<(), SupervisorError> {
    close_inherited();
    // Fails only for the leader of a group, which then has its own already.
    let _ = setsid();
    let failed = |source| SupervisorError::Directory {
        directory: options.directory.clone(),
        source,
    };
    prepare_directory(&options.directory).map_err(failed)?;
    let directory = fs::canonicalize(&options.directory).map_err(failed)?;
    let _lock = lock(&directory)?;
    prctl::set_child_subreaper(true).map_err(|errno| process("orphans", errno.into()))?;
    let open_files = raise_open_files().map_err(|errno| process("open files", errno.into()))?;
    let boot_id = boot_id().map_err(|error| process("boot", error))?;
    let records = Records::open(&directory, boot_id).map_err(failed)?;
    let journal = Journal::open(&directory).map_err(failed)?;
    let memory = match options.memory {
        MemoryChoice::Best => MemoryControl::detect(&namespace(&directory)),
        MemoryChoice::Sampling => MemoryControl::sampling("sampled, as was asked for"),
    };
    let mut state = State::new(
        options.launch_arguments,
        records,
        journal,
        memory,
        open_files,
    );
    recovery::recover(&mut state).map_err(failed)?;
    Reactor::new(directory, state)?.run()
}

fn process(what: &'static str, source: io::Error) -> SupervisorError {
    SupervisorError::Process { what, source }
}

fn prepare_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

fn lock(directory: &Path) -> Result<SupervisorLock, SupervisorError> {
    for attempt in 0..LOCK_ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(LOCK_PAUSE);
        }
        match SupervisorLock::acquire(directory) {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) => {}
            Err(source) => {
                let directory = directory.to_owned();
                return Err(SupervisorError::Directory { directory, source });
            }
        }
    }
    Err(SupervisorError::AlreadyRunning {
        directory: directory.to_owned(),
    })
}

/// Every container takes a few descriptors here; the containers themselves get the old limit.
fn raise_open_files() -> nix::Result<OpenFileLimit> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(OpenFileLimit { soft, hard })
}

/// A name that two directories never share.
fn namespace(directory: &Path) -> String {
    let digest = Sha256::digest(directory.as_os_str().as_encoded_bytes());
    format!("seaway-{}", hex::encode(&digest[..8]))
}
