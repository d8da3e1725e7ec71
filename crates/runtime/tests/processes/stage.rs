//! A directory with an image and a supervisor, gone without a trace when the test ends.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use seaway_runtime::client::{Events, Supervisor, SupervisorLaunch};
use seaway_runtime::event::{Event, EventCursor, EventKind, Exit, StartFailure};
use seaway_runtime::logs::{LogCursor, LogReader, Stream};
use seaway_runtime::task::{
    ContainerName, ContainerSpec, Environment, LogLimits, Root, StopSignal, TaskId, TaskSpec,
};

/// Far longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    temp: tempfile::TempDir,
    directory: PathBuf,
    sub_command: &'static str,
    ignored: Option<&'static str>,
    supervisors: RefCell<BTreeSet<u32>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(crate::SUPERVISOR)
    }

    pub(crate) fn sampling() -> Self {
        Self::with(crate::SAMPLING_SUPERVISOR)
    }

    fn with(sub_command: &'static str) -> Self {
        let temp = tempfile::Builder::new()
            .prefix("seaway-runtime-")
            .tempdir()
            .unwrap();
        fs::create_dir_all(temp.path().join("image/app")).unwrap();
        let directory = temp.path().join("supervisor");
        Self {
            temp,
            directory,
            sub_command,
            ignored: None,
            supervisors: RefCell::default(),
        }
    }

    /// Moves the supervisor into a deep directory.
    pub(crate) fn deep(mut self) -> Self {
        self.directory = self.temp.path().join("d".repeat(100)).join("e".repeat(100));
        self
    }

    /// Has the supervisor started by somebody who ignores these signals.
    pub(crate) fn ignoring(mut self, signals: &'static str) -> Self {
        self.ignored = Some(signals);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts a file into the image.
    pub(crate) fn file(&self, name: &str, mode: u32, text: &[u8]) {
        let path = self.temp.path().join("image").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn launch(&self) -> SupervisorLaunch {
        let own = std::env::current_exe().unwrap();
        let (executable, arguments) = match self.ignored {
            None => (own, vec![self.sub_command.into()]),
            Some(signals) => {
                let script = format!("trap '' {signals}; exec \"$0\" \"$@\"");
                let arguments = ["-c".into(), script.into(), own.into()];
                let arguments = arguments.into_iter().chain([self.sub_command.into()]);
                ("/bin/sh".into(), arguments.collect())
            }
        };
        SupervisorLaunch {
            directory: self.directory.clone(),
            executable,
            arguments,
        }
    }

    pub(crate) async fn supervisor(&self) -> Supervisor {
        let supervisor = Supervisor::connect_or_start(&self.launch()).await.unwrap();
        self.supervisors.borrow_mut().insert(supervisor.pid());
        supervisor
    }

    /// A task of one container that runs a shell script.
    pub(crate) fn script(&self, id: &str, script: &str) -> TaskSpec {
        self.task(id, &["/bin/sh", "-c", script])
    }

    pub(crate) fn task(&self, id: &str, argv: &[&str]) -> TaskSpec {
        TaskSpec {
            id: TaskId::new(id).unwrap(),
            containers: vec![ContainerSpec {
                name: ContainerName::new("main").unwrap(),
                root: Root::Directory(self.temp.path().join("image")),
                workdir: "/app".to_owned(),
                argv: argv.iter().map(|word| (*word).to_owned()).collect(),
                env: Environment::default(),
                port: None,
                memory: None,
                cpu: None,
                volumes: Vec::new(),
            }],
            log_dir: self.temp.path().join("logs").join(id),
            log_limits: LogLimits::default(),
        }
    }

    /// Everything the container `main` of a task has printed to one stream.
    pub(crate) fn printed(&self, id: &str, stream: Stream) -> Vec<Vec<u8>> {
        let directory = self.temp.path().join("logs").join(id);
        let container = ContainerName::new("main").unwrap();
        let mut reader = LogReader::open(&directory, &container, LogCursor::default());
        let lines = reader.read(usize::MAX).unwrap();
        lines
            .into_iter()
            .filter(|line| line.stream == stream)
            .map(|line| line.bytes)
            .collect()
    }

    pub(crate) fn stdout(&self, id: &str) -> Vec<String> {
        let lines = self.printed(id, Stream::Stdout).into_iter();
        lines.map(|line| String::from_utf8(line).unwrap()).collect()
    }

    /// Waits until the container has printed a line, and returns it.
    pub(crate) async fn line(&self, id: &str, number: usize) -> String {
        eventually(|| self.stdout(id).get(number).cloned()).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for pid in self.supervisors.borrow().iter() {
            let pid = Pid::from_raw(i32::try_from(*pid).unwrap());
            let own = is_alive(pid.as_raw()) && is_ours(pid.as_raw());
            if own && kill(pid, Signal::SIGTERM).is_ok() {
                let begun = Instant::now();
                while is_alive(pid.as_raw()) && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

fn is_ours(pid: i32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).ok() == std::env::current_exe().ok()
}

/// Runs a test's future to its end.
pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "it never came true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(PATIENCE, events.next())
        .await
        .expect("an event in time")
        .unwrap()
}

pub(crate) async fn all_events(supervisor: &Supervisor) -> Events {
    supervisor.events(EventCursor::default()).await.unwrap()
}

/// Starts a task and waits until it has ended.
pub(crate) async fn run_to_end(supervisor: &Supervisor, spec: TaskSpec) -> Exit {
    let id = spec.id.clone();
    let mut events = supervisor
        .events(supervisor.last_event().clone())
        .await
        .unwrap();
    supervisor.start(spec).await.unwrap();
    exit_of(&mut events, &id).await
}

pub(crate) async fn exit_of(events: &mut Events, task: &TaskId) -> Exit {
    loop {
        let event = next(events).await;
        match event.kind {
            EventKind::Exited(exit) if event.task == *task => return exit,
            EventKind::StartFailed(failure) if event.task == *task => panic!("{failure:?}"),
            _ => {}
        }
    }
}

/// Starts a task that must not start, and returns why.
pub(crate) async fn start_failure(supervisor: &Supervisor, spec: TaskSpec) -> StartFailure {
    let mut events = supervisor
        .events(supervisor.last_event().clone())
        .await
        .unwrap();
    let id = spec.id.clone();
    supervisor.start(spec).await.unwrap();
    loop {
        let event = next(&mut events).await;
        match event.kind {
            EventKind::StartFailed(failure) if event.task == id => return failure,
            other if event.task == id => panic!("{other:?}"),
            _ => {}
        }
    }
}

pub(crate) async fn stop(supervisor: &Supervisor, id: &str, timeout: Duration) {
    let task = TaskId::new(id).unwrap();
    supervisor
        .stop(&task, StopSignal::default(), timeout)
        .await
        .unwrap();
}

/// Whether a process exists and has not ended.
pub(crate) fn is_alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat.rsplit(')').next().unwrap().trim_start().chars().next();
    !matches!(state, Some('Z' | 'X') | None)
}
