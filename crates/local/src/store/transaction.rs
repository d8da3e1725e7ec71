//! Opening the store, and the two ways to use it: reading and changing.

use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::seal::Sealer;
use super::writer::Writer;
use super::{StoreError, clearing, schema, stopped_tasks};
use crate::files;
use crate::keys::StoreKey;

/// The platform's database. Calls block for microseconds to a few
/// milliseconds: asynchronous callers go through `spawn_blocking`.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    reader: Mutex<Connection>,
    sealer: Sealer,
}

/// A consistent picture of the store.
#[derive(Debug)]
pub struct View<'store> {
    pub(super) connection: &'store Connection,
    pub(super) sealer: &'store Sealer,
}

/// A change in progress; reads see what it has written so far.
#[derive(Debug)]
pub struct Tx<'store>(View<'store>);

impl Store {
    /// Opens the store at `path`, creates it when missing, and brings an older
    /// one up to date. A newer one is refused.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, StoreError> {
        let opened = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        make_private(path).map_err(|source| StoreError::Private {
            path: path.to_owned(),
            source,
        })?;
        let mut writer = Connection::open(path).map_err(opened)?;
        // The version is looked at before anything is changed, the journal mode included.
        schema::refuse_newer(&writer, path)?;
        schema::configure(&writer).map_err(opened)?;
        schema::migrate(&mut writer)?;
        stopped_tasks::make_index(&writer)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags).map_err(opened)?;
        schema::configure_reader(&reader).map_err(opened)?;
        Ok(Self {
            writer: Writer::new(writer),
            reader: Mutex::new(reader),
            sealer: Sealer::new(key),
        })
    }

    /// Makes `change` as a whole when it returns `Ok`, and not at all otherwise; it is committed when
    /// this returns, perhaps together with others. Batch what belongs together.
    pub fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.writer.write(|connection| {
            change(&Tx(View {
                connection,
                sealer: &self.sealer,
            }))
        })
    }

    /// Empties the store: as a whole or, when this process is killed, not at all.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.writer.alone(|connection| {
            clearing::remove_everything(connection)?;
            // It is empty either way.
            if let Err(error) = clearing::shrink(connection) {
                tracing::warn!(%error, "the store keeps its size");
            }
            Ok(())
        })
    }

    /// Runs `look` on one consistent picture, without waiting for a writer.
    pub fn read<T, E: From<StoreError>>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut reader = lock(&self.reader);
        let tx = reader.transaction().map_err(StoreError::from)?;
        look(&View {
            connection: &tx,
            sealer: &self.sealer,
        })
    }
}

impl<'store> Deref for Tx<'store> {
    type Target = View<'store>;

    fn deref(&self) -> &View<'store> {
        &self.0
    }
}

/// The store and what SQLite keeps beside it are their owner's alone. SQLite gives the files it
/// makes the mode of the store; those of an older Seaway are closed here.
fn make_private(path: &Path) -> io::Result<()> {
    files::open_private(path).map(drop)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::make_private(Path::new(&name))?;
    }
    Ok(())
}

/// A panic in one transaction rolled it back; the connection stays usable.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::Document;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Note(String);

    impl Document for Note {
        const KIND: &'static str = "note";
    }

    fn open(path: &Path) -> Store {
        Store::open(path, &StoreKey::generate()).unwrap()
    }

    #[test]
    fn a_committed_change_survives_a_store_that_was_never_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let killed = open(&path);
        killed
            .write::<_, StoreError>(|tx| tx.put("a", &Note("kept".into())))
            .unwrap();
        // What kill -9 leaves behind: files as they are, nothing flushed or closed.
        let copy = dir.path().join("after.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(
            dir.path().join("store.db-wal"),
            dir.path().join("after.db-wal"),
        )
        .unwrap();
        let reopened = open(&copy);
        let note: Option<Note> = reopened
            .read::<_, StoreError>(|view| view.get("a"))
            .unwrap();
        assert_eq!(note, Some(Note("kept".into())));
    }

    #[test]
    fn the_store_and_its_journal_are_readable_by_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let names = ["store.db", "store.db-wal", "store.db-shm"];
        let modes = || {
            names.map(|name| {
                let found = std::fs::metadata(dir.path().join(name)).unwrap();
                found.permissions().mode() & 0o777
            })
        };
        let write = |store: &Store| {
            store
                .write::<_, StoreError>(|tx| tx.put("a", &Note("x".into())))
                .unwrap();
        };
        let store = open(&path);
        write(&store);
        assert_eq!(modes(), [0o600; 3]);
        // As an older Seaway left them when it was killed.
        for name in names {
            let open = Permissions::from_mode(0o644);
            std::fs::set_permissions(dir.path().join(name), open).unwrap();
        }
        write(&open(&path));
        assert_eq!(modes(), [0o600; 3]);
    }

    #[test]
    fn a_failed_change_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("store.db"));
        let failed = store.write::<(), StoreError>(|tx| {
            tx.put("a", &Note("half".into()))?;
            Err(StoreError::Encrypt { secret: "x".into() })
        });
        assert!(failed.is_err());
        let note: Option<Note> = store.read::<_, StoreError>(|view| view.get("a")).unwrap();
        assert_eq!(note, None);
    }

    #[test]
    fn a_newer_store_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let newer = Connection::open(&path).unwrap();
        newer.pragma_update(None, "user_version", 4711).unwrap();
        drop(newer);
        let refused = Store::open(&path, &StoreKey::generate()).unwrap_err();
        assert!(
            matches!(refused, StoreError::Newer { found: 4711, .. }),
            "{refused}"
        );
        assert!(!dir.path().join("store.db-wal").exists());
    }

    #[test]
    fn a_reader_does_not_wait_for_a_writer() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("store.db"));
        store
            .write::<_, StoreError>(|tx| {
                tx.put("a", &Note("new".into()))?;
                let seen: Option<Note> = store.read::<_, StoreError>(|view| view.get("a"))?;
                assert_eq!(seen, None, "not yet committed");
                Ok(())
            })
            .unwrap();
    }
}
