//! The lock of an environment as a record, and its changes as pure functions.

use seaway_core::name::EnvironmentName;
use seaway_ports::{Holder, Lease};
use serde::{Deserialize, Serialize};

use crate::process::ProcessIdentity;

/// What is kept of a lock.
///
/// Invariant: the generation grows with each acquisition and outlives the holder, so that no
/// lease is ever good again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockRecord {
    pub(crate) generation: u64,
    /// Grows while the holder lives.
    pub(crate) heartbeat: u64,
    /// None: free.
    pub(crate) held: Option<Held>,
}

/// The holder and how to find its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) holder: Holder,
    /// None: it could not be found out; only the heartbeat tells.
    pub(crate) process: Option<ProcessIdentity>,
}

impl LockRecord {
    /// The lock in the hands of a new holder, after `earlier`.
    pub(crate) fn taken(earlier: Option<&Self>, held: Held) -> Self {
        Self {
            generation: earlier.map_or(1, |record| record.generation + 1),
            heartbeat: 0,
            held: Some(held),
        }
    }

    /// The lock one heartbeat later.
    pub(crate) fn beaten(self) -> Self {
        Self {
            heartbeat: self.heartbeat + 1,
            ..self
        }
    }

    /// The lock, given back.
    pub(crate) fn freed(self) -> Self {
        Self { held: None, ..self }
    }

    /// The right that comes with this record.
    pub(crate) fn lease(&self, environment: &EnvironmentName) -> Lease {
        Lease {
            environment: environment.clone(),
            generation: self.generation,
        }
    }

    /// Whether `lease` is still good.
    pub(crate) fn honours(&self, lease: &Lease) -> bool {
        self.held.is_some() && self.generation == lease.generation
    }
}
