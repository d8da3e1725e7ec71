//! A project of one test: its directory, its home, its platform.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::fixture;
use crate::process::Running;
use crate::shown::Shown;

/// One public service and the job before it.
pub(crate) const WEB: &str = r#"
[project]
name = "tiny"

[services.web]
path    = "."
image   = { bundle = ["service", "greeting"] }
command = ["./service"]
port    = 8000
count   = 1
route   = { path = "/*" }
health  = { path = "/health", interval = "5s", timeout = "2s", grace = "10s" }
drain   = "0s"
env     = { VERSION = "1" }

[environments.local]
platform = "local"
"#;

/// The same with a job before the service.
pub(crate) fn with_migration() -> String {
    let web = WEB.replace("drain   =", "before  = [\"migrate\"]\ndrain   =");
    format!("{web}\n[jobs.migrate]\nservice = \"web\"\ncommand = [\"./service\", \"migrate\"]\n")
}

/// A project whose platform is stopped when it goes out of scope.
pub(crate) struct Project {
    directory: TempDir,
    /// Everything that any command showed.
    shown: Mutex<Vec<Shown>>,
}

impl Project {
    /// A project with this manifest, the fixture and a greeting.
    pub(crate) fn new(manifest: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("seaway-e2e-")
            .tempdir()
            .expect("there is room for a temporary directory");
        let project = Self {
            directory,
            shown: Mutex::default(),
        };
        fs::create_dir(project.root()).expect("a new directory");
        fixture::place(&project.root());
        project.write("greeting", "hello\n");
        project.write("seaway.toml", manifest);
        project
    }

    /// The directory of the manifest.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root().join(".seaway")
    }

    /// Where keys are kept.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).expect("the project can be written");
    }

    /// Replaces a piece of the manifest, which must be there.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.root().join("seaway.toml");
        let text = fs::read_to_string(&path).expect("the manifest can be read");
        assert!(text.contains(from), "the manifest has no {from:?}:\n{text}");
        self.write("seaway.toml", &text.replacen(from, to, 1));
    }

    /// Runs `seaway` to its end.
    #[track_caller]
    pub(crate) fn seaway(&self, words: &[&str]) -> Shown {
        self.seaway_with(words, "")
    }

    /// The same with `input` as standard input.
    #[track_caller]
    pub(crate) fn seaway_with(&self, words: &[&str], input: &str) -> Shown {
        let shown = Running::start(self.command(words), input.as_bytes()).end();
        self.remember(&shown);
        shown
    }

    /// Starts `seaway` and lets it run.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        Running::start(self.command(words), b"")
    }

    /// `seaway` with its words and nothing of the tester's environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaway"));
        self.isolate(&mut command);
        command.args(words);
        command
    }

    /// Gives a command this project's directory and home.
    pub(crate) fn isolate(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            .env("XDG_DATA_HOME", self.data())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(self.root());
    }

    /// Keeps what a command showed for [`Project::everything_shown`].
    pub(crate) fn remember(&self, shown: &Shown) {
        self.shown
            .lock()
            .expect("no command panicked")
            .push(shown.clone());
    }

    pub(crate) fn everything_shown(&self) -> Vec<Shown> {
        self.shown.lock().expect("no command panicked").clone()
    }

    /// The public address.
    #[track_caller]
    pub(crate) fn url(&self) -> String {
        let status = self
            .seaway(&["status", "local", "--output", "json"])
            .with_code(0)
            .json();
        let addresses = status["addresses"].as_array().cloned().unwrap_or_default();
        let public = addresses
            .iter()
            .find(|address| address["scheme"] == "internet-facing");
        let url = public.and_then(|address| address["url"].as_str());
        url.unwrap_or_else(|| panic!("no public address in {status:#}"))
            .to_owned()
    }

    /// The platform's process.
    pub(crate) fn platform(&self) -> Pid {
        let status = self.seaway(&["local", "status", "--output", "json"]);
        let pid = status.with_code(0).json()["pid"].as_i64();
        let pid = pid.and_then(|pid| pid.try_into().ok());
        Pid::from_raw(pid.expect("a process id"))
    }

    /// The body that the public address answers `path` with, whatever the status.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.url(), path)
    }

    /// Ids of the processes that belong to this project: platform, supervisor, tasks.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let own = self.directory.path().as_os_str().as_encoded_bytes();
        let mentions = |path: PathBuf| {
            fs::read(path).is_ok_and(|bytes| bytes.windows(own.len()).any(|window| window == own))
        };
        fs::read_dir("/proc")
            .expect("/proc is mounted")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                let process = Path::new("/proc").join(pid.to_string());
                mentions(process.join("cmdline")) || mentions(process.join("environ"))
            })
            .collect()
    }

    /// Whether all of them end within a while.
    pub(crate) fn ends(&self) -> bool {
        eventually(|| self.processes().is_empty())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if thread::panicking()
            && let Ok(log) = fs::read_to_string(self.state().join("platform.log"))
        {
            println!("--- the platform's log\n{log}");
        }
        if self.state().exists() {
            drop(self.command(&["local", "stop"]).output());
        }
        let left = if self.ends() {
            vec![]
        } else {
            self.processes()
        };
        for pid in &left {
            // Gone meanwhile: just as well.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        assert!(
            left.is_empty() || thread::panicking(),
            "left behind: {left:?}"
        );
    }
}

/// Looks every now and then, for at most ten seconds.
pub(crate) fn eventually(mut look: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if look() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The body of one plain GET.
#[track_caller]
pub(crate) fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("the address answers");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("the request can be sent");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer in UTF-8");
    answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or(answer)
}
