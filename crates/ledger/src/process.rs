//! The operating system's part: which process holds a lock, and whether it still runs.
//!
//! Linux: `/proc/PID/stat` (proc_pid_stat(5)), the boot's random name and the PID namespace. A
//! process can be judged only from the same boot and namespace; from anywhere else its heartbeat
//! must tell.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Of the fields behind the process's name: its state is the first, its start time the 20th
/// (fields 3 and 22 of the file).
const STATE: usize = 0;
const START_TIME: usize = 19;

/// One process of one boot, never another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pid: u32,
    /// In clock ticks since the boot.
    start_time: u64,
    boot_id: String,
    /// Process ids mean something only within one: `pid:[4026531836]`.
    pid_namespace: String,
}

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Alive,
    Gone,
    /// It belongs to another machine or boot, or may not be looked at.
    Unknown,
}

impl ProcessIdentity {
    /// The identity of a running process of this machine; none where it cannot be found out.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid).ok()?;
        Some(Self {
            pid,
            start_time: stat.start_time,
            boot_id: boot_id()?,
            pid_namespace: pid_namespace()?,
        })
    }

    /// Whether the process still runs.
    pub(crate) fn fate(&self) -> Fate {
        let here = boot_id().as_ref() == Some(&self.boot_id)
            && pid_namespace().as_ref() == Some(&self.pid_namespace);
        if !here {
            return Fate::Unknown;
        }
        match Stat::read(self.pid) {
            Ok(stat) if stat.start_time != self.start_time || stat.has_ended() => Fate::Gone,
            Ok(_) => Fate::Alive,
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing(self.pid),
            Err(_) => Fate::Unknown,
        }
    }
}

/// `/proc` can be mounted so that it hides the processes of others; a signal is not fooled.
fn missing(pid: u32) -> Fate {
    match i32::try_from(pid).map(|pid| kill(Pid::from_raw(pid), None)) {
        Ok(Err(Errno::ESRCH)) => Fate::Gone,
        _ => Fate::Unknown,
    }
}

struct Stat {
    state: char,
    start_time: u64,
}

impl Stat {
    fn read(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The name stands in parentheses and may hold anything, parentheses too.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        Some(Self {
            state: fields.get(STATE)?.chars().next()?,
            start_time: fields.get(START_TIME)?.parse().ok()?,
        })
    }

    /// A zombie only waits for its parent to ask.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

fn pid_namespace() -> Option<String> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .expect("sleep starts")
    }

    #[test]
    fn a_process_is_alive_until_it_is_killed() {
        let mut child = sleeper();
        let identity = ProcessIdentity::of(child.id()).expect("it runs");
        assert_eq!(identity.fate(), Fate::Alive);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(identity.fate(), Fate::Gone);
    }

    #[test]
    fn another_process_with_the_same_number_is_another() {
        let own = ProcessIdentity::of(std::process::id()).expect("this process runs");
        let earlier = ProcessIdentity {
            start_time: own.start_time.wrapping_sub(1),
            ..own.clone()
        };
        assert_eq!((own.fate(), earlier.fate()), (Fate::Alive, Fate::Gone));
    }

    #[test]
    fn another_boot_or_container_cannot_be_judged() {
        let own = ProcessIdentity::of(std::process::id()).expect("this process runs");
        let other_boot = ProcessIdentity {
            boot_id: "other".into(),
            ..own.clone()
        };
        let other_container = ProcessIdentity {
            pid_namespace: "pid:[1]".into(),
            ..own
        };
        assert_eq!(other_boot.fate(), Fate::Unknown);
        assert_eq!(other_container.fate(), Fate::Unknown);
    }

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for cut in ["", "12 (a", "12 (a) S 1 2 3"] {
            assert!(Stat::parse(cut).is_none(), "{cut}");
        }
        let stat = Stat::parse(&format!("12 (a) Z (b)) {rest}")).expect("parses");
        assert_eq!((stat.state, stat.start_time), ('S', 4711));
    }
}
