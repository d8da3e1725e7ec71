//! The tables, and how older stores become current ones.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// Each entry brings a store from version `index` to `index + 1`. Entries are
/// only ever added: a store in somebody's checkout may have any version.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
];

/// Pages of the write-ahead log, of 4 KiB, before they are moved into the database. That waits for
/// the disk, and so does whoever writes: with SQLite's own 1,000 pages, under load, most of the time.
const CHECKPOINT: u32 = 8_000;

/// Refuses a store that a newer Seaway has written.
pub(super) fn refuse_newer(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Brings the tables up to date, one version per transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (number, migration) in (1_u32..)
        .zip(MIGRATIONS)
        .filter(|(number, _)| *number > found)
    {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(migration)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Settings of the writing connection: write-ahead log, so that readers do not wait
/// for the writer. `synchronous = NORMAL` keeps what was committed when the
/// process is killed; only a power cut can lose the last transactions. What undoes
/// a change that fails stays in memory: SQLite keeps a copy of each page for it.
pub(super) fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT, |_| Ok(()))?;
    configure_reader(connection)
}

/// Settings of the reading connection; a cache of 1 MiB.
pub(super) fn configure_reader(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_groups_of_an_older_store_are_of_the_usual_class() {
        let mut connection = Connection::open_in_memory().unwrap();
        for migration in &MIGRATIONS[..3] {
            connection.execute_batch(migration).unwrap();
        }
        connection.pragma_update(None, "user_version", 3).unwrap();
        let add = "INSERT INTO log_groups (name, created_at) VALUES ('/shop', 1)";
        connection.execute(add, []).unwrap();

        migrate(&mut connection).unwrap();

        let query = "SELECT class, kms_key_id FROM log_groups";
        let kept: (String, Option<String>) = connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(kept, ("STANDARD".to_owned(), None));
        assert_eq!(version(&connection).unwrap(), 4);
    }
}
