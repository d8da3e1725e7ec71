//! Holding an environment's lock: wait in line, show signs of life, give it back.

use std::sync::Arc;
use std::time::Duration;

use seaway_core::event::{EventKind, LockEvent, Subject};
use seaway_ports::{Acquired, Clock, Holder, Lease, Locks, PortError};
use tokio::task::AbortHandle;

use crate::error::EngineError;
use crate::session::Session;

/// How often a waiter asks again.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How often a holder shows that it lives. The ledger counts a holder as gone after several of
/// these went missing.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);

/// The lock while it is ours. Dropping it stops the signs of life; [`HeldLock::release`] gives it
/// back at once.
pub(crate) struct HeldLock {
    pub(crate) lease: Lease,
    locks: Arc<dyn Locks>,
    heartbeat: AbortHandle,
}

impl HeldLock {
    /// Waits until the lock is ours.
    pub(crate) async fn acquire(session: &Session, purpose: &str) -> Result<Self, EngineError> {
        let ports = &session.ports;
        let holder = Holder {
            by: session.origin.by.clone(),
            pid: session.pid,
            purpose: purpose.to_owned(),
            since: ports.clock.now(),
        };
        let mut waiting_for = None;
        let tell = |event| {
            session
                .events
                .emit(Subject::Release, EventKind::Lock(event))
        };
        loop {
            match ports
                .locks
                .try_acquire(&session.environment.name, &holder)
                .await?
            {
                Acquired::Ours(lease) => {
                    if waiting_for.is_some() {
                        tell(LockEvent::Acquired);
                    }
                    return Ok(Self::keep(lease, session));
                }
                Acquired::TakenOver { lease, from } => {
                    tell(LockEvent::TakenOver {
                        holder: from.by,
                        purpose: from.purpose,
                    });
                    return Ok(Self::keep(lease, session));
                }
                Acquired::Held(other) => {
                    if waiting_for.as_ref() != Some(&other) {
                        tell(LockEvent::Waiting {
                            holder: other.by.clone(),
                            purpose: other.purpose.clone(),
                            since: other.since,
                        });
                        waiting_for = Some(other);
                    }
                }
            }
            tokio::select! {
                () = ports.clock.sleep(ASK_EVERY) => {}
                () = session.interrupt.wait() => return Err(EngineError::Interrupted),
            }
        }
    }

    fn keep(lease: Lease, session: &Session) -> Self {
        let locks = Arc::clone(&session.ports.locks);
        let beat = heartbeat(
            lease.clone(),
            Arc::clone(&locks),
            Arc::clone(&session.ports.clock),
        );
        let heartbeat = tokio::spawn(beat).abort_handle();
        Self {
            lease,
            locks,
            heartbeat,
        }
    }

    /// Fails when another command took the environment over.
    pub(crate) async fn verify(&self) -> Result<(), PortError> {
        self.locks.verify(&self.lease).await
    }

    /// Gives the lock back. A lock that was lost meanwhile is not ours to give.
    pub(crate) async fn release(self) {
        self.heartbeat.abort();
        if let Err(error) = self.locks.release(&self.lease).await {
            tracing::warn!(%error, "the lock was not given back; it will be taken over");
        }
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Ends when the lock was lost; whoever acts finds out by `verify`.
async fn heartbeat(lease: Lease, locks: Arc<dyn Locks>, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(HEARTBEAT_EVERY).await;
        if let Err(error) = locks.heartbeat(&lease).await {
            tracing::warn!(%error, "heartbeat");
            if !error.is_passing() {
                return;
            }
        }
    }
}
