//! The image registry's blobs: which there are, and which repositories hold them.

use rusqlite::{OptionalExtension, params};

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

impl View<'_> {
    /// The size in bytes of a blob, or `None` when there is none.
    pub fn blob_size(&self, digest: &str) -> Result<Option<u64>, StoreError> {
        let size: Option<i64> = self
            .connection
            .prepare_cached("SELECT size FROM blobs WHERE digest = ?1")?
            .query_row([digest], |row| row.get(0))
            .optional()?;
        Ok(size.map(i64::unsigned_abs))
    }

    /// The size in bytes of a blob that the repository holds.
    pub fn held_blob_size(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Option<u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT size FROM repository_blobs JOIN blobs USING (digest) \
             WHERE repository = ?1 AND digest = ?2",
        )?;
        let size = statement.query_row([repository, digest], |row| row.get::<_, i64>(0));
        Ok(size.optional()?.map(i64::unsigned_abs))
    }

    /// The blobs that nobody has: no repository, and no manifest is made of them.
    pub fn unused_blobs(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM repository_blobs) \
             AND digest NOT IN (SELECT digest FROM manifests)",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a repository holds the blob, or a manifest is made of it.
    pub fn is_blob_used(&self, digest: &str) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = ?1) \
             OR EXISTS (SELECT 1 FROM manifests WHERE digest = ?1)",
        )?;
        Ok(statement.query_row([digest], |row| row.get(0))?)
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

    /// Lets the repository hold a blob that is there. Its time counts from the last such moment.
    pub fn hold_blob(
        &self,
        repository: &str,
        digest: &str,
        now: EpochMillis,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO repository_blobs (repository, digest, created_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (repository, digest) DO UPDATE SET created_at = excluded.created_at",
            )?
            .execute(params![repository, digest, now])?;
        Ok(())
    }

    /// The repository lets go of a blob; whether it held it.
    pub fn release_blob(&self, repository: &str, digest: &str) -> Result<bool, StoreError> {
        let released = self
            .connection
            .prepare_cached("DELETE FROM repository_blobs WHERE repository = ?1 AND digest = ?2")?
            .execute([repository, digest])?;
        Ok(released > 0)
    }

    /// The repository lets go of all its blobs and manifests.
    pub fn clear_repository(&self, repository: &str) -> Result<(), StoreError> {
        for table in ["manifests", "repository_blobs"] {
            let delete = format!("DELETE FROM {table} WHERE repository = ?1");
            self.connection.execute(&delete, [repository])?;
        }
        Ok(())
    }

    /// Repositories let go of blobs that they hold since before `then` and none of their manifests
    /// refers to.
    pub fn release_unreferenced_blobs(&self, then: EpochMillis) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM repository_blobs WHERE created_at < ?1 AND NOT EXISTS \
             (SELECT 1 FROM manifest_references r \
              WHERE r.repository = repository_blobs.repository \
              AND r.digest = repository_blobs.digest)",
            [then],
        )?;
        Ok(())
    }

    /// Forgets a blob whose file is gone or damaged, and all that is made of it.
    pub fn remove_blob(&self, digest: &str) -> Result<(), StoreError> {
        for table in ["manifests", "repository_blobs", "blobs"] {
            let delete = format!("DELETE FROM {table} WHERE digest = ?1");
            self.connection.execute(&delete, [digest])?;
        }
        Ok(())
    }
}
