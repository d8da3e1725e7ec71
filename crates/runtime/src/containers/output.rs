//! Moves what a container prints from the engine into the task's log.
//!
//! Each record of the log has the time at which the engine took it in, to the nanosecond: whoever
//! comes next goes on after the last one.

use std::sync::Arc;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::labels::Part;
use super::member::Output;
use super::shared::Shared;
use crate::logs::{LogWriter, Stream, last_time};
use crate::task::ContainerName;

/// Between two attempts to go on with an output that broke off.
const AGAIN: Duration = Duration::from_millis(200);

/// Begins to copy. The job is done when the container has ended and everything is in the log.
pub(super) fn copy(
    shared: &Arc<Shared>,
    container: String,
    name: ContainerName,
    part: Part,
) -> Output {
    let (done, is_done) = oneshot::channel();
    let shared = Arc::clone(shared);
    let job = tokio::spawn(async move {
        let copied = Copying::begin(container, &name, &part);
        match copied {
            Ok(mut copying) => copying.run(&shared).await,
            Err(error) => tracing::error!(%name, %error, "the log cannot be written"),
        }
        let _ = done.send(());
    });
    Output {
        done: is_done,
        job: job.abort_handle(),
    }
}

struct Copying {
    container: String,
    log: LogWriter,
    scratch: Vec<u8>,
    last: Option<Timestamp>,
}

/// Why one connection for the output ended.
enum Ended {
    /// There will be no more.
    Finished,
    Broken(bollard::errors::Error),
}

impl Copying {
    fn begin(container: String, name: &ContainerName, part: &Part) -> std::io::Result<Self> {
        let last = last_time(&part.log_dir, name)?;
        Ok(Self {
            container,
            log: LogWriter::open(&part.log_dir, name, part.log_limits)?,
            scratch: Vec::new(),
            last,
        })
    }

    async fn run(&mut self, shared: &Shared) {
        while let Ended::Broken(error) = self.follow(shared).await {
            let container = &self.container;
            match shared.docker.inspect_container(container, None).await {
                Ok(_) => tracing::debug!(%container, %error, "the output goes on"),
                Err(error) => {
                    tracing::debug!(%container, %error, "the output ends with its container");
                    break;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
        if let Err(error) = self.log.finish(&mut self.scratch) {
            tracing::error!(container = self.container, %error, "output is lost");
        }
    }

    async fn follow(&mut self, shared: &Shared) -> Ended {
        let since = self.last.map_or(0, Timestamp::as_second);
        let options = LogsOptionsBuilder::default()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(i32::try_from(since).unwrap_or_default())
            .build();
        let mut output = std::pin::pin!(shared.docker.logs(&self.container, Some(options)));
        // Records of the second that is asked for again are there already.
        let known = self.last;
        while let Some(piece) = output.next().await {
            match piece {
                Ok(LogOutput::StdErr { message }) => self.take(Stream::Stderr, &message, known),
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    self.take(Stream::Stdout, &message, known);
                }
                Ok(LogOutput::StdIn { .. }) => {}
                Err(error) => return Ended::Broken(error),
            }
        }
        Ended::Finished
    }

    fn take(&mut self, stream: Stream, message: &[u8], known: Option<Timestamp>) {
        let Some((at, text)) = dated(message) else {
            return;
        };
        if known.is_some_and(|known| at <= known) {
            return;
        }
        self.last = Some(at);
        if let Err(error) = self.log.append_at(at, stream, text, &mut self.scratch) {
            tracing::error!(container = self.container, %error, "output is lost");
        }
    }
}

/// A record of the engine: its time, a space, what was printed.
fn dated(message: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = message.iter().position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&message[..end]).ok()?.parse().ok()?;
    Some((at, &message[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_engine_is_taken_apart() {
        let (at, text) = dated(b"2026-11-21T12:48:29.617543068Z a \xff line\n").unwrap();
        assert_eq!(at.as_nanosecond() % 1_000_000_000, 617_543_068);
        assert_eq!(text, b"a \xff line\n");
        assert_eq!(dated(b"2026-11-21T12:48:29Z ").unwrap().1, b"");
        assert!(dated(b"no time").is_none());
    }
}
