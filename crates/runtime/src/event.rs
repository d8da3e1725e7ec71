//! What happened to a container, in an order that survives a restart of the platform.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::process::StartTime;
use crate::task::{ContainerName, TaskId};

/// Exit code of a process that died of a signal, as a shell and ECS report it: 128 + signal.
const SIGNAL_BASE: i32 = 128;

/// One fact about one container. Sequence numbers grow by one; a restart of the supervisor
/// continues them, and a missing number means that the journal was shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub at: Timestamp,
    pub task: TaskId,
    pub container: ContainerName,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The command was executed; the process is the container's own from now on.
    Started { pid: u32, start_time: StartTime },
    /// The command was never executed. Nothing is left behind.
    StartFailed(StartFailure),
    /// The process ended and everything it had started is gone.
    Exited(Exit),
}

/// Why a container could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    pub reason: StartFailureReason,
    /// One line for people, without secret values.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFailureReason {
    /// No such file, neither in the image nor in `PATH`.
    CommandNotFound,
    /// The file may not be executed, or is a directory.
    PermissionDenied,
    /// The file is neither a program of this machine nor a script with `#!`.
    NotExecutable,
    /// The image has no such working directory.
    WorkdirNotFound,
    /// An argument or a variable that no process can take, as a NUL byte.
    InvalidSpec,
    /// The memory limit could not be put in force.
    MemoryLimit,
    /// Another container of the task did not come as far as this one needs it.
    Dependency,
    /// Anything else the operating system or the container engine refused, such as too many
    /// processes.
    System,
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub status: ExitStatus,
    /// It was killed for using more memory than its limit. ECS reports
    /// [`Exit::OUT_OF_MEMORY_REASON`] then.
    pub oom: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    Code(i32),
    /// The number of the signal that ended it.
    Signal(i32),
    /// The supervisor was killed, or the machine restarted; how the process ended is not known.
    SupervisorLost,
}

impl Exit {
    /// The reason of a container that was killed for its use of memory, word for word as in ECS.
    pub const OUT_OF_MEMORY_REASON: &str = "OutOfMemoryError: Container killed due to memory usage";

    /// The exit code that ECS shows; none when it is not known.
    pub fn code(&self) -> Option<i32> {
        match self.status {
            ExitStatus::Code(code) => Some(code),
            ExitStatus::Signal(signal) => Some(SIGNAL_BASE + signal),
            ExitStatus::SupervisorLost => None,
        }
    }
}

/// How far a listener has read. Kept by the platform; the default reads from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCursor {
    /// The journal the number belongs to: a new state directory has a new one.
    pub journal: String,
    /// The last event that was taken in; the next one wanted has the number after it.
    pub seq: u64,
}

/// What the supervisor knows of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    pub id: TaskId,
    pub containers: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    pub name: ContainerName,
    pub state: ContainerState,
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// The process exists but has not executed the command yet.
    Starting,
    Running {
        pid: u32,
        start_time: StartTime,
        since: Timestamp,
    },
    StartFailed {
        at: Timestamp,
        failure: StartFailure,
    },
    Exited {
        at: Timestamp,
        exit: Exit,
    },
}

impl ContainerState {
    /// Whether nothing more will happen to the container.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::StartFailed { .. } | Self::Exited { .. })
    }
}
