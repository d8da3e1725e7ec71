//! The image registry's blobs: which there are, and which repositories hold them.

use std::collections::BTreeSet;

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

    /// Repository and digest of each manifest that is the blob, names it, or names such a manifest.
    fn manifests_made_of(&self, digest: &str) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH RECURSIVE made (repository, manifest) AS ( \
             SELECT repository, digest FROM manifests WHERE digest = ?1 \
             UNION SELECT repository, manifest FROM manifest_references WHERE digest = ?1 \
             UNION SELECT r.repository, r.manifest FROM made JOIN manifest_references r \
             ON r.repository = made.repository AND r.digest = made.manifest) \
             SELECT repository, manifest FROM made",
        )?;
        let rows = statement.query_map([digest], |row| Ok((row.get(0)?, row.get(1)?)))?;
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

    /// What the repository holds counts its time anew from `now`; whether it holds the blob.
    pub fn refresh_hold(
        &self,
        repository: &str,
        digest: &str,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        let held = self
            .connection
            .prepare_cached(
                "UPDATE repository_blobs SET created_at = max(created_at, ?3) \
                 WHERE repository = ?1 AND digest = ?2",
            )?
            .execute(params![repository, digest, now])?;
        Ok(held > 0)
    }

    /// The same for all blobs that the manifest refers to.
    pub fn refresh_parts(
        &self,
        repository: &str,
        manifest: &str,
        now: EpochMillis,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE repository_blobs SET created_at = max(created_at, ?3) \
                 WHERE repository = ?1 AND digest IN (SELECT digest FROM manifest_references \
                 WHERE repository = ?1 AND manifest = ?2)",
            )?
            .execute(params![repository, manifest, now])?;
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
    /// refers to; but for those in `spared`, whose manifests may refer to anything.
    pub fn release_unreferenced_blobs(
        &self,
        then: EpochMillis,
        spared: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let spared = serde_json::json!(spared).to_string();
        self.connection.execute(
            "DELETE FROM repository_blobs WHERE created_at < ?1 \
             AND repository NOT IN (SELECT value FROM json_each(?2)) AND NOT EXISTS \
             (SELECT 1 FROM manifest_references r \
              WHERE r.repository = repository_blobs.repository \
              AND r.digest = repository_blobs.digest)",
            params![then, spared],
        )?;
        Ok(())
    }

    /// Forgets a blob that nobody has.
    pub fn remove_blob(&self, digest: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM blobs WHERE digest = ?1")?
            .execute([digest])?;
        Ok(())
    }

    /// Forgets a blob whose file is gone or damaged, and all that is made of it: an image that
    /// lacks a part must not pass for one that need not be pushed.
    pub fn lose_blob(&self, digest: &str, now: EpochMillis) -> Result<(), StoreError> {
        for (repository, manifest) in self.manifests_made_of(digest)? {
            self.remove_manifest(&repository, &manifest, now)?;
        }
        self.connection
            .prepare_cached("DELETE FROM repository_blobs WHERE digest = ?1")?
            .execute([digest])?;
        self.remove_blob(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::{NewManifest, Store};

    #[test]
    fn a_lost_blob_takes_along_what_is_made_of_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let (then, now) = (EpochMillis(1), EpochMillis(2));
        let manifest = |digest, references| NewManifest {
            repository: "shop/api",
            digest,
            media_type: "type",
            subject: None,
            artifact_type: None,
            references,
        };
        let all = [
            manifest("image", vec!["lost", "layer"]),
            manifest("index", vec!["image", "other"]),
            manifest("other", vec!["layer"]),
        ];
        let left = store.write::<_, StoreError>(|tx| {
            for digest in ["lost", "layer"] {
                tx.put_blob(digest, 5, then)?;
                tx.hold_blob("shop/api", digest, then)?;
            }
            for one in &all {
                tx.put_blob(one.digest, 7, then)?;
                tx.put_manifest(one, then)?;
            }
            tx.lose_blob("lost", now)?;
            assert_eq!(tx.blob_size("lost")?, None);
            let left = tx.manifests("shop/api")?;
            tx.remove_manifest("shop/api", "other", then)?;
            tx.release_unreferenced_blobs(now, &BTreeSet::new())?;
            assert_eq!(tx.held_blob_size("shop/api", "layer")?, Some(5));
            Ok(left)
        });
        let left: Vec<_> = left.unwrap().into_iter().map(|one| one.digest).collect();
        assert_eq!(left, ["other"]);
    }
}
