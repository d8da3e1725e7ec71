//! Blob files: `blobs/sha256/DIGITS` below the registry's directory.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::digest::Digest;
use crate::files;

/// The directories of the registry.
#[derive(Clone, Debug)]
pub struct BlobFiles {
    root: PathBuf,
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
        let files = Self { root };
        let uploads = files.uploads();
        files::remove_if_present(&uploads).map_err(|source| BlobError::at(&uploads, source))?;
        for path in [uploads, files.blobs()] {
            files::create_private_dir(&path).map_err(|source| BlobError::at(&path, source))?;
        }
        Ok(files)
    }

    /// Where the blob with this digest is, if it is.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Where the upload with this name is written.
    pub(super) fn upload(&self, name: &str) -> PathBuf {
        self.uploads().join(name)
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
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
