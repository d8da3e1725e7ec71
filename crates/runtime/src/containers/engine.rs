//! The connection to an engine: what a platform asks of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::actor::{Actor, Message};
use super::body::image_root;
use super::error::EngineError;
use super::member::Member;
use super::restore;
use super::shared::{Handle, Shared};
use super::watch;
use crate::host::{TaskEvent, TaskState};
use crate::task::{StopSignal, TaskId, TaskSpec};

/// How long the engine may take to answer a request, in seconds: it may be busy with images.
const PATIENCE: u64 = 120;
/// How long an engine may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);
/// The longest namespace: it becomes a part of names.
const NAMESPACE_LIMIT: usize = 64;

/// How an engine is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    pub socket: PathBuf,
    /// Whose containers these are: others are never touched.
    pub namespace: Namespace,
}

/// What tells the containers of one platform from those of another: letters, digits and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Namespace(String);

/// The text is no namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a namespace: use 1 to {NAMESPACE_LIMIT} lower-case letters, digits and `-`")]
pub struct NamespaceError(String);

impl Namespace {
    pub fn new(name: impl Into<String>) -> Result<Self, NamespaceError> {
        let name = name.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > NAMESPACE_LIMIT || !name.chars().all(plain) {
            return Err(NamespaceError(name));
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection to an engine that has adopted its namespace's tasks. Cheap to clone. Tasks run on
/// when it is closed or dropped.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
    /// Ends with the last clone.
    jobs: Arc<Mutex<JoinSet<()>>>,
    socket: PathBuf,
    version: String,
}

impl Engine {
    /// Connects, takes over the tasks that are there, and removes halves of tasks that an earlier
    /// connection left behind.
    pub async fn connect(options: EngineOptions) -> Result<Self, EngineError> {
        let EngineOptions { socket, namespace } = options;
        let (docker, version) = greet(&socket).await.map_err(|source| {
            let socket = socket.clone();
            EngineError::NotRunning { socket, source }
        })?;
        let engine = Self {
            shared: Arc::new(Shared::new(docker, namespace)),
            jobs: Arc::default(),
            socket,
            version,
        };
        // From before the look at what is there: nothing happens unseen.
        let since = jiff::Timestamp::now();
        for (id, members) in restore::tasks(&engine.shared).await? {
            engine.adopt(id, members);
        }
        let watching = watch::watch(Arc::clone(&engine.shared), since);
        engine.spawn(watching);
        Ok(engine)
    }

    /// The engine's version, as it says itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it listens.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Starts a task, or does nothing if it is known; what becomes of it arrives as events.
    pub fn start(&self, spec: TaskSpec) -> Result<(), EngineError> {
        self.check(&spec)?;
        if self.knows(&spec.id) {
            return Ok(());
        }
        let members = Member::all_of(&spec);
        let id = spec.id.clone();
        self.run(id, |inbox| {
            Actor::new(Arc::clone(&self.shared), spec, members, inbox)
        });
        Ok(())
    }

    /// Asks a task to stop. Answers at once; one that has ended stays as it is.
    pub fn stop(
        &self,
        task: &TaskId,
        signal: StopSignal,
        timeout: Duration,
    ) -> Result<(), EngineError> {
        self.say(task, Message::Stop { signal, timeout })
    }

    /// Removes the containers of a task that has ended. Its log stays.
    pub async fn forget(&self, task: &TaskId) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.say(task, Message::Forget { reply })?;
        answer.await.unwrap_or(Err(EngineError::Gone))
    }

    /// Whether the task was started here and not forgotten.
    pub fn knows(&self, task: &TaskId) -> bool {
        self.shared.tasks().contains_key(task)
    }

    /// Every task that was started and not forgotten.
    pub fn list(&self) -> Result<Vec<TaskState>, EngineError> {
        self.check_connection()?;
        let tasks = self.shared.tasks();
        Ok(tasks.values().map(|handle| handle.state.clone()).collect())
    }

    /// What happens from now on; it ends when the engine is gone.
    pub fn events(&self) -> Result<UnboundedReceiver<TaskEvent>, EngineError> {
        self.shared.listen()
    }

    /// Stops every task, removes what is left of them, and ends the connection.
    pub async fn shut_down(&self, timeout: Duration) -> Result<(), EngineError> {
        let ids: Vec<TaskId> = self.shared.tasks().keys().cloned().collect();
        for id in &ids {
            let signal = StopSignal::default();
            // One that is gone meanwhile needs no stop.
            let _ = self.stop(id, signal, timeout);
        }
        let deadline = tokio::time::Instant::now() + timeout;
        let ended = async {
            for id in &ids {
                let (reply, answer) = oneshot::channel();
                if self.say(id, Message::WhenEnded { reply }).is_ok() {
                    let _ = answer.await;
                }
            }
        };
        let _ = tokio::time::timeout_at(deadline + GREETING, ended).await;
        self.close();
        restore::remove_all(&self.shared).await
    }

    /// Ends the connection; tasks run on. Nobody writes to their logs any more.
    pub fn close(&self) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.abort_all();
        self.shared.end();
    }

    fn adopt(&self, id: TaskId, members: Vec<Member>) {
        let task = id.clone();
        let shared = Arc::clone(&self.shared);
        self.run(id, |inbox| Actor::adopt(shared, task, members, inbox));
    }

    fn run(&self, id: TaskId, actor: impl FnOnce(UnboundedReceiver<Message>) -> Actor) {
        let (inbox, messages) = mpsc::unbounded_channel();
        let actor = actor(messages);
        let state = actor.state();
        self.shared.tasks().insert(id, Handle { inbox, state });
        self.spawn(actor.run());
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        while jobs.try_join_next().is_some() {}
        jobs.spawn(job);
    }

    fn say(&self, task: &TaskId, message: Message) -> Result<(), EngineError> {
        self.check_connection()?;
        match self.shared.say(task, message) {
            true => Ok(()),
            false => Err(EngineError::NoSuchTask { task: task.clone() }),
        }
    }

    fn check(&self, spec: &TaskSpec) -> Result<(), EngineError> {
        self.check_connection()?;
        let mut containers = spec.containers.iter();
        let foreign = containers.find(|container| image_root(container).is_none());
        let why = match foreign {
            Some(container) => format!("container {} is a process", container.name),
            None if spec.containers.is_empty() => "it has no container".to_owned(),
            None => return Ok(()),
        };
        let task = spec.id.clone();
        Err(EngineError::InvalidTask { task, why })
    }

    pub(super) fn check_connection(&self) -> Result<(), EngineError> {
        match self.shared.is_over() {
            true => Err(EngineError::Gone),
            false => Ok(()),
        }
    }
}

async fn greet(socket: &std::path::Path) -> Result<(Docker, String), bollard::errors::Error> {
    let path = socket.to_string_lossy();
    let docker = Docker::connect_with_unix(&path, PATIENCE, API_DEFAULT_VERSION)?;
    let greeting = async {
        let docker = docker.negotiate_version().await?;
        let version = docker.version().await?.version.unwrap_or_default();
        Ok((docker, version))
    };
    match tokio::time::timeout(GREETING, greeting).await {
        Ok(greeted) => greeted,
        Err(_) => Err(bollard::errors::Error::RequestTimeoutError),
    }
}
