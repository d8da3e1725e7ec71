//! Starting the background process and waiting until it answers.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::PlatformClient;
use super::connection::Connection;
use super::error::LaunchError;
use super::lifecycle::LaunchOptions;
use super::process::ProcessRecord;
use crate::background::Stage;
use crate::keys::PlatformKeys;
use crate::layout::StateDir;

/// Longer than the platform waits for its supervisor, so that its own words are heard.
const START_TIMEOUT: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(2);
/// A log that is longer than this when a platform starts is set aside.
const MAX_LOG: u64 = 8 << 20;
/// How much of the log an error shows.
const LAST_LINES: usize = 20;
const LAST_BYTES: i64 = 8 << 10;

/// What the background process keeps of the command's environment. The rest,
/// credentials above all, is none of its business.
const KEPT_VARIABLES: [&str; 9] = [
    "DOCKER_HOST",
    "HOME",
    "LANG",
    "PATH",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "SEAWAY_LOG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
];

/// Starts the platform and waits until it answers.
pub(super) async fn start(
    state: &StateDir,
    keys: &PlatformKeys,
    options: &LaunchOptions,
) -> Result<Connection, LaunchError> {
    let path = state.process();
    crate::files::remove_if_present(&path).map_err(|source| LaunchError::Io { path, source })?;
    let log = open_log(&state.platform_log()).map_err(|source| LaunchError::Io {
        path: state.platform_log(),
        source,
    })?;
    let mut child = spawn(state, options, log).map_err(|source| LaunchError::Spawn {
        exe: options.exe.clone(),
        source,
    })?;
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if let Some(connection) = answering(state, keys, child.id()).await {
            return Ok(connection);
        }
        let ended = child.try_wait().map_err(|source| LaunchError::Spawn {
            exe: options.exe.clone(),
            source,
        })?;
        let (log, last_lines) = (state.platform_log(), || last_lines(&state.platform_log()));
        if let Some(status) = ended {
            return Err(LaunchError::Died {
                status,
                log,
                last_lines: last_lines(),
            });
        }
        if Instant::now() > deadline {
            // It holds the claim: a platform that never answers must not stay.
            drop(child.kill());
            drop(child.wait());
            let seconds = START_TIMEOUT.as_secs();
            return Err(LaunchError::Slow {
                seconds,
                log,
                last_lines: last_lines(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

fn spawn(state: &StateDir, options: &LaunchOptions, log: File) -> io::Result<Child> {
    let kept = KEPT_VARIABLES
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    Command::new(&options.exe)
        .args(&options.args)
        .arg(Stage::Detach.name())
        .args([state.root(), state.keys_root()])
        .env_clear()
        .envs(kept)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// The connection to the process `pid`, once it has said its port and answers.
async fn answering(state: &StateDir, keys: &PlatformKeys, pid: u32) -> Option<Connection> {
    let record = ProcessRecord::read(state).ok().flatten()?;
    if record.process.pid != pid {
        return None;
    }
    let connection = Connection::new(keys, record.port);
    PlatformClient::new(connection.clone()).ping().await.ok()?;
    Some(connection)
}

fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn last_lines(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        file.seek(SeekFrom::End(-length.min(LAST_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
