//! What a manifest is made of must be in its repository before the manifest is.

use super::images::{ImageError, Images};
use super::manifest::{Content, Descriptor, Manifest};
use super::reference::{Reference, RepositoryName};
use crate::store::Tx;

impl Images {
    /// All parts of a manifest are in its repository, and as long as it says.
    pub(super) fn require(
        &self,
        repository: &RepositoryName,
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        for one in manifest.references() {
            let size = if is_index(manifest) {
                let found = self.find(repository, &Reference::Digest(one.digest.clone()))?;
                found.map(|(_, found)| found.size)
            } else {
                self.blob_size(repository, &one.digest)?
            };
            require_size(manifest, one, size)?;
        }
        Ok(())
    }

    /// The same in the transaction that enters the manifest, where nothing is forgotten.
    pub(super) fn require_still(
        &self,
        tx: &Tx<'_>,
        repository: &RepositoryName,
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        let name = repository.as_str();
        for one in manifest.references() {
            let size = if is_index(manifest) {
                let found = tx.manifest(name, one.digest.as_str())?;
                found.map(|found| found.size)
            } else {
                tx.held_blob_size(name, one.digest.as_str())?
            };
            let is_whole = self.files.is_whole(&one.digest, one.size)?;
            require_size(
                manifest,
                one,
                size.filter(|size| is_whole || *size != one.size),
            )?;
        }
        Ok(())
    }
}

fn is_index(manifest: &Manifest) -> bool {
    matches!(manifest.content, Content::Index(_))
}

fn require_size(
    manifest: &Manifest,
    one: &Descriptor,
    found: Option<u64>,
) -> Result<(), ImageError> {
    match found {
        Some(found) if found == one.size => Ok(()),
        Some(found) => Err(ImageError::WrongSize {
            digest: one.digest.clone(),
            found,
            said: one.size,
        }),
        None if is_index(manifest) => Err(ImageError::MissingManifest(one.digest.clone())),
        None => Err(ImageError::MissingBlob(one.digest.clone())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{BlobFiles, Digest};
    use super::*;
    use crate::clock::EpochMillis;
    use crate::keys::StoreKey;
    use crate::store::Store;

    #[test]
    fn a_part_that_went_since_the_first_look_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let files = BlobFiles::prepare(dir.path().join("registry")).unwrap();
        let (store, name) = (Arc::new(store), "shop/api".parse().unwrap());
        let images = Images { files, store };
        let (now, blob) = (EpochMillis(1), Digest::of(b"{}"));
        let upload = dir.path().join("upload");
        std::fs::write(&upload, b"{}").unwrap();
        images.keep_blob(&name, (&upload, 2), &blob, now).unwrap();
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"test/config","digest":"{blob}","size":2}},"layers":[]}}"#
        );
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = Manifest::parse(manifest.as_bytes(), Some(media_type)).unwrap();
        images.require(&name, &manifest).unwrap();
        let still = || {
            images
                .store
                .write(|tx| images.require_still(tx, &name, &manifest))
        };
        still().unwrap();
        images.files.remove(&blob).unwrap();
        assert!(
            matches!(still(), Err(ImageError::MissingBlob(_))),
            "its file"
        );
        images.files.write(&blob, b"{}").unwrap();
        still().unwrap();
        assert!(images.release_blob(&name, &blob).unwrap());
        assert!(
            matches!(still(), Err(ImageError::MissingBlob(_))),
            "its entry"
        );
    }
}
