//! One look at all processes of the machine, through `/proc`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::identity::{ProcessIdentity, StartTime};

/// What `/proc/PID/stat` says of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    state: u8,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    threads: u32,
    /// Used by the process and by its children that have ended.
    pub(crate) cpu_ticks: u64,
    pub(crate) start_time: StartTime,
}

impl Stat {
    /// Whether the process has ended and only waits to be collected by its parent. One whose first
    /// thread has ended while others go on looks the same but for their number.
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }
}

pub(crate) fn read_stat(pid: i32) -> io::Result<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat"))?;
    parse_stat(&text)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc/PID/stat"))
}

/// The second field is the program's name in parentheses and may itself hold anything, so that
/// the fields are counted from the last parenthesis.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let fields: Vec<&str> = std::str::from_utf8(&text[end + 1..])
        .ok()?
        .split_ascii_whitespace()
        .collect();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        cpu_ticks: fields
            .get(11..15)?
            .iter()
            .filter_map(|field| field.parse::<u64>().ok())
            .sum(),
        start_time: StartTime(fields.get(19)?.parse().ok()?),
    })
}

/// All processes at one moment, zombies included.
#[derive(Debug)]
pub(crate) struct ProcessTable {
    processes: HashMap<i32, Stat>,
}

impl ProcessTable {
    pub(crate) fn read() -> io::Result<Self> {
        let mut processes = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // A process that ended since the directory was read is simply not there any more.
            if let Ok(stat) = read_stat(pid) {
                processes.insert(pid, stat);
            }
        }
        Ok(Self { processes })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, &Stat)> {
        self.processes.iter().map(|(pid, stat)| (*pid, stat))
    }

    /// The living members of the session that `leader` opened: it, its children and theirs,
    /// unless they opened a session of their own.
    pub(crate) fn session(&self, leader: ProcessIdentity) -> Vec<ProcessIdentity> {
        self.living(|pid, stat| {
            stat.session == leader.pid
                && stat.start_time >= leader.start_time
                // The number was given away again: whoever leads it now is somebody else.
                && (pid != leader.pid || stat.start_time == leader.start_time)
        })
    }

    /// The living processes whose number fits.
    pub(crate) fn living_where(&self, fits: impl Fn(i32) -> bool) -> Vec<ProcessIdentity> {
        self.living(|pid, _| fits(pid))
    }

    /// The living children of a process.
    pub(crate) fn children(&self, parent: i32) -> Vec<ProcessIdentity> {
        self.living(|_, stat| stat.parent == parent)
    }

    /// The living descendants of any of `roots`, without the roots.
    pub(crate) fn descendants(&self, roots: &[ProcessIdentity]) -> Vec<ProcessIdentity> {
        self.living(|pid, _| self.descends(pid, roots))
    }

    fn descends(&self, pid: i32, roots: &[ProcessIdentity]) -> bool {
        let mut current = pid;
        // Bounded, because the table is not taken at a single moment and could show a circle.
        for _ in 0..self.processes.len() {
            let Some(stat) = self.processes.get(&current) else {
                return false;
            };
            current = stat.parent;
            let found = |root: &ProcessIdentity| {
                root.pid == current
                    && self
                        .processes
                        .get(&current)
                        .is_some_and(|s| s.start_time == root.start_time)
            };
            if roots.iter().any(found) {
                return true;
            }
            if current <= 1 {
                return false;
            }
        }
        false
    }

    fn living(&self, wanted: impl Fn(i32, &Stat) -> bool) -> Vec<ProcessIdentity> {
        self.iter()
            .filter(|(pid, stat)| !stat.is_zombie() && wanted(*pid, stat))
            .map(|(pid, stat)| ProcessIdentity {
                pid,
                start_time: stat.start_time,
            })
            .collect()
    }
}

/// The `HOME` a process was started with; none when it may not be read.
///
/// Every container has its own, so that this tells whose child a process is even after it has
/// left session and group and its parent is gone.
pub(crate) fn home_of(pid: i32) -> Option<PathBuf> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environ
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"HOME="))
        .map(|home| PathBuf::from(OsString::from_vec(home.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b) S 7 8 9 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.parent, stat.session, stat.state), (7, 9, b'S'));
        assert_eq!(stat.cpu_ticks, 5 + 6 + 7 + 8);
        assert_eq!(stat.start_time, StartTime(12345));
    }

    #[test]
    fn this_process_is_in_the_table_and_below_its_parent() {
        let table = ProcessTable::read().unwrap();
        let me = ProcessIdentity::of(nix::unistd::Pid::this()).unwrap();
        let parent = ProcessIdentity::of(nix::unistd::Pid::parent()).unwrap();
        assert!(table.descendants(&[parent]).contains(&me));
        assert!(!table.descendants(&[me]).contains(&me));
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let stat = |start| Stat {
            state: b'S',
            parent: 1,
            session: 50,
            threads: 1,
            cpu_ticks: 0,
            start_time: StartTime(start),
        };
        let table = ProcessTable {
            processes: HashMap::from([(50, stat(900)), (51, stat(901))]),
        };
        let old = ProcessIdentity {
            pid: 50,
            start_time: StartTime(100),
        };
        assert!(table.session(old).iter().all(|member| member.pid != 50));
    }
}
