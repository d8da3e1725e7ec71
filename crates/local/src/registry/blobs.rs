//! Blob files: `blobs/sha256/DIGITS` and `blobs/sha512/DIGITS` below the registry's directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use super::digest::{Algorithm, Digest};
use crate::files;

/// The directories of the registry.
#[derive(Clone, Debug)]
pub struct BlobFiles {
    root: PathBuf,
    /// See [`BlobFiles::lock`].
    changes: Arc<Mutex<()>>,
}

/// The registry's files cannot be used.
#[derive(Debug, Error)]
#[error("failed to use {path}")]
pub struct BlobError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl BlobFiles {
    /// Creates the directories below `root` and drops what unfinished uploads
    /// of an earlier run have left.
    pub fn prepare(root: PathBuf) -> Result<Self, BlobError> {
        let files = Self {
            root,
            changes: Arc::default(),
        };
        let uploads = files.uploads();
        files::remove_if_present(&uploads).map_err(|source| BlobError::at(&uploads, source))?;
        let blobs = Algorithm::ALL.map(|algorithm| files.blobs(algorithm));
        for path in blobs.into_iter().chain([uploads]) {
            files::create_private_dir(&path).map_err(|source| BlobError::at(&path, source))?;
        }
        Ok(files)
    }

    /// Held by whoever puts a file into its place and enters it into the index, and by whoever
    /// finds that it is not in the index and removes it.
    ///
    /// Invariant: taken before the store's write lock, never while holding it.
    pub(super) fn lock(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the blob with this digest is, if it is.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs(digest.algorithm()).join(digest.hex())
    }

    /// Whether the file of this digest is there and as long as it should be. A file that cannot be
    /// looked at is not missing: whoever hears `false` forgets the blob.
    pub(super) fn is_whole(&self, digest: &Digest, size: u64) -> Result<bool, BlobError> {
        let path = self.path(digest);
        match fs::metadata(&path) {
            Ok(file) => Ok(file.len() == size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(BlobError::at(&path, source)),
        }
    }

    /// The bytes of a small blob, if they are what the digest says.
    pub(super) fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(digest)).ok()?;
        (Digest::with(digest.algorithm(), &bytes) == *digest).then_some(bytes)
    }

    /// Writes a small blob whose bytes are known to have the digest.
    pub(super) fn write(&self, digest: &Digest, bytes: &[u8]) -> Result<(), BlobError> {
        let path = self.path(digest);
        files::replace_durably(&path, bytes).map_err(|source| BlobError::at(&path, source))
    }

    /// Makes the finished upload at `from` the blob `digest`.
    pub(super) fn keep(&self, from: &Path, digest: &Digest) -> Result<(), BlobError> {
        let path = self.path(digest);
        fs::rename(from, &path).map_err(|source| BlobError::at(&path, source))
    }

    /// Removes the blob; a missing one is fine.
    pub(super) fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        let path = self.path(digest);
        files::remove_if_present(&path).map_err(|source| BlobError::at(&path, source))
    }

    /// The digests of all files; what a killed platform was writing is not among them.
    pub(super) fn all(&self) -> Result<Vec<Digest>, BlobError> {
        let mut found = Vec::new();
        for algorithm in Algorithm::ALL {
            let directory = self.blobs(algorithm);
            let failed = |source| BlobError::at(&directory, source);
            for entry in fs::read_dir(&directory).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                let digest = format!("{}:{}", algorithm.name(), name.to_string_lossy());
                found.extend(digest.parse::<Digest>().ok());
            }
        }
        Ok(found)
    }

    /// Where the upload with this name is written.
    pub(super) fn upload(&self, name: &str) -> PathBuf {
        self.uploads().join(name)
    }

    fn blobs(&self, algorithm: Algorithm) -> PathBuf {
        self.root.join("blobs").join(algorithm.name())
    }

    fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }
}

impl BlobError {
    pub(super) fn at(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            source,
        }
    }
}
