//! The one thread in which services change by themselves: reports, health and time.
//!
//! Inputs are taken in batches; a batch is one turn of the [`Book`] and so one transaction, which
//! is what lets a thousand services start at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seaway_scheduler::{
    Input, Millis, TargetGroupArn, TargetHealth, TaskId, TaskReport, TaskStatus,
};

use super::book::{Book, digests_of};
use super::effects::Effect;
use super::records::ServiceKey;
use super::runner::Runner;
use crate::balancing::Balancing;
use crate::clock::EpochMillis;

/// Inputs of one turn at most.
const BATCH: usize = 512;
/// After a store that could not be written, the turn is tried again after this time.
const RETRY: Duration = Duration::from_secs(1);

/// The way into the driver, for everybody who has something to report.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    sender: Sender<Message>,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug)]
pub(super) enum Message {
    Input(Input),
    /// A handler changed the book and committed: these effects are to be done.
    Effects(Vec<Effect>),
    /// Everything that was under way is to be done again.
    Restore,
    End,
}

impl Inbox {
    pub(super) fn new(sender: Sender<Message>, book: Arc<Mutex<Book>>) -> Self {
        Self { sender, book }
    }

    /// A runtime's report. The driver outlives everybody who reports.
    pub(super) fn report(&self, task: &TaskId, report: TaskReport) {
        self.send(Message::Input(Input::Task {
            task: task.clone(),
            report,
        }));
    }

    /// A target's health.
    pub(super) fn health(&self, task: TaskId, target_group: TargetGroupArn, health: TargetHealth) {
        self.send(Message::Input(Input::Target {
            task,
            target_group,
            health,
        }));
    }

    pub(super) fn send(&self, message: Message) {
        if self.sender.send(message).is_err() {
            tracing::debug!("the platform is ending");
        }
    }

    /// Every task that is alive, to be compared with what a supervisor knows.
    pub(super) fn expected(&self) -> Vec<Expected> {
        let book = lock(&self.book);
        let expected = |(task, _): (&seaway_scheduler::Task, _)| Expected {
            task: task.id.clone(),
            task_definition: task.task_definition.clone(),
            containers: task.containers.iter().map(|c| c.name.clone()).collect(),
            digests: digests_of(task),
            handed_over: task.status > TaskStatus::Pending,
        };
        book.live_tasks().map(expected).collect()
    }
}

/// A task that is alive by the record.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) task: TaskId,
    pub(super) task_definition: String,
    pub(super) containers: BTreeSet<String>,
    /// By container, the image it was started with.
    pub(super) digests: BTreeMap<String, String>,
    /// A supervisor must know it: it has come further than waiting for its images.
    pub(super) handed_over: bool,
}

/// Everything a turn's effects act on.
pub(super) struct Driver {
    pub(super) book: Arc<Mutex<Book>>,
    pub(super) runner: Arc<Runner>,
    pub(super) balancing: Arc<Balancing>,
    pub(super) receiver: Receiver<Message>,
}

impl Driver {
    /// Drives until the end is asked for. Blocks: it has a thread of its own.
    pub(super) fn run(self) {
        let mut timers = Timers::default();
        loop {
            let mut batch = Vec::new();
            match self.receiver.recv_timeout(timers.wait()) {
                Ok(message) => batch.push(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(self.receiver.try_iter().take(BATCH));
            if batch.iter().any(|message| matches!(message, Message::End)) {
                return;
            }
            let due = timers.due();
            let effects = self.turn(batch, due, &mut timers);
            for effect in effects {
                self.carry_out(effect, &mut timers);
            }
        }
    }

    fn turn(&self, batch: Vec<Message>, due: Vec<ServiceKey>, timers: &mut Timers) -> Vec<Effect> {
        let now = Millis(EpochMillis::now().0);
        let mut effects = Vec::new();
        let mut book = lock(&self.book);
        for message in batch {
            match message {
                Message::Input(input) => book.input(now, input),
                Message::Effects(committed) => effects.extend(committed),
                Message::Restore => book.repeat_outstanding(now),
                Message::End => {}
            }
        }
        for key in &due {
            book.tick(now, key);
        }
        match book.commit() {
            Ok(committed) => effects.extend(committed),
            Err(error) => {
                tracing::error!(%error, "the store cannot be written; nothing is done until it can");
                timers.try_again(due);
            }
        }
        effects
    }

    fn carry_out(&self, effect: Effect, timers: &mut Timers) {
        match effect {
            Effect::Launch(order) => self.runner.launch(*order),
            Effect::Stop { task, timeout } => self.runner.stop(&task, timeout),
            Effect::Register {
                task,
                target_group,
                port,
            } => {
                let address = ([127, 0, 0, 1], port).into();
                self.balancing
                    .register_task(target_group.as_str(), task.as_str(), address);
            }
            Effect::Deregister { task, target_group } => {
                self.balancing
                    .deregister_task(target_group.as_str(), task.as_str());
            }
            Effect::Forget { task } => self.runner.forget(&task),
            Effect::Wake { service, after } => timers.set(service, after),
        }
    }
}

/// When each service wants to know that time has passed.
#[derive(Debug, Default)]
struct Timers {
    by_service: BTreeMap<ServiceKey, Instant>,
    by_time: BTreeSet<(Instant, ServiceKey)>,
    retry: Option<Instant>,
}

impl Timers {
    fn set(&mut self, service: ServiceKey, after: Option<Duration>) {
        if let Some(before) = self.by_service.remove(&service) {
            self.by_time.remove(&(before, service.clone()));
        }
        if let Some(after) = after {
            let at = Instant::now() + after;
            self.by_service.insert(service.clone(), at);
            self.by_time.insert((at, service));
        }
    }

    fn try_again(&mut self, services: Vec<ServiceKey>) {
        self.retry = Some(Instant::now() + RETRY);
        for service in services {
            self.set(service, Some(RETRY));
        }
    }

    fn wait(&self) -> Duration {
        let first = self.by_time.first().map(|(at, _)| *at).into_iter();
        let next = first.chain(self.retry).min();
        // Without a timer there is nothing to wake up for but a message.
        next.map_or(Duration::from_secs(3600), |at| {
            at.saturating_duration_since(Instant::now())
        })
    }

    fn due(&mut self) -> Vec<ServiceKey> {
        let now = Instant::now();
        self.retry = self.retry.filter(|at| *at > now);
        let mut due = Vec::new();
        while let Some((at, _)) = self.by_time.first()
            && *at <= now
            && let Some((_, service)) = self.by_time.pop_first()
        {
            self.by_service.remove(&service);
            due.push(service);
        }
        due
    }
}

pub(super) fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ServiceKey {
        ServiceKey {
            cluster: "shop".into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_later_wake_up_replaces_the_earlier_one() {
        let mut timers = Timers::default();
        timers.set(key("api"), Some(Duration::ZERO));
        timers.set(key("api"), Some(Duration::from_secs(60)));
        assert!(timers.due().is_empty());
        timers.set(key("api"), Some(Duration::ZERO));
        assert_eq!(timers.due(), [key("api")]);
        assert!(timers.due().is_empty());
    }

    #[test]
    fn no_wake_up_cancels_the_one_before() {
        let mut timers = Timers::default();
        timers.set(key("api"), Some(Duration::ZERO));
        timers.set(key("api"), None);
        assert!(timers.due().is_empty());
    }
}
