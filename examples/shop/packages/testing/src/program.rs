//! A service's program as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program, killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    /// What it has written so far.
    seen: Vec<String>,
}

impl Program {
    /// Starts the program on a free port of the loopback, with nothing in its environment but
    /// `variables`.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(path: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(path)
            .args(arguments)
            .env_clear()
            .envs([("HOST", "127.0.0.1"), ("PORT", "0")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Where it listens, once it says so.
    pub fn address(&mut self) -> SocketAddr {
        let line = self.wait_for("listening on ");
        let address = line
            .rsplit(' ')
            .next()
            .and_then(|address| address.parse().ok());
        address.expect("an address at the end of the line")
    }

    /// The first line that has `text` in it.
    ///
    /// # Panics
    /// No such line comes.
    pub fn wait_for(&mut self, text: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line with {text:?} in {:#?}", self.seen)
                }
            }
        }
    }

    /// Everything it has written up to the last line that was waited for.
    pub fn output(&self) -> String {
        self.seen.join("\n")
    }

    /// Sends a signal, such as `TERM`.
    ///
    /// # Panics
    /// The process is gone.
    pub fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -s {name}"
        );
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child of this process")
            .is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                return status;
            }
            assert!(Instant::now() < end, "still running after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The memory it really uses, in KiB.
    ///
    /// # Panics
    /// The process is gone, or the system has no `/proc`.
    pub fn memory_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.expect("a number of kB")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
