//! The record of releases, in memory and append-only.

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_core::release::{Entry, Intent, Release, ReleaseId, Stamped};
use seaway_ports::{Lease, Ledger, PortError, PortErrorKind};

use crate::client::Client;

#[async_trait]
impl Ledger for Client {
    async fn begin(&self, lease: &Lease, intent: &Intent) -> Result<ReleaseId, PortError> {
        self.call("begin", |state| {
            state.lock.verify(lease)?;
            let id = ReleaseId(u32::try_from(state.releases.len() + 1).unwrap_or(u32::MAX));
            state.releases.push(Release {
                id,
                started_at: state.now,
                intent: intent.clone(),
                entries: vec![],
            });
            Ok(id)
        })
        .await
    }

    async fn append(
        &self,
        lease: &Lease,
        release: ReleaseId,
        entries: &[Entry],
    ) -> Result<(), PortError> {
        self.call("append", |state| {
            state.lock.verify(lease)?;
            let now = state.now;
            let found = state.releases.iter_mut().find(|known| known.id == release);
            let release = found.ok_or_else(|| {
                PortError::new(
                    PortErrorKind::NotFound,
                    "append",
                    "there is no such release",
                )
            })?;
            if release.outcome().is_some() {
                // A writer whose answer got lost may say the same once more.
                let kept = release.entries.iter().rev().map(|stamped| &stamped.entry);
                if !entries.iter().rev().eq(kept.take(entries.len())) {
                    let late = format!("{} was written to after its end", release.id);
                    state.violations.push(late);
                }
                return Ok(());
            }
            let stamped = entries.iter().map(|entry| Stamped {
                at: now,
                entry: entry.clone(),
            });
            release.entries.extend(stamped);
            Ok(())
        })
        .await
    }

    async fn read(
        &self,
        _environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<Option<Release>, PortError> {
        self.call("read release", |state| {
            let found = state.releases.iter().find(|known| known.id == release);
            Ok(found.cloned())
        })
        .await
    }

    async fn list(
        &self,
        _environment: &EnvironmentName,
        limit: usize,
    ) -> Result<Vec<Release>, PortError> {
        self.call("list releases", |state| {
            Ok(state.releases.iter().rev().take(limit).cloned().collect())
        })
        .await
    }
}
