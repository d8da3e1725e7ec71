//! Questions on a terminal, each answered by a line.

use std::io::{self, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Bytes of a line that a terminal takes whole; more may be lost (4095 on Linux, with its end).
pub(crate) const LONGEST: usize = 4093;

/// One line of standard input, with its end.
///
/// Read on a thread of its own, which is left behind when nobody waits for the answer any more: a
/// read cannot be broken off, and a runtime would wait for it at its end.
///
/// # Errors
/// When standard input cannot be read.
pub(crate) async fn line() -> io::Result<String> {
    let (sender, receiver) = oneshot::channel();
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line)
    };
    std::thread::Builder::new().spawn(move || {
        let _nobody_waits = sender.send(read());
    })?;
    receiver
        .await
        .unwrap_or_else(|gone| Err(io::Error::other(gone)))
}

/// A line that is not shown while it is typed, without its end; none after Ctrl-C.
///
/// # Errors
/// When standard input is no terminal, or cannot be read.
pub(crate) async fn hidden(question: &str) -> io::Result<Option<String>> {
    // Both before the question: who answers at once is neither shown nor killed half-way.
    let mut signals = signal(SignalKind::interrupt())?;
    let _unseen = Unseen::begin()?;
    let mut messages = io::stderr();
    write!(messages, "{question}")?;
    messages.flush()?;
    let answer = tokio::select! {
        line = line() => Some(line?),
        _ = signals.recv() => None,
    };
    // The end of the line was not shown either.
    writeln!(messages)?;
    Ok(answer.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed, until this goes out of scope.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut settings = before.clone();
        settings.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &settings)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Where it cannot be set, there is no terminal any more.
        let _no_terminal = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
