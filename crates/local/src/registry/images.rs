//! Images as they are kept: what is pushed, found and removed, whoever asks for it. The endpoint
//! and ECR are two ways to the same repositories. Everything here blocks for a few milliseconds.

use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::blobs::{BlobError, BlobFiles};
use super::digest::Digest;
use super::manifest::{Manifest, ManifestError};
use super::reference::{Reference, RepositoryName, TagName};
use super::repositories;
use crate::clock::EpochMillis;
use crate::store::{NewManifest, Store, StoreError, StoredManifest, Tx};

/// The images of one platform: an index in the store, and files.
#[derive(Clone, Debug)]
pub struct Images {
    pub(super) files: BlobFiles,
    pub(crate) store: Arc<Store>,
}

/// A manifest on its way into a repository.
#[derive(Clone, Copy, Debug)]
pub struct NewImage<'a> {
    pub repository: &'a RepositoryName,
    pub bytes: &'a [u8],
    /// What the client says that the bytes are.
    pub media_type: Option<&'a str>,
    /// What the client says that their digest is.
    pub digest: Option<&'a Digest>,
    pub tags: &'a [TagName],
}

/// A manifest that is in its repository.
#[derive(Clone, Debug)]
pub struct PushedImage {
    pub digest: Digest,
    pub manifest: Manifest,
}

/// Why an image is not taken or removed.
#[derive(Debug, Error)]
pub enum ImageError {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("the manifest has the digest {found}, not {said}")]
    WrongDigest { found: Digest, said: Digest },
    #[error("push {0} before the manifest")]
    MissingBlob(Digest),
    #[error("push {0} before the index")]
    MissingManifest(Digest),
    #[error("the manifest {manifest} refers to {digest}")]
    InUse { digest: Digest, manifest: String },
    #[error("{digest} has {found} bytes, not {said}")]
    WrongSize {
        digest: Digest,
        found: u64,
        said: u64,
    },
    #[error(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be \
         overwritten because the tag is immutable."
    )]
    ImmutableTag {
        tag: TagName,
        repository: RepositoryName,
    },
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] BlobError),
}

impl Images {
    /// Keeps a manifest whose parts are there, and lets its tags name it.
    pub fn push(&self, new: &NewImage<'_>, now: EpochMillis) -> Result<PushedImage, ImageError> {
        let algorithm = new.digest.map(Digest::algorithm).unwrap_or_default();
        let digest = Digest::with(algorithm, new.bytes);
        if let Some(said) = new.digest.filter(|said| **said != digest) {
            let (found, said) = (digest, said.clone());
            return Err(ImageError::WrongDigest { found, said });
        }
        let manifest = Manifest::parse(new.bytes, new.media_type)?;
        self.require(new.repository, &manifest)?;
        self.files.write(&digest, new.bytes)?;
        let _placing = self.files.lock();
        self.store.write(|tx| {
            require_free(tx, new, &digest, now)?;
            // A part may have been removed meanwhile.
            self.require_still(tx, new.repository, &manifest)?;
            // So may the same manifest, and its file with it.
            if !self.files.is_whole(&digest, new.bytes.len() as u64)? {
                self.files.write(&digest, new.bytes)?;
            }
            tx.put_blob(digest.as_str(), new.bytes.len() as u64, now)?;
            let subject = manifest.subject.as_ref().map(Digest::as_str);
            let references = manifest.references().into_iter();
            let row = NewManifest {
                repository: new.repository.as_str(),
                digest: digest.as_str(),
                media_type: &manifest.media_type,
                subject,
                artifact_type: manifest.artifact_type.as_deref(),
                references: references.map(|one| one.digest.as_str()).collect(),
            };
            tx.put_manifest(&row, now)?;
            for tag in new.tags {
                tx.put_tag(new.repository.as_str(), tag.as_str(), digest.as_str())?;
            }
            Ok::<_, ImageError>(())
        })?;
        Ok(PushedImage { digest, manifest })
    }

    /// The manifest that is asked for, if its file is as it should be.
    pub fn find(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<(Digest, StoredManifest)>, ImageError> {
        let name = repository.as_str();
        let found = self.store.read::<_, StoreError>(|view| {
            let digest = match reference {
                Reference::Digest(digest) => Some(digest.as_str().to_owned()),
                Reference::Tag(tag) => view.tagged(name, tag.as_str())?,
            };
            digest.map_or(Ok(None), |digest| view.manifest(name, &digest))
        })?;
        let Some(found) = found else {
            return Ok(None);
        };
        let Ok(digest) = found.digest.parse::<Digest>() else {
            return Ok(None);
        };
        if self.files.is_whole(&digest, found.size)? {
            return Ok(Some((digest, found)));
        }
        self.forget(&digest)?;
        Ok(None)
    }

    /// The bytes of a manifest that was found, if they are what its digest says.
    #[must_use]
    pub fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.files.read(digest)
    }

    /// A manifest that was found, read.
    pub fn read(&self, digest: &Digest, media_type: &str) -> Option<Manifest> {
        Manifest::parse(&self.bytes(digest)?, Some(media_type)).ok()
    }

    /// Removes a tag, or a manifest with all its tags; whether it was there.
    pub fn remove(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        now: EpochMillis,
    ) -> Result<bool, ImageError> {
        let name = repository.as_str();
        let digest = match reference {
            Reference::Tag(tag) => {
                return self
                    .store
                    .write(|tx| Ok(tx.remove_tag(name, tag.as_str())?));
            }
            Reference::Digest(digest) => digest,
        };
        let removed = self.store.write::<_, StoreError>(|tx| {
            let removed = tx.remove_manifest(name, digest.as_str(), now)?;
            drop_unused(tx, digest)?;
            Ok(removed)
        })?;
        self.remove_file(digest)?;
        Ok(removed)
    }

    /// The size of a blob that the repository holds, if its file is as it should be.
    pub fn blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, ImageError> {
        let found = self.store.read::<_, StoreError>(|view| {
            view.held_blob_size(repository.as_str(), digest.as_str())
        })?;
        self.whole(digest, found)
    }

    /// The same for a client that will not push the blob when it is there: its time counts anew.
    pub fn blob_to_rely_on(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        now: EpochMillis,
    ) -> Result<Option<u64>, ImageError> {
        let Some(size) = self.blob_size(repository, digest)? else {
            return Ok(None);
        };
        let held = self.store.write::<_, StoreError>(|tx| {
            tx.refresh_hold(repository.as_str(), digest.as_str(), now)
        })?;
        Ok(held.then_some(size))
    }

    /// Makes the finished upload at `file` a blob of the repository.
    pub(super) fn keep_blob(
        &self,
        repository: &RepositoryName,
        upload: (&Path, u64),
        digest: &Digest,
        now: EpochMillis,
    ) -> Result<(), ImageError> {
        let (file, size) = upload;
        // Nobody removes the file as unused meanwhile.
        let _placing = self.files.lock();
        self.store.write(|tx| {
            self.files.keep(file, digest)?;
            tx.put_blob(digest.as_str(), size, now)?;
            repositories::find_or_create(tx, repository, now)?;
            Ok(tx.hold_blob(repository.as_str(), digest.as_str(), now)?)
        })
    }

    /// Lets the repository hold a blob of `from`, or of any repository; whether there is such a
    /// blob.
    pub(super) fn mount_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
        now: EpochMillis,
    ) -> Result<bool, ImageError> {
        let found = self.store.read::<_, StoreError>(|view| match from {
            Some(from) => view.held_blob_size(from.as_str(), digest.as_str()),
            None => view.blob_size(digest.as_str()),
        })?;
        if self.whole(digest, found)?.is_none() {
            return Ok(false);
        }
        self.store.write(|tx| {
            if tx.blob_size(digest.as_str())?.is_none() {
                return Ok(false);
            }
            repositories::find_or_create(tx, repository, now)?;
            tx.hold_blob(repository.as_str(), digest.as_str(), now)?;
            Ok(true)
        })
    }

    /// Takes a blob that no manifest refers to from the repository; whether it was there.
    pub(super) fn release_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, ImageError> {
        let name = repository.as_str();
        let released = self.store.write(|tx| {
            if !tx.release_blob(name, digest.as_str())? {
                return Ok(false);
            }
            if let Some(manifest) = tx.parent_manifest(name, digest.as_str())? {
                let digest = digest.clone();
                return Err(ImageError::InUse { digest, manifest });
            }
            drop_unused(tx, digest)?;
            Ok(true)
        })?;
        self.remove_file(digest)?;
        Ok(released)
    }

    /// Removes the blob's file if the blob is in the index no more. Outside the transaction that
    /// took it out: every change of the platform would wait for the disk.
    pub(super) fn remove_file(&self, digest: &Digest) -> Result<(), ImageError> {
        let _removing = self.files.lock();
        let known = self
            .store
            .read::<_, StoreError>(|view| view.blob_size(digest.as_str()))?;
        match known {
            // It is still used, or has been pushed again meanwhile.
            Some(_) => Ok(()),
            None => Ok(self.files.remove(digest)?),
        }
    }

    /// A file that went missing or was cut is forgotten, so that it can be pushed again.
    fn whole(&self, digest: &Digest, size: Option<u64>) -> Result<Option<u64>, ImageError> {
        let Some(size) = size else {
            return Ok(None);
        };
        if self.files.is_whole(digest, size)? {
            return Ok(Some(size));
        }
        self.forget(digest).map(|()| None)
    }

    fn forget(&self, digest: &Digest) -> Result<(), ImageError> {
        self.store.write(|tx| {
            let Some(size) = tx.blob_size(digest.as_str())? else {
                return Ok(());
            };
            // It may have been pushed again meanwhile.
            if self.files.is_whole(digest, size)? {
                return Ok(());
            }
            Ok(tx.lose_blob(digest.as_str(), EpochMillis::now())?)
        })
    }
}

/// Takes the blob out of the index when nobody has it any more; its file is then to be removed.
pub(super) fn drop_unused(tx: &Tx<'_>, digest: &Digest) -> Result<(), StoreError> {
    if tx.is_blob_used(digest.as_str())? {
        return Ok(());
    }
    tx.remove_blob(digest.as_str())
}

/// None of the tags names another image already, where that is for good.
fn require_free(
    tx: &Tx<'_>,
    new: &NewImage<'_>,
    digest: &Digest,
    now: EpochMillis,
) -> Result<(), ImageError> {
    let record = repositories::find_or_create(tx, new.repository, now)?;
    for tag in new.tags {
        let named = tx.tagged(new.repository.as_str(), tag.as_str())?;
        let is_other = named.is_some_and(|named| named != digest.as_str());
        if is_other && record.is_immutable(tag) {
            return Err(ImageError::ImmutableTag {
                tag: tag.clone(),
                repository: new.repository.clone(),
            });
        }
    }
    Ok(())
}
