//! Blobs in a directory, named by their digests: `blobs/sha256/DIGITS`.
//!
//! A blob appears whole or not at all. What a killed build leaves behind is a temporary file that
//! nobody reads.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use seaway_core::digest::Digest;
use tempfile::NamedTempFile;
use thiserror::Error;

/// A local content-addressed store of images.
#[derive(Debug, Clone)]
pub struct ImageStore {
    blobs: PathBuf,
}

/// The store cannot be used.
#[derive(Debug, Error)]
#[error("cannot {action} {}", path.display())]
pub struct StoreError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl ImageStore {
    /// Uses `root` and creates it, for its owner alone, where it is missing.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let blobs = root.into().join("blobs/sha256");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&blobs)
            .map_err(failed("create the directory", &blobs))?;
        Ok(Self { blobs })
    }

    /// Where a blob is, if it is.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    /// The blob's bytes; none if it is not there or no longer what its name says.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(digest);
        match std::fs::read(&path) {
            Ok(bytes) => Ok((Digest::of(&bytes) == *digest).then_some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Makes `bytes` a blob.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.read(&digest)?.is_some() {
            return Ok(digest);
        }
        let mut file = self.temporary()?;
        file.write_all(bytes)
            .map_err(failed("write", file.path()))?;
        self.keep(file, &digest)?;
        Ok(digest)
    }

    /// A file that may become a blob; it goes when it is dropped. Its mode is 0600.
    pub(crate) fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.blobs)
            .map_err(failed("create a file in", &self.blobs))
    }

    /// Makes a file, whose bytes have this digest, a blob.
    pub(crate) fn keep(&self, file: NamedTempFile, digest: &Digest) -> Result<(), StoreError> {
        let place = self.path(digest);
        file.as_file()
            .sync_all()
            .map_err(failed("write", file.path()))?;
        file.persist(&place)
            .map_err(|error| failed("create", &place)(error.error))?;
        Ok(())
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_was_changed_is_none() {
        let place = tempfile::tempdir().unwrap();
        let store = ImageStore::open(place.path().join("images")).unwrap();
        let digest = store.put(b"layer").unwrap();
        assert_eq!(store.read(&digest).unwrap().as_deref(), Some(&b"layer"[..]));
        std::fs::write(store.path(&digest), b"loyer").unwrap();
        assert_eq!(store.read(&digest).unwrap(), None);
        assert_eq!(store.read(&Digest::of(b"other")).unwrap(), None);
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let store = ImageStore::open(place.path()).unwrap();
        drop(store.temporary().unwrap());
        assert_eq!(std::fs::read_dir(&store.blobs).unwrap().count(), 0);
    }
}
