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
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            shelves: (0..workers).map(|_| Shelf::default()).collect(),
        }
    }

    /// The connection that the worker used last, if it was idle for at most `keep`. The target may
    /// have closed it meanwhile; a request that is sent on it then comes back.
    pub(crate) fn take(&self, worker: WorkerId, keep: Duration) -> Option<Box<Link>> {
        let mut shelf = lock(self.shelf(worker)?);
        let newest = shelf.pop()?;
        if newest.since.elapsed() > keep {
            shelf.clear();
            return None;
        }
        Some(newest.link)
    }

    /// Keeps a connection that can take another request.
    pub(crate) fn put(&self, link: Box<Link>) {
        let Some(shelf) = self.shelf(link.worker()) else {
            return;
        };
        let mut shelf = lock(shelf);
        if shelf.len() < MOST_IDLE {
            shelf.push(Idle {
                link,
                since: Instant::now(),
            });
        }
    }

    /// Closes what was idle for longer than `keep`, or was closed by the target.
    pub(crate) fn sweep(&self, keep: Duration) {
        for shelf in &self.shelves {
            lock(shelf).retain_mut(|idle| idle.since.elapsed() <= keep && idle.link.is_alive());
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
