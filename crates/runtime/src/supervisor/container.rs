//! One container's process: from the launcher to the last byte of its output.

use std::ffi::OsString;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};

use crate::event::{ExitStatus, StartFailure, StartFailureReason};
use crate::files::create_private_dir;
use crate::launch::{LaunchPlan, LaunchReport, OpenFileLimit};
use crate::logs::{LogWriter, Stream};
use crate::memory::{MemoryControl, MemoryGroup};
use crate::process::{ProcessIdentity, ProcessTable, home_of};
use crate::task::{ContainerName, ContainerSpec, Environment, MemoryLimit, TaskId, TaskSpec};

/// What every process gets as `PATH` unless its environment declares one: that of most images.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A launcher that does not take its plan within this time is given up.
const PLAN_PATIENCE: Duration = Duration::from_secs(5);

/// At most this much output of one container is read before others get their turn.
const TURN: usize = 1024 * 1024;

/// The longest name of a control group; longer ones are hashed.
const GROUP_NAME_LIMIT: usize = 200;

/// What a container is started with.
pub(super) struct Start<'a> {
    pub(super) arguments: &'a [OsString],
    pub(super) task: &'a TaskSpec,
    pub(super) container: &'a ContainerSpec,
    pub(super) home: &'a Path,
    pub(super) memory: &'a MemoryControl,
    pub(super) open_files: OpenFileLimit,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) task: TaskId,
    pub(super) container: ContainerName,
    pub(super) identity: ProcessIdentity,
    pub(super) group: MemoryGroup,
    pub(super) limit: Option<MemoryLimit>,
    /// When the processes that are left are killed.
    pub(super) deadline: Option<Instant>,
    /// Set once the process itself has ended; others may be left.
    pub(super) ended: Option<(ExitStatus, Instant)>,
    /// It was killed here for its use of memory.
    pub(super) exceeded: bool,
    pub(super) announced: bool,
    child: Child,
    home: PathBuf,
    /// Until it is handed over; holds secret values.
    plan: Option<LaunchPlan>,
    control: Option<UnixStream>,
    reported: Vec<u8>,
    pipes: [Option<PipeReader>; 2],
    log: LogWriter,
}

/// What the launcher has said so far.
#[derive(Debug)]
pub(super) enum Launched {
    /// The plan is being carried out.
    NotYet,
    Executed,
    Failed(StartFailure),
    /// It ended without a word: killed, or broken.
    Silent,
}

impl Process {
    /// Starts the launcher, which waits for its plan.
    pub(super) fn spawn(start: &Start<'_>) -> Result<Self, StartFailure> {
        let container = start.container;
        for volume in &container.volumes {
            create_private_dir(&volume.host_path).map_err(|error| {
                system(
                    &format!("cannot create the volume {}", volume.host_path.display()),
                    &error,
                )
            })?;
        }
        let log = LogWriter::open(&start.task.log_dir, &container.name, start.task.log_limits)
            .map_err(|error| system("cannot open the log", &error))?;
        let group = start
            .memory
            .group(
                &group_name(&start.task.id, &container.name),
                container.memory,
                container.cpu,
            )
            .map_err(|error| {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                StartFailure {
                    reason: StartFailureReason::MemoryLimit,
                    message: format!("{error}: {}", source.unwrap_or_default()),
                }
            })?;
        match spawn_launcher(start.arguments) {
            Ok(launcher) => Ok(Self {
                task: start.task.id.clone(),
                container: container.name.clone(),
                identity: launcher.identity,
                plan: Some(plan(start, &group)),
                group,
                limit: container.memory,
                deadline: None,
                ended: None,
                exceeded: false,
                announced: false,
                child: launcher.child,
                home: start.home.to_owned(),
                control: Some(launcher.control),
                reported: Vec::new(),
                pipes: launcher.pipes.map(Some),
                log,
            }),
            Err(error) => {
                if let MemoryGroup::Counted(group) = &group {
                    group.remove();
                }
                Err(system("cannot start a process", &error))
            }
        }
    }

    /// Hands the launcher its plan. To be called once the process is on record: from here on it
    /// may start others.
    pub(super) fn proceed(&mut self) -> io::Result<()> {
        let (Some(control), Some(plan)) = (&mut self.control, self.plan.take()) else {
            return Ok(());
        };
        let line = crate::protocol::frame(&plan)?;
        control.set_write_timeout(Some(PLAN_PATIENCE))?;
        control.write_all(&line)?;
        control.set_nonblocking(true)
    }

    /// Where to wait for something to read.
    pub(super) fn control(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn output(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        self.pipes[stream as usize].as_ref().map(AsFd::as_fd)
    }

    /// Takes in what the launcher said.
    pub(super) fn read_control(&mut self) {
        let Some(control) = &mut self.control else {
            return;
        };
        let mut buffer = [0; 1024];
        loop {
            match control.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.reported.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Reset: it died with a part of its plan unread.
                Err(_) => break,
            }
        }
        self.control = None;
    }

    pub(super) fn launched(&self) -> Launched {
        if self.control.is_some() {
            return Launched::NotYet;
        }
        let last = self
            .reported
            .split(|byte| *byte == b'\n')
            .rfind(|line| !line.is_empty());
        match last.and_then(|line| serde_json::from_slice(line).ok()) {
            Some(LaunchReport::Executing) => Launched::Executed,
            Some(LaunchReport::Failed(failure)) => Launched::Failed(failure),
            None => Launched::Silent,
        }
    }

    /// Moves what the process printed into its log, as long as there is some and it is its turn.
    pub(super) fn read_output(&mut self, stream: Stream, chunk: &mut [u8], scratch: &mut Vec<u8>) {
        let mut taken = 0;
        while taken < TURN
            && let Some(pipe) = &mut self.pipes[stream as usize]
        {
            match pipe.read(chunk) {
                Ok(0) => self.pipes[stream as usize] = None,
                Ok(length) => {
                    taken += length;
                    if let Err(error) = self.log.append(stream, &chunk[..length], scratch) {
                        tracing::error!(task = %self.task, %error, "output is lost");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipes[stream as usize] = None,
            }
        }
    }

    /// Whether nobody can print any more, and everything printed has been read.
    pub(super) fn is_drained(&self) -> bool {
        self.pipes.iter().all(Option::is_none)
    }

    pub(super) fn finish_log(&mut self, scratch: &mut Vec<u8>) {
        if let Err(error) = self.log.finish(scratch) {
            tracing::error!(task = %self.task, %error, "output is lost");
        }
    }

    /// Sends a signal to the group of the process.
    pub(super) fn signal_group(&self, signal: Signal) {
        if self.ended.is_some() {
            // Its number may belong to somebody else by now.
            return;
        }
        let leader = Pid::from_raw(self.identity.pid);
        if killpg(leader, signal) == Err(Errno::ESRCH) {
            // The launcher has not opened its session yet. Not collected, so it is still itself.
            let _ = kill(leader, signal);
        }
    }

    /// Kills whatever belongs to the container.
    pub(super) fn kill_all(&self, members: &[ProcessIdentity]) {
        self.signal_group(Signal::SIGKILL);
        for member in members {
            if let Err(error) = member.signal(Signal::SIGKILL) {
                tracing::warn!(pid = member.pid, %error, "a process cannot be killed");
            }
        }
    }

    /// Collects the process, which has ended. The group is killed while its number is still taken,
    /// as a container ends with its first process.
    pub(super) fn collect(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.signal_group(Signal::SIGKILL);
        let status = match self.child.try_wait() {
            Ok(None) => return,
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => ExitStatus::Code(code),
                (None, Some(signal)) => ExitStatus::Signal(signal),
                (None, None) => ExitStatus::SupervisorLost,
            },
            Err(error) => {
                tracing::error!(pid = self.identity.pid, %error, "the exit status is lost");
                ExitStatus::SupervisorLost
            }
        };
        self.ended = Some((status, Instant::now()));
    }

    /// The living processes of the container.
    pub(super) fn members(&self, table: &ProcessTable, leaders: &[i32]) -> Vec<ProcessIdentity> {
        let mut members = table.session(self.identity);
        let me = Pid::this().as_raw();
        // Left session and parent: it became a child of this process, and only its home tells.
        let strays: Vec<_> = table
            .children(me)
            .into_iter()
            .filter(|child| !leaders.contains(&child.pid))
            .filter(|child| home_of(child.pid).as_deref() == Some(self.home.as_path()))
            .collect();
        let mut roots = members.clone();
        roots.push(self.identity);
        roots.extend(&strays);
        members.extend(strays);
        for descendant in table.descendants(&roots) {
            if !members.contains(&descendant) {
                members.push(descendant);
            }
        }
        members
    }
}

fn plan(start: &Start<'_>, group: &MemoryGroup) -> LaunchPlan {
    LaunchPlan {
        supervisor: Pid::this().as_raw(),
        root: start
            .container
            .root
            .directory()
            .cloned()
            .unwrap_or_default(),
        workdir: start.container.workdir.clone(),
        argv: start.container.argv.clone(),
        env: environment(start),
        control_group: match group {
            MemoryGroup::Counted(group) => Some(group.join_file()),
            MemoryGroup::Sampled(_) => None,
        },
        open_files: start.open_files,
    }
}

struct Launcher {
    child: Child,
    identity: ProcessIdentity,
    control: UnixStream,
    pipes: [PipeReader; 2],
}

fn spawn_launcher(arguments: &[OsString]) -> io::Result<Launcher> {
    let (control, theirs) = UnixStream::pair()?;
    let (stdout, stdout_end) = io::pipe()?;
    let (stderr, stderr_end) = io::pipe()?;
    for pipe in [&stdout, &stderr] {
        fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    // Not the path of the binary: another version may have been put there.
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(stdout_end)
        .stderr(stderr_end)
        .spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    match ProcessIdentity::of(pid) {
        Ok(identity) => Ok(Launcher {
            child,
            identity,
            control,
            pipes: [stdout, stderr],
        }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

/// The declared variables, and those every process gets.
fn environment(start: &Start<'_>) -> Environment {
    let container = start.container;
    let mut variables = vec![
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOME".to_owned(), start.home.to_string_lossy().into_owned()),
    ];
    let declared = |name: &str| container.env.names().any(|declared| declared == name);
    variables.retain(|(name, _)| !declared(name));
    variables.extend(
        container
            .env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    if let Some(port) = container.port {
        // Chosen by the platform: the one number that works on this machine.
        variables.retain(|(name, _)| name != "PORT");
        variables.push(("PORT".to_owned(), port.to_string()));
    }
    for volume in &container.volumes {
        variables.push((
            volume.variable(),
            volume.host_path.to_string_lossy().into_owned(),
        ));
    }
    Environment::new(variables)
}

fn group_name(task: &TaskId, container: &ContainerName) -> String {
    let name = format!("{task}-{container}");
    if name.len() <= GROUP_NAME_LIMIT {
        return name;
    }
    format!("task-{}", hex::encode(Sha256::digest(name)))
}

fn system(what: &str, error: &io::Error) -> StartFailure {
    StartFailure {
        reason: StartFailureReason::System,
        message: format!("{what}: {error}"),
    }
}
