//! Finding, starting, replacing and stopping the platform of a state directory.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use seaway_runtime::client::{ClientError as SupervisorError, Supervisor};

use super::client::{ClientError, PlatformClient};
use super::connection::Connection;
use super::error::LaunchError;
use super::process::{Claim, ProcessRecord, lock_launch};
use super::spawn;
use super::version::{Relation, build_of, relate};
use crate::identity::VERSION;
use crate::keys::{KeysError, PlatformKeys};
use crate::layout::StateDir;
use crate::platform::Engines;
use crate::runtimes::RuntimeName;
use crate::server::control::{Ping, TaskFate};

/// How long a platform that runs may take to answer; it may just be starting.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long tasks may take to stop: Fargate's longest stop time-out, and some.
const STOP_PATIENCE: Duration = Duration::from_secs(150);
/// How long tasks may take to stop that no platform watches over any more.
const TASK_GRACE: Duration = Duration::from_secs(10);
/// How long a platform may take to end whose tasks run on.
const KEEP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a killed process may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// How this binary becomes the background process.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// The binary, usually the current one.
    pub exe: PathBuf,
    /// The arguments that lead to [`crate::background::run`]: the hidden
    /// sub-command. What it needs to know is appended.
    pub args: Vec<OsString>,
}

/// What [`stop`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The platform ended as asked.
    Ended,
    /// It did not answer, or not end, and was killed.
    Killed,
    /// None ran.
    NoneRan,
}

/// The running platform of `state`; starts one where none runs, and replaces an
/// older one (its tasks run on).
pub async fn ensure_running(
    state: &StateDir,
    options: &LaunchOptions,
) -> Result<Connection, LaunchError> {
    state.create().map_err(KeysError::from)?;
    // The lock comes first: two commands must not both make keys.
    let _lock = lock(state).await?;
    let keys = PlatformKeys::load_or_create(state)?;
    if let Some((connection, ping)) = find(state, &keys).await? {
        let build = build_of(&options.exe).map_err(|source| LaunchError::Io {
            path: options.exe.clone(),
            source,
        })?;
        match relate(&ping, &build) {
            Relation::Same => return Ok(connection),
            Relation::Newer => {
                return Err(LaunchError::Newer {
                    running: ping.version,
                    own: VERSION,
                });
            }
            Relation::Replaceable => end(state, &connection, TaskFate::Keep).await.map(drop)?,
        }
    }
    spawn::start(state, &keys, options).await
}

/// Starts the platform of `state` anew, so that it takes in what was changed in the state
/// directory; its tasks run on.
pub async fn restart(state: &StateDir, options: &LaunchOptions) -> Result<Connection, LaunchError> {
    let keys = PlatformKeys::load_or_create(state)?;
    let _lock = lock(state).await?;
    if let Some((connection, _)) = find(state, &keys).await? {
        end(state, &connection, TaskFate::Keep).await?;
    }
    spawn::start(state, &keys, options).await
}

/// The running platform of `state`, if there is one; starts none.
pub async fn find_running(state: &StateDir) -> Result<Option<Connection>, LaunchError> {
    if !state.platform_id().exists() {
        return Ok(None);
    }
    let keys = PlatformKeys::load_or_create(state)?;
    Ok(find(state, &keys).await?.map(|(connection, _)| connection))
}

/// Ends the platform of `state` and its tasks; returns when the process is gone.
pub async fn stop(state: &StateDir) -> Result<Stopped, LaunchError> {
    if !state.platform_id().exists() {
        return Ok(Stopped::NoneRan);
    }
    let keys = PlatformKeys::load_or_create(state)?;
    let _lock = lock(state).await?;
    let stopped = match find(state, &keys).await {
        Ok(None) => Stopped::NoneRan,
        Ok(Some((connection, _))) => end(state, &connection, TaskFate::Stop).await?,
        Err(LaunchError::Unresponsive(_)) => kill(state).await?,
        Err(error) => return Err(error),
    };
    end_supervisor(state).await?;
    end_containers(state, &keys).await?;
    Ok(stopped)
}

/// Ends the containers that a platform left behind when it was killed.
async fn end_containers(state: &StateDir, keys: &PlatformKeys) -> Result<(), LaunchError> {
    let engines = Engines::new(RuntimeName::of(state)?, &keys.id)?;
    Ok(engines.sweep(TASK_GRACE).await?)
}

/// Ends the supervisor that a platform left behind when it was killed, and with
/// it the tasks. One that ended with its platform is fine.
async fn end_supervisor(state: &StateDir) -> Result<(), LaunchError> {
    match Supervisor::connect(&state.supervisor()).await {
        Ok(supervisor) => Ok(supervisor.shutdown(TASK_GRACE).await?),
        Err(SupervisorError::NotRunning { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn lock(state: &StateDir) -> Result<File, LaunchError> {
    let state = state.clone();
    let path = state.launch_lock();
    tokio::task::spawn_blocking(move || lock_launch(&state))
        .await
        .map_err(|error| LaunchError::Io {
            path,
            source: error.into(),
        })?
        .map_err(LaunchError::from)
}

async fn find(
    state: &StateDir,
    keys: &PlatformKeys,
) -> Result<Option<(Connection, Ping)>, LaunchError> {
    let deadline = Instant::now() + ANSWER_PATIENCE;
    while Claim::is_taken(state)? {
        let failure = match ask(state, keys).await? {
            Ok(found) => return Ok(Some(found)),
            Err(failure) => failure,
        };
        if Instant::now() > deadline {
            return Err(LaunchError::Unresponsive(failure));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(None)
}

/// One attempt to reach the platform that has the claim.
async fn ask(
    state: &StateDir,
    keys: &PlatformKeys,
) -> Result<Result<(Connection, Ping), ClientError>, LaunchError> {
    let path = state.process();
    let record = ProcessRecord::read(state).map_err(|source| LaunchError::Io { path, source })?;
    let connection = Connection::new(keys, record.map_or(0, |record| record.port));
    let pinged = PlatformClient::new(connection.clone()).ping().await;
    Ok(pinged.map(|ping| (connection, ping)))
}

async fn end(
    state: &StateDir,
    connection: &Connection,
    tasks: TaskFate,
) -> Result<Stopped, LaunchError> {
    PlatformClient::new(connection.clone())
        .shutdown(tasks)
        .await?;
    let patience = match tasks {
        TaskFate::Stop => STOP_PATIENCE,
        TaskFate::Keep => KEEP_PATIENCE,
    };
    if is_released(state, patience).await? {
        Ok(Stopped::Ended)
    } else {
        kill(state).await
    }
}

async fn kill(state: &StateDir) -> Result<Stopped, LaunchError> {
    let path = state.process();
    let record = ProcessRecord::read(state).map_err(|source| LaunchError::Io {
        path: path.clone(),
        source,
    })?;
    let Some(ProcessRecord { process, .. }) = record else {
        // It has the claim and never came as far as saying who it is.
        return Err(LaunchError::StillThere { pid: 0 });
    };
    process
        .kill()
        .map_err(|source| LaunchError::Io { path, source })?;
    if is_released(state, KILL_PATIENCE).await? {
        return Ok(Stopped::Killed);
    }
    Err(LaunchError::StillThere { pid: process.pid })
}

/// Waits until no process has the claim: the kernel releases it at the very end.
async fn is_released(state: &StateDir, patience: Duration) -> Result<bool, LaunchError> {
    let deadline = Instant::now() + patience;
    while Claim::is_taken(state)? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}
