//! What nobody needs any more: blobs without a manifest, and files that a killed platform left.

use std::collections::BTreeSet;

use super::digest::Digest;
use super::images::{ImageError, Images, drop_unused};
use crate::clock::EpochMillis;
use crate::store::StoreError;

/// How long a blob waits for the manifest that refers to it.
const PATIENCE: i64 = 24 * 60 * 60 * 1000;

impl Images {
    /// Repositories let go of what none of their manifests has referred to for a day; what no
    /// repository has leaves the disk.
    pub fn remove_unused(&self, now: EpochMillis) -> Result<(), ImageError> {
        let spared = self.record_references()?;
        let unused = self.store.write::<_, StoreError>(|tx| {
            tx.release_unreferenced_blobs(now.plus(-PATIENCE), &spared)?;
            tx.unused_blobs()
        })?;
        for digest in unused.iter().flat_map(|text| text.parse::<Digest>()) {
            // Each in a transaction of its own, so that nobody waits for all of them.
            self.store.write(|tx| drop_unused(tx, &digest))?;
            self.remove_file(&digest)?;
        }
        Ok(())
    }

    /// Removes the files that are in no index. Only while nobody pushes: at the start.
    pub(super) fn remove_strays(&self) -> Result<(), ImageError> {
        for digest in self.files.all()? {
            let known = self.store.read(|view| view.blob_size(digest.as_str()))?;
            if known.is_none() {
                self.files.remove(&digest)?;
            }
        }
        Ok(())
    }

    /// An older store does not know what its manifests refer to. The repositories with a manifest
    /// that cannot be read: it may refer to anything there.
    fn record_references(&self) -> Result<BTreeSet<String>, ImageError> {
        let mut unread = BTreeSet::new();
        let unknown = self
            .store
            .read(|view| view.manifests_without_references())?;
        for (repository, manifest) in unknown {
            let stored = self
                .store
                .read::<_, StoreError>(|view| view.manifest(&repository, &manifest))?;
            let Some(stored) = stored else { continue };
            let digest = manifest.parse::<Digest>().ok();
            let read = digest.and_then(|digest| self.read(&digest, &stored.media_type));
            let Some(read) = read else {
                tracing::warn!(repository, manifest, "a manifest cannot be read");
                unread.insert(repository);
                continue;
            };
            let references = read.references().into_iter();
            let digests: Vec<&str> = references.map(|one| one.digest.as_str()).collect();
            self.store.write::<_, StoreError>(|tx| {
                // It may have been removed meanwhile.
                match tx.manifest(&repository, &manifest)? {
                    Some(_) => tx.put_references(&repository, &manifest, &digests),
                    None => Ok(()),
                }
            })?;
        }
        Ok(unread)
    }
}
