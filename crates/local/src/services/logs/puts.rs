//! Puts of several clients, stored together.
//!
//! One of them at a time works for all: it stores what has come, in one transaction, until nothing
//! is left. So a put waits for no lock and for no other thread than that one, and a commit, which
//! costs more than the events of a usual put, is shared by all that arrived during the last one.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::Logs;
use crate::services::call::internal;
use crate::services::{Answer, Call};

/// The most puts of one transaction, so that the first ones need not wait for long.
const MOST_AT_ONCE: usize = 64;

/// The puts of one platform.
#[derive(Debug)]
pub(in crate::services) struct Puts {
    logs: Arc<Logs>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Put>,
    /// Somebody works, and will see what is waiting.
    at_work: bool,
}

#[derive(Debug)]
struct Put {
    call: Call,
    reply: oneshot::Sender<Answer>,
}

/// What a panic leaves of the work: nothing that waits for nobody.
struct Shift<'a>(&'a Puts);

impl Puts {
    pub(in crate::services) fn new(logs: Arc<Logs>) -> Self {
        Self {
            logs,
            queue: Mutex::default(),
        }
    }

    /// Answers a `PutLogEvents` once its events are committed.
    pub(in crate::services) async fn put(self: Arc<Self>, call: Call) -> Answer {
        let (reply, answer) = oneshot::channel();
        let is_at_work = {
            let mut queue = self.lock();
            queue.waiting.push(Put { call, reply });
            mem::replace(&mut queue.at_work, true)
        };
        if !is_at_work {
            tokio::task::spawn_blocking(move || self.work());
        }
        answer.await.unwrap_or_else(|gone| Err(internal(&gone)))
    }

    fn work(&self) {
        let _shift = Shift(self);
        while let Some(puts) = self.next() {
            let (calls, replies): (Vec<_>, Vec<_>) =
                puts.into_iter().map(|put| (put.call, put.reply)).unzip();
            for (reply, answer) in replies.into_iter().zip(self.logs.put_all(calls)) {
                // A client that has gone needs none.
                let _ = reply.send(answer);
            }
        }
    }

    /// What has come; none ends the work.
    fn next(&self) -> Option<Vec<Put>> {
        let mut queue = self.lock();
        queue.at_work = !queue.waiting.is_empty();
        let count = queue.waiting.len().min(MOST_AT_ONCE);
        queue
            .at_work
            .then(|| queue.waiting.drain(..count).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Whoever waits hears that nobody will answer.
            *self.0.lock() = Queue::default();
        }
    }
}
