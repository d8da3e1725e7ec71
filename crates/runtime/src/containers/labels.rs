//! What stands in the labels of a container: whose it is, and what the next one who connects needs
//! to know. Never a value of a variable.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::engine::Namespace;
use crate::task::{
    ContainerName, ContainerSpec, Dependency, ImageRoot, LogLimits, Role, StopSignal, TaskId,
    TaskSpec,
};

pub(super) const PLATFORM: &str = "seaway.platform";
pub(super) const TASK: &str = "seaway.task";
pub(super) const CONTAINER: &str = "seaway.container";
const PART: &str = "seaway.part";

/// The part of a container in its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Its place among the containers of the task, and how many there are.
    pub(super) index: usize,
    pub(super) of: usize,
    pub(super) log_dir: PathBuf,
    pub(super) log_limits: LogLimits,
    pub(super) role: Role,
    pub(super) depends_on: Vec<Dependency>,
    pub(super) start_timeout: Option<Duration>,
    pub(super) stop_timeout: Option<Duration>,
    pub(super) stop_signal: Option<StopSignal>,
}

impl Part {
    pub(super) fn of(task: &TaskSpec, index: usize, root: &ImageRoot) -> Self {
        Self {
            index,
            of: task.containers.len(),
            log_dir: task.log_dir.clone(),
            log_limits: task.log_limits,
            role: root.role,
            depends_on: root.depends_on.clone(),
            start_timeout: root.start_timeout,
            stop_timeout: root.stop_timeout,
            stop_signal: root.stop_signal,
        }
    }
}

/// The labels of a container of the task's definition.
pub(super) fn of_member(
    namespace: &Namespace,
    task: &TaskId,
    container: &ContainerSpec,
    part: &Part,
) -> HashMap<String, String> {
    let mut labels = of_holder(namespace, task);
    labels.insert(CONTAINER.to_owned(), container.name.to_string());
    // Strings, numbers and lists of them: nothing that could not be written.
    labels.insert(PART.to_owned(), serde_json::json!(part).to_string());
    labels
}

/// The labels of the container that holds the network.
pub(super) fn of_holder(namespace: &Namespace, task: &TaskId) -> HashMap<String, String> {
    HashMap::from([
        (PLATFORM.to_owned(), namespace.as_str().to_owned()),
        (TASK.to_owned(), task.to_string()),
    ])
}

/// Whose container it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Holder(TaskId),
    Member(TaskId, ContainerName, Box<Part>),
}

impl Owner {
    /// Reads the labels; none where they are not ours, or of another version.
    pub(super) fn read(labels: &HashMap<String, String>) -> Option<Self> {
        let task = TaskId::new(labels.get(TASK)?).ok()?;
        let Some(name) = labels.get(CONTAINER) else {
            return Some(Self::Holder(task));
        };
        let part = serde_json::from_str(labels.get(PART)?).ok()?;
        let name = ContainerName::new(name).ok()?;
        Some(Self::Member(task, name, part))
    }

    pub(super) fn task(&self) -> &TaskId {
        match self {
            Self::Holder(task) | Self::Member(task, ..) => task,
        }
    }
}
