//! Collects children that have ended: containers, and orphans that became children.

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::state::State;
use crate::process::ProcessTable;

impl State {
    /// Notes how each container's process ended, and lets orphans go.
    pub(super) fn reap(&mut self) {
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            match waitid(Id::All, peek) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(status) => match status.pid() {
                    Some(pid) => self.collect(pid),
                    None => return,
                },
                // Ended by a signal that the library has no name for, and nobody says which.
                Err(_) => {
                    self.sweep();
                    return;
                }
            }
        }
    }

    fn collect(&mut self, pid: Pid) {
        let container = self
            .processes
            .values_mut()
            .find(|process| process.ended.is_none() && process.identity.pid == pid.as_raw());
        match container {
            Some(process) => process.collect(),
            None => {
                // How an orphan ended concerns nobody.
                let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
            }
        }
    }

    fn sweep(&mut self) {
        let Ok(table) = ProcessTable::read() else {
            return;
        };
        let me = Pid::this().as_raw();
        for (pid, stat) in table.iter() {
            if stat.parent == me && stat.is_zombie() {
                self.collect(Pid::from_raw(pid));
            }
        }
    }
}
