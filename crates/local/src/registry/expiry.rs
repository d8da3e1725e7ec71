//! Lifecycle policies, applied.

use std::collections::BTreeMap;

use super::images::{ImageError, Images};
use super::lifecycle::{Candidate, LifecyclePolicy};
use super::reference::{Reference, RepositoryName};
use super::repositories::RepositoryRecord;
use crate::clock::EpochMillis;
use crate::store::{StoreError, View};

impl Images {
    /// Removes the images whose time is over by the policy of their repository.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), ImageError> {
        let all = self.store.read(|view| view.list::<RepositoryRecord>(""))?;
        for (name, record) in all {
            let policy = record.lifecycle_policy.as_deref();
            let policy = policy.and_then(|text| LifecyclePolicy::parse(text).ok());
            let (Some(policy), Ok(name)) = (policy, name.parse::<RepositoryName>()) else {
                continue;
            };
            self.apply(&policy, &name, now)?;
        }
        Ok(())
    }

    fn apply(
        &self,
        policy: &LifecyclePolicy,
        name: &RepositoryName,
        now: EpochMillis,
    ) -> Result<(), ImageError> {
        let images = self.store.read(|view| candidates(view, name))?;
        for expired in policy.expired(&images, now) {
            let Ok(digest) = expired.image.digest.parse() else {
                continue;
            };
            let parent = self
                .store
                .read(|view| view.parent_manifest(name.as_str(), &expired.image.digest))?;
            // An image of an index stays as long as the index.
            if parent.is_none() {
                tracing::info!(repository = %name, %digest, rule = expired.rule, "an image expired");
                self.remove(name, &Reference::Digest(digest))?;
            }
        }
        self.store.write(|tx| {
            if let Some(mut record) = tx.get::<RepositoryRecord>(name.as_str())? {
                record.lifecycle_evaluated_at = Some(now);
                tx.put(name.as_str(), &record)?;
            }
            Ok(())
        })
    }
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
