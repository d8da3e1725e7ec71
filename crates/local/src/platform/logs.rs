//! Ships what tasks write to CloudWatch Logs, as the `awslogs` driver does.
//!
//! One thread reads the files that the supervisor writes, often where something is written and
//! seldom where nothing is, and keeps in the store how far it came: lines are neither lost nor
//! doubled when the platform is killed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use seaway_aws_wire::ecs as wire;
use seaway_runtime::logs::{LogCursor, LogLine, LogReader};
use seaway_runtime::task::ContainerName;
use seaway_scheduler::TaskId;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::clock::EpochMillis;
use crate::store::{Document, NewLogEvent, Store, StoreError, Tx};

/// The pause between two looks at a log that is being written to.
const BUSY: Duration = Duration::from_millis(100);
/// The longest pause between two looks at a silent one.
const SILENT: Duration = Duration::from_secs(2);
/// Bytes of one container in one pass.
const PASS: usize = 1 << 20;
/// CloudWatch Logs takes events of at most 256 KiB, 26 bytes of them overhead (PutLogEvents).
const LONGEST_EVENT: usize = 256 * 1024 - 26;
/// How long the end of a container waits for its last lines.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where one container's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogTarget {
    pub(super) directory: PathBuf,
    pub(super) container: ContainerName,
    pub(super) group: String,
    pub(super) stream: String,
}

/// The log targets of a task: of each container with the `awslogs` driver.
pub(super) fn log_targets(
    definition: &wire::TaskDefinition,
    task: &str,
    task_logs: &Path,
) -> Vec<LogTarget> {
    let target = |container: &wire::ContainerDefinition| {
        let configuration = container.log_configuration.as_ref()?;
        if configuration.log_driver != wire::LogDriver::Awslogs {
            return None;
        }
        let options = configuration.options.as_ref()?;
        let name = container.name.as_deref()?;
        let stream = match options.get("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{name}/{task}"),
            None => task.to_owned(),
        };
        Some(LogTarget {
            directory: task_logs.join(task),
            container: ContainerName::new(name).ok()?,
            group: options.get("awslogs-group")?.clone(),
            stream,
        })
    };
    definition
        .container_definitions
        .iter()
        .flatten()
        .filter_map(target)
        .collect()
}

/// The way to the shipping thread.
#[derive(Debug)]
pub(super) struct Shipper {
    orders: Sender<Order>,
}

#[derive(Debug)]
enum Order {
    Open(TaskId, Vec<LogTarget>),
    /// Ships everything that is there, and answers.
    Flush(TaskId, oneshot::Sender<()>),
    /// The task is over: ships the rest, unfinished lines included, and lets go.
    Close(TaskId),
}

impl Shipper {
    /// Starts the thread.
    pub(super) fn start(store: Arc<Store>) -> std::io::Result<Arc<Self>> {
        let (orders, receiver) = std::sync::mpsc::channel();
        let thread = Thread {
            store,
            receiver,
            tails: HashMap::new(),
        };
        std::thread::Builder::new()
            .name("log-shipper".into())
            .spawn(move || thread.run())?;
        Ok(Arc::new(Self { orders }))
    }

    /// Begins to ship a task's logs.
    pub(super) fn open(&self, task: &TaskId, targets: Vec<LogTarget>) {
        self.send(Order::Open(task.clone(), targets));
    }

    /// Returns when what the task has written so far can be read, or after a short while.
    pub(super) async fn flush(&self, task: &TaskId) {
        let (done, waiting) = oneshot::channel();
        self.send(Order::Flush(task.clone(), done));
        // Late lines are no reason to hold up the news of a task's end.
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            tracing::debug!(%task, "its last lines come later");
        }
    }

    /// Ends the shipping of a task's logs.
    pub(super) fn close(&self, task: &TaskId) {
        self.send(Order::Close(task.clone()));
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the platform is ending");
        }
    }
}

/// How far a container's log was shipped.
#[derive(Debug, Serialize, Deserialize)]
struct Shipped(LogCursor);

impl Document for Shipped {
    const KIND: &'static str = "log-cursor";
}

struct Thread {
    store: Arc<Store>,
    receiver: Receiver<Order>,
    tails: HashMap<TaskId, Vec<Tail>>,
}

/// One container's log.
struct Tail {
    target: LogTarget,
    key: String,
    reader: LogReader,
    pause: Duration,
    due: Instant,
    /// Lines that were read and could not be written yet.
    unwritten: Vec<LogLine>,
}

impl Thread {
    fn run(mut self) {
        loop {
            let next = self.tails.values().flatten().map(|tail| tail.due).min();
            let wait = next.map_or(SILENT, |due| due.saturating_duration_since(Instant::now()));
            match self.receiver.recv_timeout(wait) {
                Ok(order) => self.follow(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.ship(|_, _| true),
            }
            let now = Instant::now();
            self.ship(|_, tail| tail.due <= now);
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Open(task, targets) => {
                let tails = targets
                    .into_iter()
                    .map(|target| self.tail(&task, target))
                    .collect();
                self.tails.entry(task).or_insert(tails);
            }
            Order::Flush(task, done) => {
                self.ship(|of, _| *of == task);
                // Whoever waited may have given up.
                let _gone = done.send(());
            }
            Order::Close(task) => {
                self.ship(|of, _| *of == task);
                if let Some(mut tails) = self.tails.remove(&task) {
                    tails
                        .iter_mut()
                        .for_each(|tail| tail.unwritten.extend(tail.reader.finish()));
                    self.last_words(&tails);
                }
            }
        }
    }

    fn tail(&self, task: &TaskId, target: LogTarget) -> Tail {
        let key = format!("{task}/{}", target.container);
        let shipped = self
            .store
            .read::<_, StoreError>(|view| view.get::<Shipped>(&key));
        let cursor = shipped
            .ok()
            .flatten()
            .map(|shipped| shipped.0)
            .unwrap_or_default();
        let reader = LogReader::open(&target.directory, &target.container, cursor);
        Tail {
            target,
            key,
            reader,
            pause: BUSY,
            due: Instant::now(),
            unwritten: vec![],
        }
    }

    /// Reads the chosen logs and writes what they say in one transaction.
    fn ship(&mut self, chosen: impl Fn(&TaskId, &Tail) -> bool) {
        let mut found = false;
        for (task, tails) in &mut self.tails {
            for tail in tails.iter_mut().filter(|tail| chosen(task, tail)) {
                found |= tail.read();
            }
        }
        if !found {
            return;
        }
        let tails = self
            .tails
            .values()
            .flatten()
            .filter(|tail| !tail.unwritten.is_empty());
        let now = EpochMillis::now();
        let written = self.store.write::<_, StoreError>(|tx| {
            for tail in tails {
                tail.write(tx, now)?;
                tx.put(&tail.key, &Shipped(tail.reader.cursor()))?;
            }
            Ok(())
        });
        match written {
            Ok(()) => self
                .tails
                .values_mut()
                .flatten()
                .for_each(|tail| tail.unwritten.clear()),
            Err(error) => tracing::error!(%error, "logs wait for a store that can be written"),
        }
    }

    fn last_words(&self, tails: &[Tail]) {
        let now = EpochMillis::now();
        let written = self.store.write::<_, StoreError>(|tx| {
            for tail in tails {
                tail.write(tx, now)?;
                tx.remove::<Shipped>(&tail.key)?;
            }
            Ok(())
        });
        if let Err(error) = written {
            tracing::error!(%error, "the last lines of a task were not shipped");
        }
    }
}

impl Tail {
    /// Reads what is new; true if there are lines to write.
    fn read(&mut self) -> bool {
        match self.reader.read(PASS) {
            Ok(lines) if lines.is_empty() => self.pause = (self.pause * 2).min(SILENT),
            Ok(lines) => {
                self.unwritten.extend(lines);
                self.pause = BUSY;
            }
            Err(error) => {
                tracing::warn!(%error, log = %self.target.directory.display(), "unreadable");
                self.pause = SILENT;
            }
        }
        self.due = Instant::now() + self.pause;
        !self.unwritten.is_empty()
    }

    fn write(&self, tx: &Tx<'_>, now: EpochMillis) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let group = match tx.log_group(&self.target.group)? {
            Some(group) => group.id,
            None => tx.create_log_group(&self.target.group, now)?,
        };
        let stream = match tx.log_stream(group, &self.target.stream)? {
            Some(stream) => stream.id,
            None => tx.create_log_stream(group, &self.target.stream, now)?,
        };
        let texts: Vec<(EpochMillis, String)> = self
            .unwritten
            .iter()
            .flat_map(|line| events_of(line))
            .collect();
        let events = texts
            .iter()
            .map(|(at, message)| NewLogEvent { at: *at, message });
        tx.append_log_events(group, stream, events, now)
    }
}

/// A line as events: invalid UTF-8 replaced, a longer one than fits cut into several.
fn events_of(line: &LogLine) -> Vec<(EpochMillis, String)> {
    let at = EpochMillis(line.at.as_millisecond());
    let text = String::from_utf8_lossy(&line.bytes);
    let mut rest = text.as_ref();
    let mut events = Vec::new();
    while rest.len() > LONGEST_EVENT {
        let cut = rest.floor_char_boundary(LONGEST_EVENT);
        events.push((at, rest[..cut].to_owned()));
        rest = &rest[cut..];
    }
    // An empty line is an event of one space: CloudWatch Logs takes no empty message.
    events.push((
        at,
        if rest.is_empty() {
            " ".to_owned()
        } else {
            rest.to_owned()
        },
    ));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> LogLine {
        let stream = seaway_runtime::logs::Stream::Stdout;
        LogLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            stream,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn invalid_text_survives_as_replacement_characters() {
        assert_eq!(events_of(&line(b"a\xffb"))[0].1, "a\u{fffd}b");
    }

    #[test]
    fn a_line_longer_than_an_event_is_cut_and_complete() {
        let text = "é".repeat(LONGEST_EVENT);
        let events = events_of(&line(text.as_bytes()));
        assert!(events.len() > 1);
        assert!(
            events
                .iter()
                .all(|(_, message)| message.len() <= LONGEST_EVENT)
        );
        let joined: String = events.into_iter().map(|(_, message)| message).collect();
        assert_eq!(joined, text);
    }
}
