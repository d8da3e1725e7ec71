//! What can go wrong between Seaway and a container engine.

use std::io;
use std::path::PathBuf;

use bollard::errors::Error;

use crate::task::TaskId;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody listens, or it is no engine.
    #[error("no container engine answers at {}", socket.display())]
    NotRunning {
        socket: PathBuf,
        #[source]
        source: Error,
    },
    /// The connection broke; connect again.
    #[error("the container engine is gone")]
    Gone,
    #[error("the container engine failed to {what}")]
    Call {
        what: &'static str,
        #[source]
        source: Error,
    },
    #[error("cannot create the volume {}", path.display())]
    Volume {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("there is no task {task}")]
    NoSuchTask { task: TaskId },
    #[error("task {task} is still running")]
    StillRunning { task: TaskId },
    #[error("task {task} cannot be started: {why}")]
    InvalidTask { task: TaskId, why: String },
    #[error("the container engine does not take the image {name}: {why}")]
    InvalidImage { name: &'static str, why: String },
    /// The container that holds a task's network is a program of a few instructions.
    #[error("containers are not supported on this machine's processor ({0})")]
    Processor(&'static str),
}

impl EngineError {
    pub(super) fn call(what: &'static str) -> impl FnOnce(Error) -> Self {
        move |source| Self::Call { what, source }
    }
}

/// Why an image did not get into the engine. The text goes on after `CannotPullContainerError: `.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The engine's own words.
    #[error("{0}")]
    Engine(String),
    #[error("a part of the image cannot be read")]
    Blob(#[source] io::Error),
}

/// The engine's words as its own command line shows them, and so ECS's agent.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => {
            format!("Error response from daemon: {}", message.trim())
        }
        Error::DockerStreamError { error } => {
            format!("Error response from daemon: {}", error.trim())
        }
        Error::RequestTimeoutError => "DockerTimeoutError: the engine did not answer".to_owned(),
        other => other.to_string(),
    }
}

/// Whether the engine does not have what was named.
pub(super) fn is_absent(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Whether there was nothing to do, or it is done by somebody else.
pub(super) fn is_settled(error: &Error) -> bool {
    matches!(status(error), Some(304 | 404 | 409))
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}
