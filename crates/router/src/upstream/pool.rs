//! Connections that wait for their next request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Link;
use crate::workers::WorkerId;

/// How many idle connections a worker keeps to one target.
const MOST_IDLE: usize = 256;

/// Idle connections to one target. Each worker has its own: what wakes a connection is then always
/// in the thread that uses it.
#[derive(Debug)]
pub(crate) struct Pool {
    /// How long a connection may be idle.
    keep: Duration,
    shelves: Box<[Shelf]>,
}

/// Those of one worker, the newest last.
type Shelf = Mutex<Vec<Idle>>;

#[derive(Debug)]
struct Idle {
    link: Box<Link>,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(workers: usize, keep: Duration) -> Self {
        Self {
            keep,
            shelves: (0..workers).map(|_| Shelf::default()).collect(),
        }
    }

    /// The connection that the worker used last, unless it was idle for too long. The target may have
    /// closed it meanwhile; a request that is sent on it then comes back.
    pub(crate) fn take(&self, worker: WorkerId) -> Option<Box<Link>> {
        let mut shelf = lock(self.shelf(worker)?);
        let newest = shelf.pop()?;
        if newest.since.elapsed() > self.keep {
            shelf.clear();
            return None;
        }
        Some(newest.link)
    }

    /// Keeps a connection that can take another request, and closes those that were idle for too
    /// long: a worker that is never in need of them would not come to them.
    pub(crate) fn put(&self, link: Box<Link>) {
        let Some(shelf) = self.shelf(link.worker()) else {
            return;
        };
        let since = Instant::now();
        let mut shelf = lock(shelf);
        let expired = shelf.partition_point(|idle| since - idle.since > self.keep);
        shelf.drain(..expired);
        if shelf.len() < MOST_IDLE {
            shelf.push(Idle { link, since });
        }
    }

    /// Closes what was idle for too long, or was closed by the target.
    pub(crate) fn sweep(&self) {
        let is_fresh = |idle: &Idle| idle.since.elapsed() <= self.keep;
        for shelf in &self.shelves {
            lock(shelf).retain_mut(|idle| is_fresh(idle) && idle.link.is_alive());
        }
    }

    /// Closes all idle connections.
    pub(crate) fn clear(&self) {
        for shelf in &self.shelves {
            lock(shelf).clear();
        }
    }

    fn shelf(&self, worker: WorkerId) -> Option<&Shelf> {
        self.shelves.get(worker.index())
    }
}

fn lock(shelf: &Shelf) -> MutexGuard<'_, Vec<Idle>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
