//! JSON documents by kind and key, and numbers that are never given twice.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StoreError, Tx, View};

/// A thing that the platform remembers as JSON: a cluster, a service, a task.
pub trait Document: Serialize + DeserializeOwned {
    /// The name of the kind; part of the store's format.
    const KIND: &'static str;
}

impl View<'_> {
    /// The document with exactly this key.
    pub fn get<D: Document>(&self, key: &str) -> Result<Option<D>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM documents WHERE kind = ?1 AND key = ?2")?;
        let body: Option<String> = statement
            .query_row(params![D::KIND, key], |row| row.get(0))
            .optional()?;
        body.map(|body| decode(key, &body)).transpose()
    }

    /// All documents of the kind whose key starts with `prefix`, by key.
    pub fn list<D: Document>(&self, prefix: &str) -> Result<Vec<(String, D)>, StoreError> {
        // Keys from the prefix on, up to the first that no longer has it: the
        // primary key finds the start, so the cost is that of the result.
        let mut statement = self.connection.prepare_cached(
            "SELECT key, body FROM documents WHERE kind = ?1 AND key >= ?2 ORDER BY key",
        )?;
        let mut rows = statement.query(params![D::KIND, prefix])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            if !key.starts_with(prefix) {
                break;
            }
            let body: String = row.get(1)?;
            let document = decode(&key, &body)?;
            found.push((key, document));
        }
        Ok(found)
    }
}

impl Tx<'_> {
    /// Writes the document, replacing an older one.
    pub fn put<D: Document>(&self, key: &str, document: &D) -> Result<(), StoreError> {
        let body = serde_json::to_string(document).map_err(|source| failed::<D>(key, source))?;
        self.connection
            .prepare_cached(
                "INSERT INTO documents (kind, key, body) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            )?
            .execute(params![D::KIND, key, body])?;
        Ok(())
    }

    /// Removes the document; a missing one is fine.
    pub fn remove<D: Document>(&self, key: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND key = ?2")?
            .execute(params![D::KIND, key])?;
        Ok(())
    }

    /// The next number of the counter `name`: 1, 2, 3...
    pub fn next_number(&self, name: &str) -> Result<u64, StoreError> {
        let value: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO counters (name, value) VALUES (?1, 1) \
                 ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            )?
            .query_row([name], |row| row.get(0))?;
        Ok(value.unsigned_abs())
    }
}

fn decode<D: Document>(key: &str, body: &str) -> Result<D, StoreError> {
    serde_json::from_str(body).map_err(|source| failed::<D>(key, source))
}

fn failed<D: Document>(key: &str, source: serde_json::Error) -> StoreError {
    StoreError::Document {
        kind: D::KIND,
        key: key.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Service {
        desired: u32,
    }

    impl Document for Service {
        const KIND: &'static str = "service";
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Cluster;

    impl Document for Cluster {
        const KIND: &'static str = "cluster";
    }

    fn store(dir: &tempfile::TempDir) -> Store {
        Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap()
    }

    #[test]
    fn documents_are_found_by_kind_and_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        store
            .write::<_, StoreError>(|tx| {
                tx.put("shop/api", &Service { desired: 1 })?;
                tx.put("shop/api", &Service { desired: 2 })?;
                tx.put("shop/web", &Service { desired: 3 })?;
                tx.put("shopping/api", &Service { desired: 4 })?;
                tx.put("shop/zzz", &Cluster)
            })
            .unwrap();
        let keys: Vec<_> = store
            .read::<_, StoreError>(|view| view.list::<Service>("shop/"))
            .unwrap()
            .into_iter()
            .map(|(key, service)| (key, service.desired))
            .collect();
        assert_eq!(
            keys,
            [("shop/api".to_owned(), 2), ("shop/web".to_owned(), 3)]
        );
    }

    #[test]
    fn a_removed_document_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        store
            .write::<_, StoreError>(|tx| tx.put("a", &Cluster))
            .unwrap();
        store
            .write::<_, StoreError>(|tx| tx.remove::<Cluster>("a"))
            .unwrap();
        let found = store
            .read::<_, StoreError>(|view| view.get::<Cluster>("a"))
            .unwrap();
        assert_eq!(found, None);
    }

    #[test]
    fn numbers_are_never_given_twice() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let next = || {
            store
                .write::<_, StoreError>(|tx| tx.next_number("family/api"))
                .unwrap()
        };
        assert_eq!([next(), next(), next()], [1, 2, 3]);
        let other = store
            .write::<_, StoreError>(|tx| tx.next_number("family/web"))
            .unwrap();
        assert_eq!(other, 1);
    }

    #[test]
    fn a_thousand_services_are_written_and_listed_quickly() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let start = std::time::Instant::now();
        for number in 0..1000 {
            let key = format!("shop/service-{number:04}");
            store
                .write::<_, StoreError>(|tx| tx.put(&key, &Service { desired: number }))
                .unwrap();
        }
        let listed = store
            .read::<_, StoreError>(|view| view.list::<Service>(""))
            .unwrap();
        assert_eq!(listed.len(), 1000);
        // About 0.1 s; the bound only catches a scan or an fsync per write.
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }
}
