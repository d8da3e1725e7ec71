//! What nobody needs any more: blobs without a manifest, and files that a killed platform left.

use super::digest::Digest;
use super::images::{ImageError, Images};
use crate::clock::EpochMillis;

/// How long a blob waits for the manifest that refers to it.
const PATIENCE: i64 = 24 * 60 * 60 * 1000;

impl Images {
    /// Repositories let go of what none of their manifests has referred to for a day; what no
    /// repository has leaves the disk.
    pub fn remove_unused(&self, now: EpochMillis) -> Result<(), ImageError> {
        self.record_references()?;
        self.store.write(|tx| {
            tx.release_unreferenced_blobs(now.plus(-PATIENCE))?;
            for unused in tx.unused_blobs()? {
                if let Ok(digest) = unused.parse::<Digest>() {
                    self.drop_unused(tx, &digest)?;
                }
            }
            Ok(())
        })
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

    /// An older store does not know what its manifests refer to.
    fn record_references(&self) -> Result<(), ImageError> {
        let unknown = self
            .store
            .read(|view| view.manifests_without_references())?;
        for (repository, manifest) in unknown {
            let Some(digest) = manifest.parse::<Digest>().ok() else {
                continue;
            };
            let stored = self
                .store
                .read(|view| view.manifest(&repository, &manifest))?;
            let read = stored.and_then(|stored| self.read(&digest, &stored.media_type));
            let Some(read) = read else { continue };
            let references = read.references().into_iter();
            let digests: Vec<&str> = references.map(|one| one.digest.as_str()).collect();
            self.store.write(|tx| {
                // It may have been removed meanwhile.
                match tx.manifest(&repository, &manifest)? {
                    Some(_) => tx.put_references(&repository, &manifest, &digests),
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }
}
