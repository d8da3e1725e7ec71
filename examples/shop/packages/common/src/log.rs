//! Log lines: one event a line on standard output, `LEVEL message key=value`.
//!
//! The platform adds the time and the task. A reader that went away must not end the service, so
//! a line that cannot be written is dropped.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static MUTED: AtomicBool = AtomicBool::new(false);

/// Writes nothing from now on: for services that run inside a test.
pub fn mute() {
    MUTED.store(true, Ordering::Relaxed);
}

/// Something that went as it should.
pub fn info(message: impl Display) {
    write("INFO", &message);
}

/// Something that was noticed and survived.
pub fn warn(message: impl Display) {
    write("WARN", &message);
}

/// Something that failed, with the chain of its causes.
pub fn error(message: impl Display, cause: &(dyn Error + 'static)) {
    write("ERROR", &format_args!("{message}: {}", chain(cause)));
}

/// An error and its sources in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

fn write(level: &str, message: &dyn Display) {
    if MUTED.load(Ordering::Relaxed) {
        return;
    }
    // One write per line, so that lines of several threads never mix.
    let line = format!("{level} {message}\n");
    let mut out = std::io::stdout().lock();
    drop(out.write_all(line.as_bytes()).and_then(|()| out.flush()));
}
