//! Lifecycle policies, applied.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::images::{ImageError, Images, drop_unused};
use super::lifecycle::{Candidate, LifecyclePolicy};
use super::reference::RepositoryName;
use super::repositories::RepositoryRecord;
use crate::clock::EpochMillis;
use crate::store::{StoreError, Tx, View};

impl Images {
    /// Removes the images whose time is over by the policy of their repository.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), ImageError> {
        let list = |view: &View<'_>| view.list::<RepositoryRecord>("");
        for (name, _) in self.store.read(list)? {
            let Ok(name) = name.parse::<RepositoryName>() else {
                continue;
            };
            let removed = self.store.write(|tx| remove_expired_of(tx, &name, now))?;
            for digest in removed {
                self.remove_file(&digest)?;
            }
        }
        Ok(())
    }
}

/// Applies the repository's policy. Looks and removes in one transaction: a tag that moves to an
/// image meanwhile keeps it.
fn remove_expired_of(
    tx: &Tx<'_>,
    name: &RepositoryName,
    now: EpochMillis,
) -> Result<Vec<Digest>, StoreError> {
    let mut removed = Vec::new();
    let Some(mut record) = tx.get::<RepositoryRecord>(name.as_str())? else {
        return Ok(removed);
    };
    let policy = record.lifecycle_policy.as_deref();
    let Some(policy) = policy.and_then(|text| LifecyclePolicy::parse(text).ok()) else {
        return Ok(removed);
    };
    for expired in policy.expired(&candidates(tx, name)?, now) {
        let Ok(digest) = expired.image.digest.parse::<Digest>() else {
            continue;
        };
        // An image of an index stays as long as the index.
        if tx
            .parent_manifest(name.as_str(), digest.as_str())?
            .is_none()
        {
            tracing::info!(repository = %name, %digest, rule = expired.rule, "an image expired");
            tx.remove_manifest(name.as_str(), digest.as_str(), now)?;
            drop_unused(tx, &digest)?;
            removed.push(digest);
        }
    }
    record.lifecycle_evaluated_at = Some(now);
    tx.put(name.as_str(), &record)?;
    Ok(removed)
}

/// All images of a repository, as a policy sees them.
pub fn candidates(view: &View<'_>, name: &RepositoryName) -> Result<Vec<Candidate>, StoreError> {
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in view.image_tags(name.as_str(), "", u32::MAX)? {
        tags.entry(one.digest).or_default().push(one.tag);
    }
    let manifests = view.manifests(name.as_str())?.into_iter();
    let candidate = |one: crate::store::StoredManifest| Candidate {
        tags: tags.remove(&one.digest).unwrap_or_default(),
        digest: one.digest,
        pushed_at: one.pushed_at,
    };
    Ok(manifests.map(candidate).collect())
}
