//! The image registry's index: which blobs and manifests there are. The bytes
//! themselves are files (see `registry`).

use rusqlite::{OptionalExtension, params};

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

/// A manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

impl View<'_> {
    /// The size in bytes of a blob, or `None` when it was never stored.
    pub fn blob_size(&self, digest: &str) -> Result<Option<u64>, StoreError> {
        let size: Option<i64> = self
            .connection
            .prepare_cached("SELECT size FROM blobs WHERE digest = ?1")?
            .query_row([digest], |row| row.get(0))
            .optional()?;
        Ok(size.map(i64::unsigned_abs))
    }

    /// The manifest with this digest, if the repository has it.
    pub fn manifest(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Option<StoredManifest>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT manifests.media_type, blobs.size FROM manifests JOIN blobs USING (digest) \
             WHERE repository = ?1 AND digest = ?2",
        )?;
        let found = statement.query_row([repository, digest], |row| {
            Ok(StoredManifest {
                media_type: row.get(0)?,
                size: row.get::<_, i64>(1)?.unsigned_abs(),
            })
        });
        Ok(found.optional()?)
    }
}

impl Tx<'_> {
    /// Records a blob whose file is in its place.
    pub fn put_blob(&self, digest: &str, size: u64, now: EpochMillis) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO blobs (digest, size, created_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (digest) DO NOTHING",
            )?
            .execute(params![
                digest,
                i64::try_from(size).unwrap_or(i64::MAX),
                now
            ])?;
        Ok(())
    }

    /// Forgets a blob whose file is gone or damaged, and the manifests in it.
    pub fn remove_blob(&self, digest: &str) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM manifests WHERE digest = ?1", [digest])?;
        self.connection
            .execute("DELETE FROM blobs WHERE digest = ?1", [digest])?;
        Ok(())
    }

    /// Makes the blob `digest` a manifest of `repository`.
    pub fn put_manifest(
        &self,
        repository: &str,
        digest: &str,
        media_type: &str,
        now: EpochMillis,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO manifests (repository, digest, media_type, created_at) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (repository, digest) DO NOTHING",
            )?
            .execute(params![repository, digest, media_type, now])?;
        Ok(())
    }
}
