//! The thread that looks at every log in its time.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use seaway_scheduler::TaskId;

use super::tail::{Tail, TailRecord};
use super::{LogTarget, Order};
use crate::clock::EpochMillis;
use crate::store::{Store, StoreError};

/// Logs whose time comes within this are looked at together: one wake-up, one transaction.
const TOGETHER: Duration = Duration::from_millis(50);
/// A log that was looked at so lately is up to date for its readers.
const FRESH: Duration = Duration::from_millis(200);
/// The thread never sleeps longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How many passes a task's end waits for; what is left is shipped all the same.
const PASSES: usize = 16;

/// Everything the thread knows.
pub(super) struct Thread {
    store: Arc<Store>,
    receiver: Receiver<Order>,
    tails: HashMap<TaskId, Vec<Tail>>,
}

impl Thread {
    /// A thread that goes on where an earlier one ended.
    pub(super) fn new(
        store: Arc<Store>,
        receiver: Receiver<Order>,
        alive: &BTreeSet<TaskId>,
    ) -> Result<Self, StoreError> {
        let left = store.read::<_, StoreError>(|view| view.list::<TailRecord>(""))?;
        let mut tails: HashMap<TaskId, Vec<Tail>> = HashMap::new();
        for (key, record) in left {
            let task = TaskId::new(key.split('/').next().unwrap_or_default());
            let mut tail = Tail::resumed(key, record);
            if !alive.contains(&task) {
                tail.close();
            }
            tails.entry(task).or_default().push(tail);
        }
        Ok(Self {
            store,
            receiver,
            tails,
        })
    }

    /// Ships until nobody is left who could give orders.
    pub(super) fn run(mut self) {
        loop {
            match self.receiver.recv_timeout(self.sleep()) {
                Ok(order) => {
                    if self.follow(order).is_break() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let soon = Instant::now() + TOGETHER;
            self.ship(|_, tail| tail.due() <= soon);
        }
    }

    fn sleep(&self) -> Duration {
        let next = self.tails.values().flatten().map(Tail::due).min();
        next.map_or(LONGEST_SLEEP, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }

    /// Does as it is told; breaks off at the end.
    fn follow(&mut self, order: Order) -> ControlFlow<()> {
        match order {
            Order::Open(task, targets) => self.open(task, targets),
            Order::Flush(task, done) => {
                self.ship_all(|of, _| *of == task);
                // Whoever waited may have given up.
                let _gone = done.send(());
            }
            Order::Refresh(done) => {
                self.ship(|_, tail| !tail.is_fresh(FRESH));
                // Whoever waited may have given up.
                let _gone = done.send(());
            }
            Order::Close(task) => {
                let tails = self.tails.get_mut(&task);
                tails.into_iter().flatten().for_each(Tail::close);
            }
            Order::End => {
                self.ship_all(|_, _| true);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Ships as much of the chosen logs as there is, within reason.
    fn ship_all(&mut self, chosen: impl Fn(&TaskId, &Tail) -> bool) {
        for _ in 0..PASSES {
            if !self.ship(&chosen) {
                return;
            }
        }
    }

    fn open(&mut self, task: TaskId, targets: Vec<LogTarget>) {
        let new = |target: LogTarget| Tail::new(format!("{task}/{}", target.container), target);
        let tails = targets.into_iter().map(new).collect();
        self.tails.entry(task).or_insert(tails);
    }

    /// Reads the chosen logs and writes what they say in one transaction. True if one of them may
    /// have more to say.
    fn ship(&mut self, chosen: impl Fn(&TaskId, &Tail) -> bool) -> bool {
        let mut more = false;
        for (task, tails) in &mut self.tails {
            for tail in tails.iter_mut().filter(|tail| chosen(task, tail)) {
                more |= tail.read();
            }
        }
        let with_news = || self.tails.values().flatten().filter(|tail| tail.has_news());
        if with_news().next().is_none() {
            return more;
        }
        let now = EpochMillis::now();
        let written = self
            .store
            .write::<_, StoreError>(|tx| with_news().try_for_each(|tail| tail.write(tx, now)));
        if let Err(error) = written {
            tracing::error!(%error, "logs wait for a store that can be written");
            return false;
        }
        self.tails
            .values_mut()
            .flatten()
            .filter(|tail| tail.has_news())
            .for_each(Tail::written);
        self.tails.retain(|_, tails| {
            tails.retain(|tail| !tail.is_over());
            !tails.is_empty()
        });
        more
    }
}
