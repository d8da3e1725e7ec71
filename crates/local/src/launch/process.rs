//! Which process the platform is: known by pid, start time and boot, so that a
//! reused pid is never taken for it; and the lock that it holds while it lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files;
use crate::layout::StateDir;

/// A command that looks whether the platform runs holds its lock for an instant.
const CLAIM_PATIENCE: Duration = Duration::from_millis(500);

/// One process of one boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub pid: u32,
    /// Clock ticks between boot and start: field 22 of `/proc/PID/stat`.
    pub start_time: u64,
    pub boot_id: String,
}

/// What the running platform says about itself in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    #[serde(flatten)]
    pub process: ProcessIdentity,
    pub port: u16,
    pub version: String,
}

/// The running platform's hold on its state directory; released by the kernel
/// when the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// The state directory cannot be claimed.
#[derive(Debug, Error)]
pub enum ClaimError {
    #[error("another platform runs in {state}")]
    Taken { state: PathBuf },
    #[error("failed to use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl ProcessIdentity {
    /// The identity of the running process `pid`; `None` when there is none.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        let Some(stat) = files::read_if_present(&PathBuf::from(format!("/proc/{pid}/stat")))?
        else {
            return Ok(None);
        };
        let Some((state, start_time)) = parse_stat(&stat) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "unreadable /proc/PID/stat",
            ));
        };
        // A zombie has ended; its parent has just not looked yet.
        if matches!(state, "Z" | "X") {
            return Ok(None);
        }
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?
            .trim()
            .to_owned();
        Ok(Some(Self {
            pid,
            start_time,
            boot_id,
        }))
    }

    /// Whether exactly this process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).is_ok_and(|found| found.as_ref() == Some(self))
    }

    /// Kills exactly this process; one that is gone is fine.
    pub fn kill(&self) -> io::Result<()> {
        let Ok(pid) = i32::try_from(self.pid) else {
            return Ok(());
        };
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// State letter and start time; the command's name may hold spaces and parentheses.
fn parse_stat(stat: &str) -> Option<(&str, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    // Field 3 is the state, so field 22 is the nineteenth after it.
    Some((state, fields.nth(18)?.parse().ok()?))
}

impl ProcessRecord {
    /// The record in the state directory, if there is a readable one.
    pub fn read(state: &StateDir) -> io::Result<Option<Self>> {
        let text = files::read_if_present(&state.process())?;
        // A record of another version may look different: then it says nothing.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Puts the record into the state directory.
    pub fn write(&self, state: &StateDir) -> io::Result<()> {
        files::replace(&state.process(), &serde_json::to_vec(self)?)
    }
}

impl Claim {
    /// Claims the state directory for this process.
    pub fn take(state: &StateDir) -> Result<Self, ClaimError> {
        let path = state.platform_lock();
        let lock = open(&path)?;
        let patience = Instant::now() + CLAIM_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(ClaimError::Taken {
                        state: state.root().to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(ClaimError::Io { path, source }),
            }
        }
    }

    /// Whether some process holds the claim now.
    pub fn is_taken(state: &StateDir) -> Result<bool, ClaimError> {
        let path = state.platform_lock();
        if !path.exists() {
            return Ok(false);
        }
        match open(&path)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(ClaimError::Io { path, source }),
        }
    }
}

/// Waits for the lock that commands hold while they start or stop a platform.
pub(super) fn lock_launch(state: &StateDir) -> Result<File, ClaimError> {
    let path = state.launch_lock();
    let lock = open(&path)?;
    lock.lock()
        .map_err(|source| ClaimError::Io { path, source })?;
    Ok(lock)
}

fn open(path: &Path) -> Result<File, ClaimError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| ClaimError::Io {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        let own = ProcessIdentity::of(std::process::id()).unwrap().unwrap();
        assert!(own.is_alive());
        let predecessor = ProcessIdentity {
            start_time: own.start_time - 1,
            ..own.clone()
        };
        assert!(!predecessor.is_alive());
        let before_boot = ProcessIdentity {
            boot_id: "other".into(),
            ..own
        };
        assert!(!before_boot.is_alive());
    }

    #[test]
    fn names_with_parentheses_are_no_obstacle() {
        let mut fields = vec!["S"; 1];
        fields.extend(["0"; 18]);
        fields.push("4711");
        let stat = format!("12 (a) b (c)) {}", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some(("S", 4711)));
    }

    #[test]
    fn a_claim_excludes_others_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        state.create().unwrap();
        assert!(!Claim::is_taken(&state).unwrap());
        let claim = Claim::take(&state).unwrap();
        assert!(Claim::is_taken(&state).unwrap());
        assert!(matches!(Claim::take(&state), Err(ClaimError::Taken { .. })));
        drop(claim);
        assert!(!Claim::is_taken(&state).unwrap());
    }
}
