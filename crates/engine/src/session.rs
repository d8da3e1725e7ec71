//! What every orchestration is given, and what it gives back.

use std::sync::Arc;

use seaway_core::environment::Environment;
use seaway_core::plan::Plan;
use seaway_core::release::{Origin, Outcome, ReleaseId, Snapshot};
use seaway_ports::{
    Builder, Clock, Infrastructure, Jobs, Ledger, Locks, Logs, Registry, Renderer, Rollouts,
};

use crate::events::Events;
use crate::interrupt::Interrupt;

/// The outside world.
#[derive(Clone)]
pub struct Ports {
    pub rollouts: Arc<dyn Rollouts>,
    pub jobs: Arc<dyn Jobs>,
    pub logs: Arc<dyn Logs>,
    pub infrastructure: Arc<dyn Infrastructure>,
    pub renderer: Arc<dyn Renderer>,
    pub builder: Arc<dyn Builder>,
    pub registry: Arc<dyn Registry>,
    pub ledger: Arc<dyn Ledger>,
    pub locks: Arc<dyn Locks>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// One command on one environment.
#[derive(Clone)]
pub struct Session {
    pub environment: Arc<Environment>,
    pub ports: Ports,
    pub events: Events,
    pub interrupt: Interrupt,
    pub origin: Origin,
    /// This process, as the lock names it.
    pub pid: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("environment", &self.environment.name)
            .finish_non_exhaustive()
    }
}

/// How a command came to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Completed {
    /// The plan was empty.
    NothingToDo { plan: Plan },
    /// The release ended.
    Ended {
        release: ReleaseId,
        outcome: Outcome,
        plan: Plan,
        after: Snapshot,
    },
    /// The person stopped following; the platform goes on and the release can be resumed.
    Detached { release: ReleaseId },
}
