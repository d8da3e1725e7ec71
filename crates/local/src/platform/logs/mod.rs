//! Ships what tasks write to CloudWatch Logs, as the `awslogs` driver does.
//!
//! One thread reads the files that the supervisor writes, often where something is written and
//! seldom where nothing is, and keeps in the store how far it came: lines are neither lost nor
//! doubled when the platform is killed. A task's log stays on record until its last line is
//! shipped, whoever is alive by then.

mod streams;
mod tail;
mod thread;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::ContainerName;
use seaway_scheduler::TaskId;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::store::{Store, StoreError};
pub(super) use streams::create_streams;
use thread::Thread;

/// How long the end of a container waits for its last lines.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long somebody who reads logs waits for the newest lines.
const READERS_PATIENCE: Duration = Duration::from_millis(300);

/// Where one container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogTarget {
    pub(super) directory: PathBuf,
    pub(super) container: ContainerName,
    pub(super) group: String,
    pub(super) stream: String,
    /// Whether the group is created where it is missing (`awslogs-create-group`).
    #[serde(default)]
    pub(super) creates_group: bool,
}

/// The log targets of a task: of each container with the `awslogs` driver.
pub(super) fn log_targets(
    definition: &wire::TaskDefinition,
    task: &str,
    task_logs: &Path,
) -> Vec<LogTarget> {
    let target = |container: &wire::ContainerDefinition| {
        let configuration = container.log_configuration.as_ref()?;
        if configuration.log_driver != wire::LogDriver::Awslogs {
            return None;
        }
        let options = configuration.options.as_ref()?;
        let name = container.name.as_deref()?;
        let stream = match options.get("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{name}/{task}"),
            None => task.to_owned(),
        };
        Some(LogTarget {
            directory: task_logs.join(task),
            container: ContainerName::new(name).ok()?,
            group: options.get("awslogs-group")?.clone(),
            stream,
            creates_group: options
                .get("awslogs-create-group")
                .is_some_and(|it| it == "true"),
        })
    };
    definition
        .container_definitions
        .iter()
        .flatten()
        .filter_map(target)
        .collect()
}

/// The way to the shipping thread.
#[derive(Debug)]
pub(super) struct Shipper {
    orders: Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Order {
    Open(TaskId, Vec<LogTarget>),
    /// Ships everything that is there, and answers.
    Flush(TaskId, oneshot::Sender<()>),
    /// Looks at every log that was not looked at just now, and answers.
    Refresh(std::sync::mpsc::Sender<()>),
    /// The task is over: ships the rest, unfinished lines included, and lets go.
    Close(TaskId),
    /// Nothing is written any more: ships the rest and ends.
    End,
}

impl Shipper {
    /// Starts the thread. Logs that an earlier platform did not finish are shipped to their end,
    /// unless their task is among the `alive`, whose logs are opened again.
    pub(super) fn start(
        store: Arc<Store>,
        alive: &BTreeSet<TaskId>,
    ) -> Result<Arc<Self>, StartError> {
        let (orders, receiver) = std::sync::mpsc::channel();
        let thread = Thread::new(store, receiver, alive)?;
        let thread = std::thread::Builder::new()
            .name("log-shipper".into())
            .spawn(move || thread.run())?;
        Ok(Arc::new(Self {
            orders,
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Begins to ship a task's logs.
    pub(super) fn open(&self, task: &TaskId, targets: Vec<LogTarget>) {
        self.send(Order::Open(task.clone(), targets));
    }

    /// Returns when what the task has written so far can be read, or after a short while.
    pub(super) async fn flush(&self, task: &TaskId) {
        let (done, waiting) = oneshot::channel();
        self.send(Order::Flush(task.clone(), done));
        // Late lines are no reason to hold up the news of a task's end.
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            tracing::debug!(%task, "its last lines come later");
        }
    }

    /// Returns when what all tasks have written so far can be read, or after a short while.
    /// Blocks.
    pub(super) fn refresh(&self) {
        let (done, waiting) = std::sync::mpsc::channel();
        self.send(Order::Refresh(done));
        if waiting.recv_timeout(READERS_PATIENCE).is_err() {
            tracing::debug!("the newest lines come later");
        }
    }

    /// Ends the shipping of a task's logs.
    pub(super) fn close(&self, task: &TaskId) {
        self.send(Order::Close(task.clone()));
    }

    /// Ships what there is and ends the thread: nothing is written to the store any more when this
    /// returns. Blocks.
    pub(super) fn end(&self) {
        self.send(Order::End);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that ships logs ended badly");
        }
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the platform is ending");
        }
    }
}

/// Logs cannot be shipped.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}
