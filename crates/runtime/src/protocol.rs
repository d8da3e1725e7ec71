//! What platform and supervisor say to each other: one JSON value per line over a Unix socket.
//!
//! A connection begins with [`Request::Hello`]. Requests are answered in order. After
//! [`Request::Subscribe`] a connection carries events only, from the supervisor to the platform.
//! Start requests carry environment values: frames are never logged.

use serde::{Deserialize, Serialize};

use crate::event::{EventCursor, TaskStatus};
use crate::memory::{MemoryReport, Usage};
use crate::process::CpuTime;
use crate::task::{ContainerName, StopSignal, TaskId, TaskSpec};

/// Raised when an older side would misread a frame.
pub(crate) const PROTOCOL: u32 = 1;

/// The largest request: a task of many containers with full environments stays far below.
pub(crate) const FRAME_LIMIT: usize = 4 * 1024 * 1024;

/// The socket's name within the supervisor's directory.
pub(crate) const SOCKET_NAME: &str = "control.sock";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Hello {
        protocol: u32,
    },
    Start {
        spec: Box<TaskSpec>,
    },
    Stop {
        task: TaskId,
        signal: StopSignal,
        timeout_ms: u64,
    },
    List,
    Usage {
        task: TaskId,
    },
    /// What all tasks use, from one look at the machine.
    UsageOfAll,
    /// Drop the record of a task that has ended, and its home directories. Logs stay.
    Forget {
        task: TaskId,
    },
    Subscribe {
        after: EventCursor,
    },
    /// Stop every task, then exit.
    Shutdown {
        timeout_ms: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Welcome(Welcome),
    /// Done, or begun and to be followed through events.
    Accepted,
    Tasks(Vec<TaskStatus>),
    Usage(Vec<ContainerUsage>),
    UsageOfAll(Vec<TaskUsage>),
    Subscribed {
        journal: String,
        oldest: u64,
    },
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) protocol: u32,
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) memory: MemoryReport,
    pub(crate) last: EventCursor,
}

/// What a container uses at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerUsage {
    pub container: ContainerName,
    pub memory: Usage,
    /// CPU time that its processes have used up to now; none when the supervisor is an older one.
    #[serde(default)]
    pub cpu: Option<CpuTime>,
}

/// What the containers of a task use at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskUsage {
    pub task: TaskId,
    pub containers: Vec<ContainerUsage>,
}

/// Why the supervisor did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    #[error("there is no task {task}")]
    NoSuchTask { task: TaskId },
    #[error("task {task} is still running")]
    StillRunning { task: TaskId },
    #[error("task {task} cannot be started: {why}")]
    InvalidTask { task: TaskId, why: String },
    #[error("the supervisor is shutting down")]
    ShuttingDown,
    #[error("the supervisor speaks protocol {supervisor}, the platform {platform}")]
    Protocol { supervisor: u32, platform: u32 },
    #[error("the supervisor does not understand the request: {why}")]
    Malformed { why: String },
    #[error("the supervisor could not keep its records: {why}")]
    Records { why: String },
}

/// A value with its end of line: a request, a reply or an event.
pub(crate) fn frame<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
