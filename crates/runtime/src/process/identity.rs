//! A process number is reused; together with its start time and the boot it is not.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::table::read_stat;

/// When a process started, in clock ticks since the boot (field 22 of `/proc/PID/stat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartTime(pub u64);

/// One process of one boot, never another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: i32,
    pub(crate) start_time: StartTime,
}

impl ProcessIdentity {
    /// The identity of a process that exists now.
    pub(crate) fn of(pid: Pid) -> io::Result<Self> {
        let stat = read_stat(pid.as_raw())?;
        Ok(Self {
            pid: pid.as_raw(),
            start_time: stat.start_time,
        })
    }

    /// Whether exactly this process still runs; one that only waits to be collected does not.
    pub(crate) fn is_alive(self) -> bool {
        let stat = read_stat(self.pid);
        stat.is_ok_and(|stat| stat.start_time == self.start_time && !stat.is_zombie())
    }

    /// Sends a signal unless the process is gone or its number belongs to another one by now.
    pub(crate) fn signal(self, signal: Signal) -> Result<(), Errno> {
        match read_stat(self.pid) {
            Ok(stat) if stat.start_time == self.start_time => {}
            _ => return Ok(()),
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Err(Errno::ESRCH) | Ok(()) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// The random name of this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}
