//! The lock: a holder, a heartbeat and a generation.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_ports::{Acquired, Clock, Holder, Lease, LockState, Locks, PortError, PortErrorKind};

use crate::client::Client;

/// A holder whose heartbeat stood still for this long is gone.
const GONE_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct LockSlot {
    generation: u64,
    beats: u64,
    holder: Option<(Holder, u32)>,
}

/// What one waiter saw last, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    generation: u64,
    beats: u64,
    since: Duration,
}

impl LockSlot {
    pub(crate) fn is_free(&self) -> bool {
        self.holder.is_none()
    }

    /// Whether the command of this number holds it.
    pub(crate) fn is_held_by(&self, client: u32) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|(_, holder)| *holder == client)
    }

    pub(crate) fn steal(&mut self) {
        self.generation += 1;
        self.holder = None;
    }

    pub(crate) fn verify(&self, lease: &Lease) -> Result<(), PortError> {
        if self.generation == lease.generation && self.holder.is_some() {
            return Ok(());
        }
        Err(PortError::new(
            PortErrorKind::LockLost,
            "act",
            "another command took the lock over",
        ))
    }

    fn take(&mut self, environment: &EnvironmentName, holder: &Holder, client: u32) -> Lease {
        self.generation += 1;
        self.holder = Some((holder.clone(), client));
        Lease {
            environment: environment.clone(),
            generation: self.generation,
        }
    }
}

#[async_trait]
impl Locks for Client {
    async fn try_acquire(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
    ) -> Result<Acquired, PortError> {
        let now = self.world.clock().monotonic();
        self.call("try_acquire", |state| {
            let Some((other, _)) = state.lock.holder.clone() else {
                let lease = state.lock.take(environment, holder, self.number);
                return Ok(Acquired::Ours(lease));
            };
            if !self.is_gone(state.lock.generation, state.lock.beats, now) {
                return Ok(Acquired::Held(other));
            }
            let lease = state.lock.take(environment, holder, self.number);
            Ok(Acquired::TakenOver { lease, from: other })
        })
        .await
    }

    async fn heartbeat(&self, lease: &Lease) -> Result<(), PortError> {
        self.call("heartbeat", |state| {
            state.lock.verify(lease)?;
            state.lock.beats += 1;
            Ok(())
        })
        .await
    }

    async fn verify(&self, lease: &Lease) -> Result<(), PortError> {
        self.call("verify", |state| state.lock.verify(lease)).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), PortError> {
        self.call("release", |state| {
            state.lock.verify(lease)?;
            state.lock.holder = None;
            Ok(())
        })
        .await
    }

    async fn state(&self, _environment: &EnvironmentName) -> Result<LockState, PortError> {
        self.call("lock state", |state| {
            let holder = state.lock.holder.clone();
            Ok(holder.map_or(LockState::Free, |(holder, _)| LockState::Held(holder)))
        })
        .await
    }
}

impl Client {
    /// Whether the heartbeat stood still for as long as this command looked.
    fn is_gone(&self, generation: u64, beats: u64, now: Duration) -> bool {
        let mut seen = self
            .observation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some(seen) if (seen.generation, seen.beats) == (generation, beats) => {
                now.saturating_sub(seen.since) >= GONE_AFTER
            }
            _ => {
                *seen = Some(Observation {
                    generation,
                    beats,
                    since: now,
                });
                false
            }
        }
    }
}
