//! Emptying the store.

use rusqlite::{Connection, TransactionBehavior};

/// Removes every row of every table: counters, too, so that numbers begin anew.
pub(super) fn remove_everything(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Rows refer to rows of other tables; in the end there are none.
    tx.pragma_update(None, "defer_foreign_keys", true)?;
    for table in tables(&tx)? {
        let table = table.replace('"', "\"\"");
        tx.execute_batch(&format!("DELETE FROM \"{table}\""))?;
    }
    tx.commit()
}

/// Gives back to the disk what rows have left.
pub(super) fn shrink(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Our tables, whatever a version of Seaway calls them; SQLite's own begin with `sqlite_`.
fn tables(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut names = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'",
    )?;
    names.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::{Document, Store, StoreError, Tx};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Note(String);

    impl Document for Note {
        const KIND: &'static str = "note";
    }

    #[test]
    fn nothing_is_left_and_the_store_works_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = Store::open(&path, &StoreKey::generate()).unwrap();
        let fill = |tx: &Tx<'_>| {
            // References as well: a manifest needs its blob.
            tx.connection.execute_batch(
                "INSERT INTO blobs VALUES ('sha256:a', 1, 1);
                 INSERT INTO manifests (repository, digest, media_type, created_at)
                     VALUES ('shop', 'sha256:a', 'x', 1);
                 INSERT INTO counters VALUES ('a', 7);
                 INSERT INTO log_groups (id, name, created_at) VALUES (1, '/shop', 1);
                 INSERT INTO log_streams (log_group, name, created_at) VALUES (1, 'a', 1);",
            )?;
            (0..2000).try_for_each(|n| tx.put(&format!("{n}"), &Note("long ".repeat(100))))
        };
        store.write::<_, StoreError>(fill).unwrap();
        store.clear().unwrap();
        let left = store.read::<_, StoreError>(|view| {
            let mut rows = 0;
            for table in tables(view.connection)? {
                let count = format!("SELECT count(*) FROM {table}");
                rows += view
                    .connection
                    .query_row(&count, [], |row| row.get::<_, i64>(0))?;
            }
            Ok(rows)
        });
        assert_eq!(left.unwrap(), 0);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 500_000, "{size} bytes are kept for nothing");
        store.write::<_, StoreError>(fill).unwrap();
    }
}
