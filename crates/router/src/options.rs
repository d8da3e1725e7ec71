//! Options of a router: what the platform's profile and the tests choose.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::disturbance::Disturbances;

/// Options of a router. [`RouterOptions::default`] has the constants of Elastic Load Balancing.
#[derive(Clone, Debug)]
pub struct RouterOptions {
    /// Where requests are logged; nowhere when absent.
    pub access_log: Option<AccessLogOptions>,
    /// When a deregistered target has drained.
    pub draining: DrainPolicy,
    /// How long the router waits for others.
    pub timeouts: Timeouts,
    /// What clients may send.
    pub limits: Limits,
    /// Which threads serve connections.
    pub workers: Workers,
    /// Which targets are disturbed; none when absent.
    pub disturbances: Option<Arc<dyn Disturbances>>,
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            access_log: None,
            draining: DrainPolicy::WholeDelay,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            workers: Workers::default(),
            disturbances: None,
        }
    }
}

/// The file that requests are logged to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLogOptions {
    /// The file; it is appended to.
    pub path: PathBuf,
    /// Size in bytes at which the file is renamed to `PATH.1` (replacing an older one).
    pub max_bytes: u64,
}

impl AccessLogOptions {
    /// A log of at most 2 x 64 MiB.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// When a deregistered target has drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainPolicy {
    /// When the deregistration delay is over, as Elastic Load Balancing does it.
    WholeDelay,
    /// As soon as no request is in flight, and at the latest after the deregistration delay.
    WhenIdle,
}

/// How long the router waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to a target (10 s).
    pub connect: Duration,
    /// For the next byte, from client or target (60 s); also how long a client's connection may
    /// stay without a request.
    pub idle: Duration,
    /// How long a connection to a target is kept for the next request. Shorter than the five
    /// seconds after which common servers close idle connections, so that a request seldom meets a
    /// connection that the target is just closing.
    pub keep: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            keep: Duration::from_secs(4),
        }
    }
}

/// Which threads serve connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// Threads of the router's own. A connection stays with one of them, and so do the connections
    /// to targets that are kept for it: requests never wait for another thread.
    Own(NonZero<usize>),
    /// Those of the tokio runtime that the router is started in.
    Callers,
}

impl Default for Workers {
    /// One thread for each processor.
    fn default() -> Self {
        Self::Own(thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))
    }
}

/// What clients may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest path and query, in bytes (16 KiB); longer ones get 414.
    pub uri: usize,
    /// Longest request line and headers together, in bytes (64 KiB); larger ones get 431.
    pub head: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uri: 16 * 1024,
            head: 64 * 1024,
        }
    }
}
