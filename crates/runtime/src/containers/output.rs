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
    /// What an earlier connection has copied goes up to here.
    earlier: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The newest second of this connection.
    newest: Newest,
}

/// Records are asked for by the second: how many of it are in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Newest {
    second: Option<i64>,
    records: usize,
}

impl Newest {
    fn count(&mut self, at: Timestamp) {
        let second = Some(at.as_second());
        if second > self.second {
            *self = Self { second, records: 0 };
        }
        self.records += usize::from(second == self.second);
    }
}

/// Records that come again and are in the log: those up to a time, and so many after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    up_to: Option<Timestamp>,
    records: usize,
}

impl Known {
    fn has(&mut self, at: Timestamp) -> bool {
        if self.up_to.is_some_and(|known| at <= known) {
            return true;
        }
        let is_known = self.records > 0;
        self.records = self.records.saturating_sub(1);
        is_known
    }
}

/// Which records of a container are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// All that come, until it ends.
    Following,
    /// What is there beyond the newest.
    Rest,
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
            earlier: last,
            last,
            newest: Newest::default(),
        })
    }

    async fn run(&mut self, shared: &Shared) {
        while let Ended::Broken(error) = self.read(shared, Reading::Following).await {
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
        // Who follows is told of the end before the last words at times (Docker 20.10).
        if let Ended::Broken(error) = self.read(shared, Reading::Rest).await {
            tracing::debug!(container = self.container, %error, "there is no second look");
        }
        if let Err(error) = self.log.finish(&mut self.scratch) {
            tracing::error!(container = self.container, %error, "output is lost");
        }
    }

    async fn read(&mut self, shared: &Shared, reading: Reading) -> Ended {
        // Records of the second that is asked for again are there already.
        let mut known = match reading {
            Reading::Following => Known {
                up_to: self.last,
                records: 0,
            },
            Reading::Rest => Known {
                up_to: self.earlier,
                records: self.newest.records,
            },
        };
        let since = match reading {
            Reading::Following => None,
            Reading::Rest => self.newest.second,
        };
        let since = since.or(known.up_to.map(Timestamp::as_second));
        let options = LogsOptionsBuilder::default()
            .follow(reading == Reading::Following)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(i32::try_from(since.unwrap_or(0)).unwrap_or_default())
            .build();
        let output = shared.docker.logs(&self.container, Some(options));
        let mut output = std::pin::pin!(output);
        while let Some(piece) = output.next().await {
            match piece {
                Ok(LogOutput::StdErr { message }) => {
                    self.take(Stream::Stderr, &message, &mut known)
                }
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    self.take(Stream::Stdout, &message, &mut known);
                }
                Ok(LogOutput::StdIn { .. }) => {}
                Err(error) => return Ended::Broken(error),
            }
        }
        Ended::Finished
    }

    fn take(&mut self, stream: Stream, message: &[u8], known: &mut Known) {
        let Some((at, text)) = dated(message) else {
            return;
        };
        if known.has(at) {
            return;
        }
        self.last = Some(at);
        self.newest.count(at);
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
    fn records_of_the_newest_second_are_counted() {
        let mut newest = Newest::default();
        let mut count = |second: i64| {
            newest.count(Timestamp::from_second(second).unwrap());
            (newest.second, newest.records)
        };
        assert_eq!(count(7), (Some(7), 1));
        assert_eq!(count(7), (Some(7), 2));
        assert_eq!(
            count(6),
            (Some(7), 2),
            "two streams may overtake each other"
        );
        assert_eq!(count(8), (Some(8), 1));
    }

    #[test]
    fn what_comes_again_is_known_by_its_time_or_its_number() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let mut known = Known {
            up_to: Some(at(5)),
            records: 2,
        };
        let seen = [4, 5, 7, 6, 6, 8].map(|time| known.has(at(time)));
        assert_eq!(seen, [true, true, true, true, false, false]);
    }

    #[test]
    fn a_record_of_the_engine_is_taken_apart() {
        let (at, text) = dated(b"2026-11-21T12:48:29.617543068Z a \xff line\n").unwrap();
        assert_eq!(at.as_nanosecond() % 1_000_000_000, 617_543_068);
        assert_eq!(text, b"a \xff line\n");
        assert_eq!(dated(b"2026-11-21T12:48:29Z ").unwrap().1, b"");
        assert!(dated(b"no time").is_none());
    }
}
