//! Cleans up after a supervisor that was killed.

use std::io;
use std::time::{Duration, Instant};

use super::state::{State, group_members};
use crate::event::{ContainerState, EventKind, Exit, ExitStatus};
use crate::memory::ControlGroup;
use crate::process::{ProcessIdentity, ProcessTable, home_of};
use crate::task::{ContainerName, TaskId};

const PAUSE: Duration = Duration::from_millis(5);
/// Processes that survive SIGKILL for longer hang in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

/// Loads the records, kills what an earlier supervisor left behind, and brings every container
/// that it left unfinished to its end.
pub(super) fn recover(state: &mut State) -> io::Result<()> {
    for record in state.records.load()? {
        state.tasks.insert(record.id.clone(), record);
    }
    let unfinished = unfinished(state);
    kill_leftovers(state)?;
    for (task, container) in unfinished {
        // The journal is written before the record: the end may be known already.
        match state.journal.end_of(&task, &container)? {
            Some(event) => {
                let at = event.at;
                let end = match event.kind {
                    EventKind::Exited(exit) => ContainerState::Exited { at, exit },
                    EventKind::StartFailed(failure) => ContainerState::StartFailed { at, failure },
                    EventKind::Started { .. } => continue,
                };
                state.set_state(&task, &container, end);
            }
            None => {
                let exit = Exit {
                    status: ExitStatus::SupervisorLost,
                    oom: false,
                };
                state.exited(&task, &container, exit);
            }
        }
    }
    Ok(())
}

fn unfinished(state: &State) -> Vec<(TaskId, ContainerName)> {
    let mut found = Vec::new();
    for record in state.tasks.values() {
        for container in &record.containers {
            if !container.state.is_final() {
                found.push((record.id.clone(), container.name.clone()));
            }
        }
    }
    found
}

fn kill_leftovers(state: &State) -> io::Result<()> {
    let mut groups = state.memory.leftovers();
    let mut leaders = Vec::new();
    for record in state
        .tasks
        .values()
        .filter(|r| r.boot_id == state.records.boot_id())
    {
        for container in record.containers.iter().filter(|c| !c.state.is_final()) {
            leaders.extend(container.identity);
            groups.extend(container.control_group.clone());
        }
    }
    if state.tasks.is_empty() && groups.is_empty() {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        let left = leftovers(state, &leaders, &groups)?;
        if left.is_empty() {
            break;
        }
        if begun.elapsed() > PATIENCE {
            tracing::error!(processes = ?left, "cannot be killed");
            break;
        }
        for process in &left {
            if let Err(error) = process.signal(nix::sys::signal::Signal::SIGKILL) {
                tracing::warn!(pid = process.pid, %error, "a process cannot be killed");
            }
        }
        std::thread::sleep(PAUSE);
    }
    for group in &groups {
        group.remove();
    }
    Ok(())
}

/// Whoever is in a session or control group of an unfinished container, or was started with the
/// home of any, and all their descendants.
fn leftovers(
    state: &State,
    leaders: &[ProcessIdentity],
    groups: &[ControlGroup],
) -> io::Result<Vec<ProcessIdentity>> {
    let table = ProcessTable::read()?;
    let mut found: Vec<ProcessIdentity> = groups.iter().flat_map(group_members).collect();
    found.extend(leaders.iter().flat_map(|leader| table.session(*leader)));
    let at_home = |pid: i32| home_of(pid).is_some_and(|home| state.records.owns(&home));
    found.extend(table.living_where(at_home));
    found.extend(table.descendants(&found));
    found.sort_by_key(|process| process.pid);
    found.dedup();
    Ok(found)
}
