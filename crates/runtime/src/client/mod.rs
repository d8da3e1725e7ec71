//! The platform's side of the supervisor: start it, give it work, hear what happened.
//!
//! When a call fails with [`ClientError::Disconnected`] or [`ClientError::NotRunning`], the
//! supervisor is gone and its tasks with it: call [`Supervisor::connect_or_start`] again and read
//! [`Supervisor::events`] after the last cursor, where the end of each of them is reported.

mod connection;
mod events;
mod start;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::sync::Mutex;

use crate::event::{EventCursor, TaskStatus};
use crate::memory::MemoryReport;
pub use crate::process::CpuTime;
use crate::process::ProcessIdentity;
pub use crate::protocol::{ContainerUsage, Refusal, TaskUsage};
use crate::protocol::{Reply, Request, Welcome};
use crate::task::{StopSignal, TaskId, TaskSpec};
use connection::Connection;
pub use events::Events;
pub use start::SupervisorLaunch;

/// A supervisor that has closed its connections ends within this time.
const LAST_MOMENT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(1);

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens: there is no supervisor, or it was killed.
    #[error("no supervisor answers in {}", directory.display())]
    NotRunning {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It listens and says nothing: stuck, or stopped by a signal.
    #[error("{}", silent(*process, *waited))]
    Silent {
        /// Its number, where the kernel says it.
        process: Option<i32>,
        waited: Duration,
    },
    /// The connection broke. Connect or start again, and read events after the last cursor.
    #[error("the supervisor is gone")]
    Disconnected(#[source] io::Error),
    #[error("the supervisor refused")]
    Refused(#[source] Refusal),
    #[error("the supervisor's answer cannot be read")]
    BadReply(#[source] serde_json::Error),
    #[error("the supervisor answered something else than was asked")]
    UnexpectedReply,
    #[error("the request of {bytes} bytes is larger than the supervisor takes")]
    RequestTooLarge { bytes: usize },
    #[error("cannot prepare {}", path.display())]
    Prepare {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot execute {} as supervisor", executable.display())]
    Spawn {
        executable: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the supervisor ended while it started ({status}){}", log_suffix(log))]
    DiedEarly { status: String, log: String },
    #[error("the supervisor did not answer within {} s", waited.as_secs())]
    TooSlow { waited: Duration },
}

fn silent(process: Option<i32>, waited: Duration) -> String {
    let waited = waited.as_secs();
    match process {
        Some(process) => format!(
            "the supervisor (process {process}) did not answer within {waited} s; \
             `kill -9 {process}` ends it and its tasks"
        ),
        None => format!("the supervisor did not answer within {waited} s"),
    }
}

fn log_suffix(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!("; its last words:\n{log}")
    }
}

/// A connection to a running supervisor. Cheap to clone; requests go one after the other.
///
/// A request whose future is dropped is sent and answered all the same: dropping never undoes.
#[derive(Clone, Debug)]
pub struct Supervisor {
    directory: PathBuf,
    welcome: Welcome,
    connection: Arc<Mutex<Connection>>,
}

impl Supervisor {
    /// Connects to the supervisor of a directory, and fails if there is none.
    pub async fn connect(directory: &Path) -> Result<Self, ClientError> {
        let (connection, welcome) = Connection::open(directory).await?;
        Ok(Self {
            directory: directory.to_owned(),
            welcome,
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Connects to the supervisor of a directory, and starts one if there is none. A new one has
    /// removed what a killed predecessor left behind by the time it answers.
    pub async fn connect_or_start(launch: &SupervisorLaunch) -> Result<Self, ClientError> {
        start::connect_or_start(launch).await
    }

    /// The supervisor's process number.
    pub fn pid(&self) -> u32 {
        self.welcome.pid
    }

    /// The version of Seaway the supervisor was started from.
    pub fn version(&self) -> &str {
        &self.welcome.version
    }

    /// How memory limits are held.
    pub fn memory(&self) -> &MemoryReport {
        &self.welcome.memory
    }

    /// The last event at the time of connecting: where to listen from if the past doesn't matter.
    pub fn last_event(&self) -> &EventCursor {
        &self.welcome.last
    }

    /// Starts a task; what became of it arrives as events. Starting a task that the supervisor
    /// already knows does nothing, so that a platform may ask again after a crash.
    pub async fn start(&self, spec: TaskSpec) -> Result<(), ClientError> {
        self.expect_accepted(Request::Start {
            spec: Box::new(spec),
        })
        .await
    }

    /// Sends `signal` to every process of the task, and kills what is left after `timeout`.
    /// Answers at once. Stopping a task that has ended does nothing.
    pub async fn stop(
        &self,
        task: &TaskId,
        signal: StopSignal,
        timeout: Duration,
    ) -> Result<(), ClientError> {
        let timeout_ms = millis(timeout);
        self.expect_accepted(Request::Stop {
            task: task.clone(),
            signal,
            timeout_ms,
        })
        .await
    }

    /// Every task that was started and not forgotten.
    pub async fn list(&self) -> Result<Vec<TaskStatus>, ClientError> {
        match self.call(Request::List).await? {
            Reply::Tasks(tasks) => Ok(tasks),
            _ => Err(ClientError::UnexpectedReply),
        }
    }

    /// What the containers of a task use at the moment.
    pub async fn usage(&self, task: &TaskId) -> Result<Vec<ContainerUsage>, ClientError> {
        match self.call(Request::Usage { task: task.clone() }).await? {
            Reply::Usage(usage) => Ok(usage),
            _ => Err(ClientError::UnexpectedReply),
        }
    }

    /// What all tasks with processes use at the moment. An older supervisor refuses.
    pub async fn usage_of_all(&self) -> Result<Vec<TaskUsage>, ClientError> {
        match self.call(Request::UsageOfAll).await? {
            Reply::UsageOfAll(usage) => Ok(usage),
            _ => Err(ClientError::UnexpectedReply),
        }
    }

    /// Drops the record and the home directories of a task that has ended. Logs and volumes stay.
    pub async fn forget(&self, task: &TaskId) -> Result<(), ClientError> {
        self.expect_accepted(Request::Forget { task: task.clone() })
            .await
    }

    /// Listens to everything that happens, beginning after `after`.
    pub async fn events(&self, after: EventCursor) -> Result<Events, ClientError> {
        Events::open(&self.directory, after).await
    }

    /// Stops every task as [`Supervisor::stop`] does with SIGTERM, and returns when the
    /// supervisor's process has gone.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ClientError> {
        let number = i32::try_from(self.pid()).unwrap_or_default();
        let process = ProcessIdentity::of(Pid::from_raw(number));
        self.expect_accepted(Request::Shutdown {
            timeout_ms: millis(timeout),
        })
        .await?;
        self.connection.lock().await.closed().await;
        // The connection ends a moment before the process does.
        let begun = Instant::now();
        while process.as_ref().is_ok_and(|process| process.is_alive()) {
            if begun.elapsed() > LAST_MOMENT {
                return Err(ClientError::Silent {
                    process: Some(number).filter(|number| *number > 0),
                    waited: LAST_MOMENT,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn expect_accepted(&self, request: Request) -> Result<(), ClientError> {
        match self.call(request).await? {
            Reply::Accepted => Ok(()),
            _ => Err(ClientError::UnexpectedReply),
        }
    }

    /// Runs in a task of its own: a caller who lost interest must not leave half a request, or an
    /// answer that the next caller would take for his.
    async fn call(&self, request: Request) -> Result<Reply, ClientError> {
        let connection = Arc::clone(&self.connection);
        let call = tokio::spawn(async move { connection.lock().await.call(&request).await });
        match call.await {
            Ok(reply) => reply,
            Err(error) => Err(ClientError::Disconnected(io::Error::other(error))),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
