//! Everything the supervisor knows, and what it does as time passes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::container::{Launched, Process};
use super::journal::Journal;
use crate::event::{ContainerState, EventKind, Exit, ExitStatus, StartFailure, StartFailureReason};
use crate::launch::OpenFileLimit;
use crate::logs::Stream;
use crate::memory::{ControlGroup, MemoryControl, MemoryGroup, Verdict, resident_bytes};
use crate::process::{ProcessIdentity, ProcessTable, read_stat};
use crate::record::{Records, TaskRecord};
use crate::task::{ContainerName, MemoryLimit, TaskId};

/// How often a container whose first process has ended is looked at until nothing is left.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);
/// A process that survives SIGKILL for longer (it hangs in the kernel) is not waited for.
const CLOSING_LIMIT: Duration = Duration::from_secs(3);
/// The size of one read of output.
const CHUNK: usize = 64 * 1024;

/// Names a process within this run of the supervisor; process numbers are reused.
pub(super) type Key = u64;

#[derive(Debug)]
pub(super) struct State {
    pub(super) arguments: Vec<OsString>,
    pub(super) records: Records,
    pub(super) journal: Journal,
    pub(super) memory: MemoryControl,
    pub(super) open_files: OpenFileLimit,
    pub(super) tasks: BTreeMap<TaskId, TaskRecord>,
    pub(super) processes: BTreeMap<Key, Process>,
    pub(super) shutting_down: bool,
    next_key: Key,
    chunk: Vec<u8>,
    scratch: Vec<u8>,
}

impl State {
    pub(super) fn new(
        arguments: Vec<OsString>,
        records: Records,
        journal: Journal,
        memory: MemoryControl,
        open_files: OpenFileLimit,
    ) -> Self {
        Self {
            arguments,
            records,
            journal,
            memory,
            open_files,
            tasks: BTreeMap::new(),
            processes: BTreeMap::new(),
            shutting_down: false,
            next_key: 0,
            chunk: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn add_process(&mut self, process: Process) -> Key {
        self.next_key += 1;
        self.processes.insert(self.next_key, process);
        self.next_key
    }

    /// Asks the running containers to stop, all or those of one task.
    pub(super) fn stop(&mut self, task: Option<&TaskId>, signal: Signal, timeout: Duration) {
        let now = Instant::now();
        let deadline = now.checked_add(timeout);
        for process in self.processes.values_mut() {
            if task.is_some_and(|task| *task != process.task) || process.ended.is_some() {
                continue;
            }
            process.signal_group(signal);
            process.deadline = [process.deadline, deadline].into_iter().flatten().min();
        }
    }

    pub(super) fn read_control(&mut self, key: Key) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.read_control();
        }
        self.announce(key);
    }

    pub(super) fn read_output(&mut self, key: Key, stream: Stream) {
        self.chunk.resize(CHUNK, 0);
        if let Some(process) = self.processes.get_mut(&key) {
            process.read_output(stream, &mut self.chunk, &mut self.scratch);
        }
    }

    /// Does what is due, and says when to come again.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.journal.flush();
        // Read at most once, and only if somebody needs it.
        let mut table = LazyTable::new(self.processes.values().map(|p| p.identity.pid).collect());
        let mut next: Option<Instant> = None;
        let mut closed = Vec::new();
        for (key, process) in &mut self.processes {
            let due = if let Some((_, since)) = process.ended {
                let members = table.members(process);
                if members.is_empty() {
                    self.chunk.resize(CHUNK, 0);
                    for stream in Stream::ALL {
                        process.read_output(stream, &mut self.chunk, &mut self.scratch);
                    }
                } else {
                    process.kill_all(&members);
                }
                let given_up = now.duration_since(since) > CLOSING_LIMIT;
                if given_up && !members.is_empty() {
                    tracing::error!(task = %process.task, ?members, "cannot be killed");
                }
                if (members.is_empty() && process.is_drained()) || given_up {
                    closed.push(*key);
                }
                Some(now + CLOSING_PAUSE)
            } else {
                let watched = watch_memory(process, &mut table, now);
                let stopping = enforce_deadline(process, &mut table, now);
                [watched, stopping].into_iter().flatten().min()
            };
            next = [next, due].into_iter().flatten().min();
        }
        for key in closed {
            self.close(key);
        }
        next
    }

    /// Reports that the command was executed, once.
    fn announce(&mut self, key: Key) {
        let Some(process) = self.processes.get_mut(&key) else {
            return;
        };
        if process.announced || !matches!(process.launched(), Launched::Executed) {
            return;
        }
        process.announced = true;
        let identity = process.identity;
        let pid = u32::try_from(identity.pid).unwrap_or_default();
        let start_time = identity.start_time;
        let (task, container) = (process.task.clone(), process.container.clone());
        let state = ContainerState::Running {
            pid,
            start_time,
            since: Timestamp::now(),
        };
        self.journal
            .append(&task, &container, EventKind::Started { pid, start_time });
        self.set_state(&task, &container, state);
    }

    /// The end of a container, after everything that belonged to it.
    fn close(&mut self, key: Key) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.read_control();
        }
        self.announce(key);
        let Some(mut process) = self.processes.remove(&key) else {
            return;
        };
        process.finish_log(&mut self.scratch);
        let status = process
            .ended
            .map_or(ExitStatus::SupervisorLost, |(status, _)| status);
        let oom = process.exceeded || (status != ExitStatus::Code(0) && oom_killed(&process.group));
        if let MemoryGroup::Counted(group) = &process.group {
            group.remove();
        }
        let exit = Exit { status, oom };
        match process.launched() {
            Launched::Failed(failure) => self.fail(&process.task, &process.container, failure),
            // Not killed, not executed, nothing said: a launcher that could not even begin.
            Launched::NotYet | Launched::Silent if matches!(status, ExitStatus::Code(_)) => {
                let failure = StartFailure {
                    reason: StartFailureReason::System,
                    message: "the launcher ended without starting the command".to_owned(),
                };
                self.fail(&process.task, &process.container, failure);
            }
            _ => self.exited(&process.task, &process.container, exit),
        }
    }

    pub(super) fn fail(&mut self, task: &TaskId, container: &ContainerName, failure: StartFailure) {
        self.journal
            .append(task, container, EventKind::StartFailed(failure.clone()));
        self.set_state(
            task,
            container,
            ContainerState::StartFailed {
                at: Timestamp::now(),
                failure,
            },
        );
    }

    pub(super) fn exited(&mut self, task: &TaskId, container: &ContainerName, exit: Exit) {
        self.journal
            .append(task, container, EventKind::Exited(exit));
        self.set_state(
            task,
            container,
            ContainerState::Exited {
                at: Timestamp::now(),
                exit,
            },
        );
    }

    /// The journal comes first: a record that is behind is corrected from it by the next
    /// supervisor, see `recovery`.
    pub(super) fn set_state(
        &mut self,
        task: &TaskId,
        container: &ContainerName,
        state: ContainerState,
    ) {
        let Some(record) = self.tasks.get_mut(task) else {
            return;
        };
        let Some(entry) = record
            .containers
            .iter_mut()
            .find(|entry| entry.name == *container)
        else {
            return;
        };
        entry.state = state;
        if let Err(error) = self.records.save(record) {
            tracing::error!(%task, %error, "the record cannot be written");
        }
    }
}

/// Samples a container that the kernel doesn't limit, if it is due; says when it is due again.
fn watch_memory(process: &mut Process, table: &mut LazyTable, now: Instant) -> Option<Instant> {
    let limit = process.limit?;
    let MemoryGroup::Sampled(sampler) = &process.group else {
        return None;
    };
    let due = sampler.due(now);
    if due > now || process.exceeded {
        return (!process.exceeded).then_some(due);
    }
    let members = table.members(process);
    let bytes = resident_bytes(&members);
    if observe(process, now, bytes, limit) == Verdict::Exceeded {
        process.exceeded = true;
        process.kill_all(&members);
    }
    match &process.group {
        MemoryGroup::Sampled(sampler) => Some(sampler.due(now)),
        MemoryGroup::Counted(_) => None,
    }
}

fn observe(process: &mut Process, now: Instant, bytes: u64, limit: MemoryLimit) -> Verdict {
    match &mut process.group {
        MemoryGroup::Sampled(sampler) => sampler.observe(now, bytes, limit),
        MemoryGroup::Counted(_) => Verdict::Within,
    }
}

/// Kills a container whose time to stop is over; says when that will be.
fn enforce_deadline(process: &mut Process, table: &mut LazyTable, now: Instant) -> Option<Instant> {
    let deadline = process.deadline?;
    if deadline > now {
        return Some(deadline);
    }
    let members = table.members(process);
    process.kill_all(&members);
    // Again soon: one of them may have forked meanwhile.
    process.deadline = Some(now + CLOSING_PAUSE * 10);
    process.deadline
}

fn oom_killed(group: &MemoryGroup) -> bool {
    match group {
        MemoryGroup::Counted(group) => group.oom_kills() > 0,
        MemoryGroup::Sampled(_) => false,
    }
}

/// One look at the machine's processes, taken when it is first needed.
pub(super) struct LazyTable {
    table: Option<ProcessTable>,
    leaders: Vec<i32>,
}

impl LazyTable {
    /// `leaders` are the containers' own processes.
    pub(super) fn new(leaders: Vec<i32>) -> Self {
        Self {
            table: None,
            leaders,
        }
    }

    /// The living processes of a container. A control group knows them all by itself.
    pub(super) fn members(&mut self, process: &Process) -> Vec<ProcessIdentity> {
        match &process.group {
            MemoryGroup::Counted(group) => group_members(group),
            MemoryGroup::Sampled(_) => {
                if self.table.is_none() {
                    self.table = ProcessTable::read()
                        .inspect_err(|error| tracing::error!(%error, "/proc cannot be read"))
                        .ok();
                }
                let Some(table) = &self.table else {
                    return Vec::new();
                };
                process.members(table, &self.leaders)
            }
        }
    }
}

/// The living processes of a control group.
pub(super) fn group_members(group: &ControlGroup) -> Vec<ProcessIdentity> {
    let living = |pid: i32| {
        let stat = read_stat(pid).ok().filter(|stat| !stat.is_zombie())?;
        Some(ProcessIdentity {
            pid,
            start_time: stat.start_time,
        })
    };
    group.members().into_iter().filter_map(living).collect()
}
