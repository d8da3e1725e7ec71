//! The record of releases and the lock of an environment.

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_core::release::{Entry, Intent, Release, ReleaseId};
use seaway_core::time::Timestamp;

use crate::error::PortError;

/// Who holds a lock, and what for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// `user@host`.
    pub by: String,
    /// Process id on that host.
    pub pid: u32,
    /// `deploy`, `rollback to r3`, ...
    pub purpose: String,
    pub since: Timestamp,
}

/// The right to change an environment, as long as its generation is the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub environment: EnvironmentName,
    pub generation: u64,
}

/// What an attempt to take the lock led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    Ours(Lease),
    /// Taken over from a holder whose heartbeat stopped or whose process is gone.
    TakenOver {
        lease: Lease,
        from: Holder,
    },
    /// Somebody else's; ask again later.
    Held(Holder),
}

/// The lock as anybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum LockState {
    Free,
    Held(Holder),
}

/// One lock per environment.
#[async_trait]
pub trait Locks: Send + Sync {
    /// One attempt. A holder counts as gone when its heartbeat stayed the same for a while on the
    /// caller's monotonic clock, so the caller asks again and again with the same object.
    async fn try_acquire(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
    ) -> Result<Acquired, PortError>;
    /// Shows that the holder lives. Fails with `LockLost` when another took over.
    async fn heartbeat(&self, lease: &Lease) -> Result<(), PortError>;
    /// Whether the lease is still good; asked before every action.
    async fn verify(&self, lease: &Lease) -> Result<(), PortError>;
    /// Gives the lock back.
    async fn release(&self, lease: &Lease) -> Result<(), PortError>;
    /// Who holds it.
    async fn state(&self, environment: &EnvironmentName) -> Result<LockState, PortError>;
}

/// Append-only records of releases.
///
/// Durable when a call returns. Writes need a good lease; reads don't.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Begins a release: its intent is on record before anything is done.
    async fn begin(&self, lease: &Lease, intent: &Intent) -> Result<ReleaseId, PortError>;
    /// Adds to the record of a release.
    async fn append(
        &self,
        lease: &Lease,
        release: ReleaseId,
        entries: &[Entry],
    ) -> Result<(), PortError>;
    /// One release.
    async fn read(
        &self,
        environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<Option<Release>, PortError>;
    /// The newest releases first, at most `limit`.
    async fn list(
        &self,
        environment: &EnvironmentName,
        limit: usize,
    ) -> Result<Vec<Release>, PortError>;
}
