//! Runs build commands, each once.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seaway_ports::OutputSink;
use thiserror::Error;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::lines::Lines;

/// Lines of output that a failure shows.
const SHOWN: usize = 20;
/// A process that the command left behind may hold its output open; it is not waited for longer.
const LINGER: Duration = Duration::from_secs(1);

/// The build commands that this process ran, with their results.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    ran: Mutex<HashMap<String, Arc<Run>>>,
}

type Run = OnceCell<Result<(), Arc<BuildError>>>;

/// A build command did not succeed.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error("its build command cannot be started")]
    Start(#[source] io::Error),
    #[error("the output of its build command cannot be read")]
    Output(#[source] io::Error),
    #[error("its build command {how}{}", shown(last_lines))]
    Failed {
        /// `exited with code 101`.
        how: String,
        last_lines: Vec<String>,
    },
}

impl Builds {
    /// Runs `command` in `root`, unless it ran already: then its result is the one of that time.
    pub(crate) async fn run(
        &self,
        root: &Path,
        command: &str,
        output: &dyn OutputSink,
    ) -> Result<(), Arc<BuildError>> {
        let ran = {
            let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ran.entry(command.to_owned()).or_default())
        };
        ran.get_or_init(|| async { run(root, command, output).await.map_err(Arc::new) })
            .await
            .clone()
    }
}

/// The arguments of `sh`.
fn shell_args(command: &str) -> [OsString; 2] {
    ["-c".into(), command.into()]
}

/// The command stays in the process group of `seaway`, so that Ctrl-C ends both.
async fn run(root: &Path, command: &str, output: &dyn OutputSink) -> Result<(), BuildError> {
    let mut child = Command::new("sh")
        .args(shell_args(command))
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(BuildError::Start)?;
    let mut last_lines = VecDeque::new();
    let status = follow(&mut child, |line| {
        output.line(&line);
        if last_lines.len() == SHOWN {
            last_lines.pop_front();
        }
        last_lines.push_back(line);
    })
    .await
    .map_err(BuildError::Output)?;
    if status.success() {
        return Ok(());
    }
    Err(BuildError::Failed {
        how: how(status),
        last_lines: last_lines.into(),
    })
}

/// Hands out every line of both streams and waits for the end.
async fn follow(child: &mut Child, mut tell: impl FnMut(String)) -> io::Result<ExitStatus> {
    let missing = || io::Error::other("a stream is not connected");
    let mut out = Lines::new(child.stdout.take().ok_or_else(missing)?);
    let mut err = Lines::new(child.stderr.take().ok_or_else(missing)?);
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        let line = tokio::select! {
            line = out.next(), if !out.is_done() => line?,
            line = err.next(), if !err.is_done() => line?,
            status = child.wait(), if ended.is_none() => {
                ended = Some((status?, Instant::now() + LINGER));
                None
            }
            () = until(ended.map(|(_, end)| end)), if ended.is_some() => {
                out.abandon();
                err.abandon();
                None
            }
        };
        if let Some(line) = line {
            tell(line);
        }
        match ended {
            Some((status, _)) if out.is_done() && err.is_done() => return Ok(status),
            _ => {}
        }
    }
}

async fn until(end: Option<Instant>) {
    if let Some(end) = end {
        tokio::time::sleep_until(end).await;
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

fn shown(last_lines: &[String]) -> String {
    if last_lines.is_empty() {
        return " and wrote nothing".to_owned();
    }
    let lines = last_lines.iter().map(|line| format!("\n  {line}"));
    format!("; its last lines:{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl OutputSink for Heard {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    impl Heard {
        fn lines(&self) -> Vec<String> {
            let mut lines = self.0.lock().unwrap().clone();
            lines.sort();
            lines
        }
    }

    #[test]
    fn the_command_is_one_argument_of_the_shell() {
        assert_eq!(
            shell_args("make && echo \"$X\""),
            ["-c", "make && echo \"$X\""]
        );
    }

    #[tokio::test]
    async fn both_streams_are_heard_and_the_command_runs_in_the_root() {
        let root = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let command = "echo out; echo err >&2; touch made; printf end";
        run(root.path(), command, &heard).await.unwrap();
        assert_eq!(heard.lines(), ["end", "err", "out"]);
        assert!(root.path().join("made").exists());
    }

    #[tokio::test]
    async fn a_failure_shows_how_it_ended_and_the_last_lines() {
        let root = tempfile::tempdir().unwrap();
        let command = "seq 1 50; exit 3";
        let error = run(root.path(), command, &Heard::default()).await;
        let text = error.unwrap_err().to_string();
        let start = "its build command exited with code 3; its last lines:\n  31\n  32\n";
        assert!(text.starts_with(start), "{text}");
        assert!(text.ends_with("\n  50"), "{text}");

        let error = run(root.path(), "kill -9 $$", &Heard::default()).await;
        let text = error.unwrap_err().to_string();
        assert_eq!(
            text,
            "its build command was ended by signal 9 and wrote nothing"
        );
    }

    #[tokio::test]
    async fn a_process_left_behind_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let began = std::time::Instant::now();
        let command = "sleep 20 & echo $! > pid; echo done";
        run(root.path(), command, &heard).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(heard.lines(), ["done"]);
        let pid = std::fs::read_to_string(root.path().join("pid")).unwrap();
        let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn a_shared_command_runs_once_whether_it_succeeds_or_not() {
        let root = tempfile::tempdir().unwrap();
        let builds = Builds::default();
        for (command, code) in [("echo x >> good", true), ("echo x >> bad; false", false)] {
            let heard = Heard::default();
            let (one, other) = tokio::join!(
                builds.run(root.path(), command, &heard),
                builds.run(root.path(), command, &heard),
            );
            assert_eq!((one.is_ok(), other.is_ok()), (code, code));
        }
        for file in ["good", "bad"] {
            let text = std::fs::read_to_string(root.path().join(file)).unwrap();
            assert_eq!(text, "x\n", "{file}");
        }
    }
}
