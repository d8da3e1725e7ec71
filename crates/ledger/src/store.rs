//! What the ledger needs of an object store: a directory today, a bucket with conditional writes
//! the same way.

use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use thiserror::Error;

/// Whole objects under keys like `releases/local/000012/intent.json`.
///
/// A write is atomic and durable when its call returns; a write whose future is dropped happens
/// or does not, never half.
#[async_trait]
pub trait ObjectStore: fmt::Debug + Send + Sync {
    /// The object, if it is there.
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;
    /// Writes an object that is not there yet.
    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Written, StoreError>;
    /// Writes an object in place of the one that was read as `expected`.
    async fn replace(
        &self,
        key: &str,
        expected: &Version,
        bytes: Vec<u8>,
    ) -> Result<Written, StoreError>;
    /// The names right below `prefix` (no slash at its end), in no order; none if it is not there.
    async fn children(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub version: Version,
}

/// Says whether an object is still the one that was read; an ETag on S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version of an object with this content, good for comparing within this process. Enough
    /// where no content comes back, as with locks: their generation and heartbeat only grow.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self(format!("{}-{:x}", bytes.len(), hasher.finish()))
    }
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    Done,
    /// Another writer was first; nothing was written.
    Outrun,
}

/// The store could not read or write.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("a task of the store was lost")]
    Task(#[source] tokio::task::JoinError),
}
