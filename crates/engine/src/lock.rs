//! Holding an environment's lock: wait in line, show signs of life, give it back.

use std::sync::Arc;
use std::time::Duration;

use seaway_core::event::{EventKind, LockEvent, Subject};
use seaway_ports::{Acquired, Clock, Holder, Lease, Locks, PortError};
use tokio::task::AbortHandle;

use crate::error::EngineError;
use crate::persist::persist;
use crate::session::{Ports, Session};

/// How often a waiter asks again.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How often a holder shows that it lives. The ledger counts a holder as gone after several of
/// these went missing.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);

/// The lock while it is ours. Dropping it stops the signs of life and gives it back, too; who can
/// wait uses [`HeldLock::release`].
pub(crate) struct HeldLock {
    pub(crate) lease: Lease,
    locks: Arc<dyn Locks>,
    clock: Arc<dyn Clock>,
    heartbeat: AbortHandle,
    given_back: bool,
}

/// One attempt to take it.
enum Attempt {
    Ours(HeldLock),
    TakenOver(HeldLock, Holder),
    Held(Holder),
}

impl HeldLock {
    /// Waits until the lock is ours.
    pub(crate) async fn acquire(session: &Session, purpose: &str) -> Result<Self, EngineError> {
        let clock = &session.ports.clock;
        let holder = Holder {
            by: session.origin.by.clone(),
            pid: session.pid,
            purpose: purpose.to_owned(),
            since: clock.now(),
        };
        let mut waiting_for = None;
        let tell = |event| {
            session
                .events
                .emit(Subject::Release, EventKind::Lock(event))
        };
        loop {
            match Self::attempt(session, &holder).await {
                Ok(Attempt::Ours(lock)) => {
                    if waiting_for.is_some() {
                        tell(LockEvent::Acquired);
                    }
                    return Ok(lock);
                }
                Ok(Attempt::TakenOver(lock, from)) => {
                    tell(LockEvent::TakenOver {
                        holder: from.by,
                        purpose: from.purpose,
                    });
                    return Ok(lock);
                }
                Ok(Attempt::Held(other)) => {
                    if waiting_for.as_ref() != Some(&other) {
                        tell(LockEvent::Waiting {
                            holder: other.by.clone(),
                            purpose: other.purpose.clone(),
                            since: other.since,
                        });
                        waiting_for = Some(other);
                    }
                }
                // Nobody loses the place in the line because one question was not answered.
                Err(error) if error.is_passing() && waiting_for.is_some() => {}
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = clock.sleep(ASK_EVERY) => {}
                () = session.interrupt.wait() => return Err(EngineError::Interrupted),
            }
        }
    }

    /// Asks in a task of its own: an answer that nobody waits for any more gives the lock back.
    async fn attempt(session: &Session, holder: &Holder) -> Result<Attempt, PortError> {
        let ports = session.ports.clone();
        let (environment, holder) = (session.environment.name.clone(), holder.clone());
        let ask = async move {
            let keep = |lease| Self::keep(lease, &ports);
            Ok(
                match ports.locks.try_acquire(&environment, &holder).await? {
                    Acquired::Ours(lease) => Attempt::Ours(keep(lease)),
                    Acquired::TakenOver { lease, from } => Attempt::TakenOver(keep(lease), from),
                    Acquired::Held(other) => Attempt::Held(other),
                },
            )
        };
        match tokio::spawn(ask).await {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn keep(lease: Lease, ports: &Ports) -> Self {
        let (locks, clock) = (Arc::clone(&ports.locks), Arc::clone(&ports.clock));
        let beat = heartbeat(lease.clone(), Arc::clone(&locks), Arc::clone(&clock));
        Self {
            lease,
            locks,
            clock,
            heartbeat: tokio::spawn(beat).abort_handle(),
            given_back: false,
        }
    }

    /// Fails when another command took the environment over.
    pub(crate) async fn verify(&self) -> Result<(), PortError> {
        self.locks.verify(&self.lease).await
    }

    /// Gives the lock back. A lock that was lost meanwhile is not ours to give.
    pub(crate) async fn release(mut self) {
        self.given_back = true;
        self.heartbeat.abort();
        give_back(&self.lease, &*self.locks, &*self.clock).await;
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.heartbeat.abort();
        if self.given_back {
            return;
        }
        let (lease, locks) = (self.lease.clone(), Arc::clone(&self.locks));
        let clock = Arc::clone(&self.clock);
        // Without a runtime the process is at its end, and the next command sees that.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { give_back(&lease, &*locks, &*clock).await });
        }
    }
}

async fn give_back(lease: &Lease, locks: &dyn Locks, clock: &dyn Clock) {
    if let Err(error) = persist(clock, || locks.release(lease)).await {
        tracing::warn!(%error, "the lock was not given back; it will be taken over");
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
