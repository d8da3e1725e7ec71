//! Who serves connections: threads with a runtime each, or the caller's runtime.
//!
//! A request that passes from one thread to another costs two wake-ups through the kernel, which is
//! more than everything else that is done for a small one. So each thread has its own sockets, its
//! own timers and its own connections to targets, and shares only what is counted and logged.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::StartError;
use crate::options::Workers as Wanted;

/// Names a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerId(usize);

impl WorkerId {
    /// From 0 to one less than there are workers.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// The workers of a router; when they are dropped, they end, and with them what they serve.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
    _end: DropGuard,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// Connections that it serves, and tunnels.
    serves: Arc<AtomicUsize>,
}

/// A connection's or tunnel's place with a worker, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) worker: WorkerId,
    pub(crate) runtime: Handle,
    serves: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts the threads, if any are wanted.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, where the caller's is wanted.
    pub(crate) fn start(wanted: Wanted) -> Result<Self, StartError> {
        let end = CancellationToken::new();
        let _end = end.clone().drop_guard();
        let runtimes = match wanted {
            Wanted::Callers => Ok(vec![Handle::current()]),
            Wanted::Own(count) => start_threads(count, &end),
        };
        let workers = runtimes.map_err(StartError::Worker)?.into_iter();
        Ok(Self {
            workers: workers.map(Worker::new).collect(),
            _end,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.workers.len()
    }

    /// A place with the worker that serves the fewest connections.
    pub(crate) fn place(&self) -> Option<Place> {
        let serves = |worker: &Worker| worker.serves.load(Ordering::Relaxed);
        let workers = self.workers.iter().enumerate();
        let (index, _) = workers.min_by_key(|(_, worker)| serves(worker))?;
        self.place_with(WorkerId(index))
    }

    /// A place with a certain worker.
    pub(crate) fn place_with(&self, id: WorkerId) -> Option<Place> {
        let worker = self.workers.get(id.index())?;
        worker.serves.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            worker: id,
            runtime: worker.runtime.clone(),
            serves: worker.serves.clone(),
        })
    }
}

impl Worker {
    fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            serves: Arc::default(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.serves.fetch_sub(1, Ordering::Relaxed);
    }
}

fn start_threads(count: NonZero<usize>, end: &CancellationToken) -> io::Result<Vec<Handle>> {
    let threads = 0..count.get();
    threads.map(|_| start_thread(end.clone())).collect()
}

/// Starts a thread that runs what is given to its runtime until the end.
fn start_thread(end: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("router".to_owned())
        .spawn(move || runtime.block_on(end.cancelled()))?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Workers {
        let two = NonZero::new(2).expect("a number");
        Workers::start(Wanted::Own(two)).expect("two threads")
    }

    #[test]
    fn connections_go_where_the_fewest_are() {
        let workers = two();
        let place = || workers.place().expect("a worker");
        let (first, second) = (place(), place());
        assert_ne!(first.worker, second.worker);
        let freed = second.worker;
        drop(second);
        assert_eq!(place().worker, freed);
    }

    #[test]
    fn a_worker_ends_with_what_it_serves() {
        let workers = two();
        let place = workers.place().expect("a worker");
        let (kept, ended) = std::sync::mpsc::channel::<()>();
        place.runtime.spawn(async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        drop(workers);
        // Says that the other half was dropped.
        assert!(ended.recv().is_err());
    }
}
