//! Running the binary: with deadlines, with both streams read to their ends, and killable.

use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::shown::Shown;

/// No command of these tests takes longer on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    command: String,
}

struct Stream {
    read: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Running {
    /// Starts `command` with `input` as its standard input.
    pub(crate) fn start(mut command: Command, input: &[u8]) -> Self {
        let mut words = vec![command.get_program().to_owned()];
        words.extend(command.get_args().map(OsString::from));
        let words: Vec<_> = words
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be started");
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is no failure.
            drop(stdin.write_all(input));
        }
        let stdout = Stream::of(child.stdout.take());
        let stderr = Stream::of(child.stderr.take());
        Self {
            child,
            stdout,
            stderr,
            command: words.join(" "),
        }
    }

    /// Waits for the end. Both streams must end with the command: nothing that it left in the
    /// background may hold them.
    #[track_caller]
    pub(crate) fn end(mut self) -> Shown {
        let ended =
            self.until(|running| running.child.try_wait().expect("the command is waited for"));
        let (true, status) = (ended.is_some(), ended) else {
            drop(self.child.kill());
            panic!(
                "`{}` does not end; standard error so far:\n{}",
                self.command,
                self.stderr.text()
            );
        };
        let closed = self.until(|running| {
            (running.stdout.reader.is_finished() && running.stderr.reader.is_finished())
                .then_some(())
        });
        assert!(
            closed.is_some(),
            "something holds the streams of `{}`",
            self.command
        );
        Shown {
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.bytes(),
            stderr: self.stderr.bytes(),
            command: self.command,
        }
    }

    /// Waits until standard error has `text`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let found = self.until(|running| {
            let found = running.stderr.text().contains(text);
            let ended = running
                .child
                .try_wait()
                .is_ok_and(|status| status.is_some());
            (found || ended).then_some(found)
        });
        assert!(
            found == Some(true) || self.stderr.text().contains(text),
            "`{}` never says {text:?}; standard error:\n{}",
            self.command,
            self.stderr.text()
        );
    }

    /// Standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, signal).expect("the command is there");
    }

    fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return Some(found);
            }
            if began.elapsed() > DEADLINE {
                return None;
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Stream {
    fn of(source: Option<impl Read + Send + 'static>) -> Self {
        let read = Arc::new(Mutex::new(vec![]));
        let target = Arc::clone(&read);
        let reader = thread::spawn(move || {
            let Some(mut source) = source else { return };
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                let mut read = target.lock().unwrap_or_else(PoisonError::into_inner);
                read.extend_from_slice(&buffer[..count]);
            }
        });
        Self { read, reader }
    }

    fn bytes(&self) -> Vec<u8> {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}
