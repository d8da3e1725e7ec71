//! Processes of this machine, as /proc shows them.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that is not dead yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) command: String,
    /// CPU time so far, in clock ticks (hundredths of a second on Linux).
    pub(crate) ticks: u64,
}

/// Clock ticks of /proc/PID/stat in a second; the same on every Linux that Seaway runs on.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// Processes that belong to a stage: its directory is in their arguments, their environment, or
/// is where they work.
pub(crate) fn of_stage(root: &Path) -> Vec<Process> {
    let Some(root_text) = root.to_str() else {
        return vec![];
    };
    all_pids()
        .filter(|pid| belongs(*pid, root, root_text))
        .filter_map(read)
        .collect()
}

/// One process; none when it is gone or a zombie.
pub(crate) fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields begin after the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    if matches!(fields.first(), None | Some(&"Z" | &"X")) {
        return None;
    }
    Some(Process {
        pid,
        parent: i32::try_from(number(1)?).ok()?,
        command: words(pid, "cmdline").replace('\0', " ").trim().to_owned(),
        ticks: number(11)? + number(12)?,
    })
}

/// CPU time of a process so far, in clock ticks; none used when it is gone.
pub(crate) fn ticks(pid: i32) -> u64 {
    read(pid).map_or(0, |process| process.ticks)
}

/// CPU time so far of a process and of its children, in clock ticks.
pub(crate) fn ticks_with_children(pid: i32) -> u64 {
    let all = all_pids().filter_map(read);
    let own = all.filter(|process| process.pid == pid || process.parent == pid);
    own.map(|process| process.ticks).sum()
}

/// Memory of a process in KiB, by its name in /proc/PID/status: `VmRSS`, `VmHWM`.
pub(crate) fn memory(pid: i32, field: &str) -> u64 {
    from_lines(&words(pid, "status"), field)
}

/// Memory in KiB with shared pages counted in proportion.
pub(crate) fn proportional_memory(pid: i32) -> u64 {
    from_lines(&words(pid, "smaps_rollup"), "Pss")
}

/// SIGKILL.
pub(crate) fn kill_now(pid: i32) {
    // A process that is gone already is what was wanted.
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn belongs(pid: i32, root: &Path, root_text: &str) -> bool {
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}"));
    ["cwd", "exe"]
        .iter()
        .any(|name| link(name).is_ok_and(|path| path.starts_with(root)))
        || ["cmdline", "environ"]
            .iter()
            .any(|name| words(pid, name).contains(root_text))
}

fn words(pid: i32, file: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn from_lines(text: &str, field: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_stage_has_its_processes_and_no_others() {
        let one = tempfile::tempdir().expect("a directory");
        let other = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("sleep")
            .arg("60")
            .env_clear()
            .env("HOME", one.path())
            .spawn()
            .expect("sleep");
        let pid = i32::try_from(child.id()).expect("a process id");
        // Until the child has executed `sleep` it still shows this program's environment.
        while words(pid, "cmdline") != "sleep\u{0}60\u{0}" {
            std::thread::yield_now();
        }
        let found: Vec<i32> = of_stage(one.path())
            .iter()
            .map(|process| process.pid)
            .collect();
        assert_eq!(found, [pid]);
        assert_eq!(of_stage(other.path()), []);
        let seen = read(pid).expect("it lives");
        assert_eq!(
            seen.parent,
            i32::try_from(std::process::id()).expect("a process id")
        );
        assert_eq!(seen.command, "sleep 60");
        let family = ticks_with_children(seen.parent);
        assert!(family >= ticks(seen.parent), "{family}");
        assert!(memory(pid, "VmRSS") > 0);
        kill_now(pid);
        // Dead, but not waited for: no longer a process that could be left over.
        while std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
        {
            std::thread::yield_now();
        }
        assert_eq!(of_stage(one.path()), []);
        child.wait().expect("its end");
    }
}
