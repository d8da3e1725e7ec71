//! The image registry's index: which manifests there are, what they are called and what they
//! refer to. The bytes themselves are files (see `registry`); blobs are in `blobs`.

use rusqlite::{OptionalExtension, Row, params};

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

/// A manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    pub digest: String,
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// When the repository got it.
    pub pushed_at: EpochMillis,
    /// The digest of the manifest that this one says something about.
    pub subject: Option<String>,
    pub artifact_type: Option<String>,
}

/// A manifest to be recorded; its bytes are a blob.
#[derive(Clone, Debug)]
pub struct NewManifest<'a> {
    pub repository: &'a str,
    pub digest: &'a str,
    pub media_type: &'a str,
    pub subject: Option<&'a str>,
    pub artifact_type: Option<&'a str>,
    /// The digests of what it is made of.
    pub references: Vec<&'a str>,
}

/// A name for a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTag {
    pub tag: String,
    pub digest: String,
}

const MANIFEST_COLUMNS: &str = "manifests.digest, manifests.media_type, blobs.size, \
     manifests.created_at, manifests.subject, manifests.artifact_type";

impl View<'_> {
    /// The manifest with this digest, if the repository has it.
    pub fn manifest(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Option<StoredManifest>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MANIFEST_COLUMNS} FROM manifests JOIN blobs USING (digest) \
             WHERE repository = ?1 AND digest = ?2"
        ))?;
        let found = statement.query_row([repository, digest], manifest_of);
        Ok(found.optional()?)
    }

    /// All manifests of the repository, by digest.
    pub fn manifests(&self, repository: &str) -> Result<Vec<StoredManifest>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MANIFEST_COLUMNS} FROM manifests JOIN blobs USING (digest) \
             WHERE repository = ?1 ORDER BY digest"
        ))?;
        let rows = statement.query_map([repository], manifest_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The manifests that say something about `subject`, by digest.
    pub fn referrers(
        &self,
        repository: &str,
        subject: &str,
    ) -> Result<Vec<StoredManifest>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MANIFEST_COLUMNS} FROM manifests JOIN blobs USING (digest) \
             WHERE repository = ?1 AND subject = ?2 ORDER BY digest"
        ))?;
        let rows = statement.query_map([repository, subject], manifest_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Manifests whose references are not on record: of an older store, or without any.
    pub fn manifests_without_references(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT repository, digest FROM manifests WHERE NOT EXISTS \
             (SELECT 1 FROM manifest_references r WHERE r.repository = manifests.repository \
              AND r.manifest = manifests.digest)",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A manifest of the repository that is made of the manifest `digest`, if there is one.
    pub fn parent_manifest(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT manifest FROM manifest_references WHERE repository = ?1 AND digest = ?2 LIMIT 1",
        )?;
        let found = statement.query_row([repository, digest], |row| row.get(0));
        Ok(found.optional()?)
    }

    /// The manifests that the manifest is made of.
    pub fn child_manifests(
        &self,
        repository: &str,
        manifest: &str,
    ) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.digest FROM manifest_references r \
             JOIN manifests m ON m.repository = r.repository AND m.digest = r.digest \
             WHERE r.repository = ?1 AND r.manifest = ?2",
        )?;
        let rows = statement.query_map([repository, manifest], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The bytes of the blobs that the manifest names.
    pub fn image_size(&self, repository: &str, manifest: &str) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(sum(blobs.size), 0) FROM manifest_references JOIN blobs USING (digest) \
             WHERE repository = ?1 AND manifest = ?2",
        )?;
        let sum: i64 = statement.query_row([repository, manifest], |row| row.get(0))?;
        Ok(sum.unsigned_abs())
    }

    /// The digest of the manifest that the tag names.
    pub fn tagged(&self, repository: &str, tag: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT digest FROM image_tags WHERE repository = ?1 AND tag = ?2")?;
        let found = statement.query_row([repository, tag], |row| row.get(0));
        Ok(found.optional()?)
    }

    /// The tags of the repository behind `after`, in byte order, at most `limit`.
    pub fn image_tags(
        &self,
        repository: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<StoredTag>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT tag, digest FROM image_tags WHERE repository = ?1 AND tag > ?2 \
             ORDER BY tag LIMIT ?3",
        )?;
        let rows = statement.query_map(params![repository, after, limit], |row| {
            Ok(StoredTag {
                tag: row.get(0)?,
                digest: row.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Makes a blob a manifest of a repository.
    pub fn put_manifest(&self, new: &NewManifest<'_>, now: EpochMillis) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO manifests \
                 (repository, digest, media_type, created_at, subject, artifact_type) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (repository, digest) DO NOTHING",
            )?
            .execute(params![
                new.repository,
                new.digest,
                new.media_type,
                now,
                new.subject,
                new.artifact_type
            ])?;
        self.put_references(new.repository, new.digest, &new.references)?;
        self.refresh_parts(new.repository, new.digest, now)
    }

    /// Records what a manifest refers to.
    pub fn put_references(
        &self,
        repository: &str,
        manifest: &str,
        references: &[&str],
    ) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO manifest_references (repository, manifest, digest) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO NOTHING",
        )?;
        for reference in references {
            insert.execute([repository, manifest, reference])?;
        }
        Ok(())
    }

    /// Removes a manifest and its tags; whether it was there. The time of its parts counts from
    /// now: another manifest that refers to them may be on its way.
    pub fn remove_manifest(
        &self,
        repository: &str,
        digest: &str,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        self.refresh_parts(repository, digest, now)?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM manifests WHERE repository = ?1 AND digest = ?2")?
            .execute([repository, digest])?;
        Ok(removed > 0)
    }

    /// Lets `tag` name the manifest `digest`, whatever it named before.
    pub fn put_tag(&self, repository: &str, tag: &str, digest: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO image_tags (repository, tag, digest) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest",
            )?
            .execute([repository, tag, digest])?;
        Ok(())
    }

    /// Removes a tag; whether it was there.
    pub fn remove_tag(&self, repository: &str, tag: &str) -> Result<bool, StoreError> {
        let removed = self
            .connection
            .prepare_cached("DELETE FROM image_tags WHERE repository = ?1 AND tag = ?2")?
            .execute([repository, tag])?;
        Ok(removed > 0)
    }
}

fn manifest_of(row: &Row<'_>) -> rusqlite::Result<StoredManifest> {
    Ok(StoredManifest {
        digest: row.get(0)?,
        media_type: row.get(1)?,
        size: row.get::<_, i64>(2)?.unsigned_abs(),
        pushed_at: row.get(3)?,
        subject: row.get(4)?,
        artifact_type: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::keys::StoreKey;
    use crate::registry::RepositoryRecord;
    use crate::store::Store;

    #[test]
    fn the_images_of_an_older_store_stay_where_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(include_str!("schema/v1.sql")).unwrap();
        old.execute_batch(
            "INSERT INTO blobs VALUES ('layer', 5, 1), ('one', 7, 1), ('two', 8, 1);
             INSERT INTO manifests VALUES ('shop/api', 'one', 'type', 3), ('web', 'two', 'type', 4);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        let store = Store::open(&path, &StoreKey::generate()).unwrap();
        store
            .read::<_, StoreError>(|view| {
                let record: Option<RepositoryRecord> = view.get("shop/api")?;
                assert_eq!(record, Some(RepositoryRecord::new(EpochMillis(3))));
                let manifest = view.manifest("shop/api", "one")?.unwrap();
                assert_eq!((manifest.size, manifest.pushed_at), (7, EpochMillis(3)));
                assert_eq!(view.held_blob_size("web", "layer")?, Some(5));
                assert_eq!(
                    view.held_blob_size("web", "one")?,
                    None,
                    "manifests are no blobs"
                );
                assert_eq!(view.manifests_without_references()?.len(), 2);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_manifest_that_goes_takes_tags_and_references_along() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let new = NewManifest {
            repository: "shop/api",
            digest: "one",
            media_type: "type",
            subject: None,
            artifact_type: None,
            references: vec!["layer"],
        };
        let now = EpochMillis(1);
        store
            .write::<_, StoreError>(|tx| {
                tx.put_blob("layer", 5, now)?;
                tx.put_blob("one", 7, now)?;
                tx.put_manifest(&new, now)?;
                tx.put_tag("shop/api", "v1", "one")?;
                assert_eq!(tx.image_size("shop/api", "one")?, 5);
                let parent = tx.parent_manifest("shop/api", "layer")?;
                assert_eq!(parent.as_deref(), Some("one"));
                assert!(tx.remove_manifest("shop/api", "one", now)?);
                assert_eq!(tx.tagged("shop/api", "v1")?, None);
                assert_eq!(tx.parent_manifest("shop/api", "layer")?, None);
                Ok(())
            })
            .unwrap();
    }
}
