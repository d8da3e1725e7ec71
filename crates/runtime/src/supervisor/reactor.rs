//! The one place where the supervisor waits.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::SupervisorError;
use super::connection::Connection;
use super::state::{Key, State};
use crate::logs::Stream;
use crate::protocol::SOCKET_NAME;
use crate::socket;

/// How often the directory is looked for.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long tasks get to stop when nobody is left to say.
const LAST_TIMEOUT: Duration = Duration::from_secs(10);

/// Something that became ready.
#[derive(Clone, Copy, Debug)]
enum Source {
    Signals,
    Listener,
    Connection(u64),
    Control(Key),
    Output(Key, Stream),
}

pub(super) struct Reactor {
    directory: PathBuf,
    /// Device and inode: another directory at the same path is not this one.
    identity: (u64, u64),
    state: State,
    signals: SignalFd,
    listener: UnixListener,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
}

impl Reactor {
    /// Listens from now on.
    pub(super) fn new(directory: PathBuf, state: State) -> Result<Self, SupervisorError> {
        let signals = signals().map_err(|errno| SupervisorError::Process {
            what: "signals",
            source: errno.into(),
        })?;
        let path = directory.join(SOCKET_NAME);
        let listener = listen(&path).map_err(|source| SupervisorError::Listen { path, source })?;
        let identity = fs::metadata(&directory).map(|found| (found.dev(), found.ino()));
        let identity = identity.map_err(|source| SupervisorError::Directory {
            directory: directory.clone(),
            source,
        })?;
        Ok(Self {
            directory,
            identity,
            state,
            signals,
            listener,
            connections: BTreeMap::new(),
            next_connection: 0,
        })
    }

    pub(super) fn run(mut self) -> Result<(), SupervisorError> {
        let mut heartbeat = Instant::now() + HEARTBEAT;
        loop {
            let due = self.state.tick(Instant::now());
            self.serve_listeners();
            if self.state.shutting_down && self.state.processes.is_empty() {
                break;
            }
            let wake = due.map_or(heartbeat, |due| due.min(heartbeat));
            for source in self.wait(wake)? {
                self.handle(source);
            }
            if Instant::now() >= heartbeat {
                heartbeat = Instant::now() + HEARTBEAT;
                if !self.state.shutting_down && self.has_vanished() {
                    tracing::warn!(directory = %self.directory.display(), "the directory is gone");
                    self.state.shut_down(LAST_TIMEOUT);
                }
            }
        }
        self.state.memory.remove();
        if !self.has_vanished() {
            // If it stays, the next supervisor replaces it.
            let _ = fs::remove_file(self.directory.join(SOCKET_NAME));
        }
        Ok(())
    }

    /// Waits until something is ready, or until `wake`.
    fn wait(&self, wake: Instant) -> Result<Vec<Source>, SupervisorError> {
        let read = PollFlags::POLLIN;
        let mut sources = vec![Source::Signals, Source::Listener];
        let mut polled = vec![
            PollFd::new(self.signals.as_fd(), read),
            PollFd::new(self.listener.as_fd(), read),
        ];
        for (id, connection) in &self.connections {
            sources.push(Source::Connection(*id));
            polled.push(PollFd::new(connection.descriptor(), connection.interest()));
        }
        for (key, process) in &self.state.processes {
            if let Some(control) = process.control() {
                sources.push(Source::Control(*key));
                polled.push(PollFd::new(control, read));
            }
            for stream in Stream::ALL {
                if let Some(output) = process.output(stream) {
                    sources.push(Source::Output(*key, stream));
                    polled.push(PollFd::new(output, read));
                }
            }
        }
        match poll(&mut polled, timeout(wake)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(SupervisorError::Poll(errno.into())),
        }
        let ready = polled.iter().map(|polled| polled.any().unwrap_or(true));
        Ok(sources
            .into_iter()
            .zip(ready)
            .filter_map(|(s, ready)| ready.then_some(s))
            .collect())
    }

    fn handle(&mut self, source: Source) {
        match source {
            Source::Signals => self.take_signals(),
            Source::Listener => self.accept(),
            Source::Connection(id) => {
                if let Some(connection) = self.connections.get_mut(&id)
                    && !connection.proceed(&mut self.state)
                {
                    self.connections.remove(&id);
                }
            }
            Source::Control(key) => self.state.read_control(key),
            Source::Output(key, stream) => self.state.read_output(key, stream),
        }
    }

    fn take_signals(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            // The other blocked signals come from terminals, which are no business of this one.
            if i32::try_from(info.ssi_signo) == Ok(Signal::SIGTERM as i32) {
                self.state.shut_down(LAST_TIMEOUT);
            }
        }
        self.state.reap();
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    return;
                }
            };
            match Connection::accept(stream) {
                Ok(Some(connection)) => {
                    self.next_connection += 1;
                    self.connections.insert(self.next_connection, connection);
                }
                Ok(None) => tracing::warn!("another user tried to connect"),
                Err(error) => tracing::warn!(%error, "a connection cannot be used"),
            }
        }
    }

    /// Hands new events to whoever listens, and keeps the journal within its bounds.
    fn serve_listeners(&mut self) {
        let state = &mut self.state;
        self.connections
            .retain(|_, connection| connection.turn(state));
        match state.journal.shorten() {
            Ok(0) => {}
            Ok(cut) => {
                let first = state.journal.first_place();
                self.connections
                    .retain(|_, connection| connection.journal_moved(cut, first));
            }
            Err(error) => tracing::error!(%error, "the journal cannot be shortened"),
        }
    }

    fn has_vanished(&self) -> bool {
        match fs::metadata(&self.directory) {
            Ok(found) => (found.dev(), found.ino()) != self.identity,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Signals arrive through a descriptor instead of interrupting.
fn signals() -> nix::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
    ] {
        set.add(signal);
    }
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

fn listen(path: &std::path::Path) -> io::Result<UnixListener> {
    // The lock is held: whoever made it is gone.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = socket::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn timeout(wake: Instant) -> PollTimeout {
    // Rounded up: waking too early would only mean to wait again.
    let left = wake.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}
