//! Starts a supervisor in the background: executed again, never forked from the platform.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::{ClientError, Supervisor};
use crate::files::create_private_dir;
use crate::lock::SupervisorLock;
use crate::protocol::Refusal;

/// A supervisor that takes longer to answer is reported. Removing what a killed predecessor left
/// behind takes most of it.
const PATIENCE: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_millis(5);
/// How much of the log an error quotes, in bytes.
const LAST_WORDS: u64 = 2048;

/// How a supervisor is started.
#[derive(Clone, Debug)]
pub struct SupervisorLaunch {
    /// Where it lives; created with mode 0700.
    pub directory: PathBuf,
    /// The program whose hidden sub-command calls [`crate::supervisor::run`].
    pub executable: PathBuf,
    /// The sub-command; the directory follows as last argument.
    pub arguments: Vec<OsString>,
}

pub(super) async fn connect_or_start(launch: &SupervisorLaunch) -> Result<Supervisor, ClientError> {
    let begun = Instant::now();
    let mut child: Option<Child> = None;
    loop {
        match Supervisor::connect(&launch.directory).await {
            Err(ClientError::NotRunning { .. } | ClientError::Disconnected(_)) => {}
            Err(ClientError::Refused(Refusal::ShuttingDown)) => {}
            other => {
                if let (Ok(supervisor), Some(child)) = (&other, &mut child)
                    && child.id() != Some(supervisor.pid())
                {
                    // Ours came second, and must not take over later when nobody expects it.
                    let _ = child.kill().await;
                }
                return other;
            }
        }
        // A held lock means that somebody is about to answer, or about to go.
        if !SupervisorLock::is_held(&launch.directory) {
            match &mut child {
                None => child = Some(spawn(launch)?),
                Some(running) => {
                    if let Ok(Some(status)) = running.try_wait() {
                        let log = last_words(&launch.directory);
                        return Err(ClientError::DiedEarly {
                            status: status.to_string(),
                            log,
                        });
                    }
                }
            }
        } else if let Some(running) = &mut child
            && matches!(running.try_wait(), Ok(Some(_)))
        {
            // Ours came second. If the first one goes as well, another may be started.
            child = None;
        }
        if begun.elapsed() > PATIENCE {
            return Err(ClientError::TooSlow { waited: PATIENCE });
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn spawn(launch: &SupervisorLaunch) -> Result<Child, ClientError> {
    let prepare = |path: &Path| {
        let path = path.to_owned();
        move |source| ClientError::Prepare { path, source }
    };
    create_private_dir(&launch.directory).map_err(prepare(&launch.directory))?;
    let log_path = log_path(&launch.directory);
    let log = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log_path)
        .map_err(prepare(&log_path))?;
    // The supervisor leaves the session and closes what it inherited by itself.
    Command::new(&launch.executable)
        .args(&launch.arguments)
        .arg(&launch.directory)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|source| ClientError::Spawn {
            executable: launch.executable.clone(),
            source,
        })
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("supervisor.log")
}

fn last_words(directory: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log_path(directory))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    read()
        .map(|tail| String::from_utf8_lossy(&tail).trim().to_owned())
        .unwrap_or_default()
}
