//! Files on a volume, one per value, written so that a crash at any moment leaves the old value or
//! the new one.
//!
//! A value goes to a temporary file, which is synced and then renamed over the old one; the
//! directory is synced last. One process at a time has the shelf: it holds a lock on a file in it.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

const LOCK: &str = ".lock";
const TEMPORARY: &str = ".new-";

/// A directory of values, held by this process alone.
#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    /// Keeps the file names of writes that happen at the same time apart.
    writes: AtomicU64,
    /// Locked as long as it is open.
    _lock: File,
}

/// The name of a value: 1 to 100 of `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`, the first one not a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

/// A name that the store does not take.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a name has 1 to 100 letters, digits, dots, dashes or underscores, and no dot in front")]
pub struct InvalidKey;

/// The volume failed.
#[derive(Debug, Error)]
pub enum ShelfError {
    #[error("failed to open the volume at {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("another store still holds the volume at {path}")]
    Held { path: PathBuf },
    #[error("failed to read `{key}`")]
    Read { key: Key, source: io::Error },
    #[error("failed to write `{key}`")]
    Write { key: Key, source: io::Error },
    #[error("failed to list the volume")]
    List { source: io::Error },
}

impl Shelf {
    /// Opens the directory, created if missing.
    ///
    /// # Errors
    /// The directory is unusable, or another process holds it.
    pub fn open(directory: &Path) -> Result<Self, ShelfError> {
        let failed = |source| ShelfError::Open {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = File::create(directory.join(LOCK)).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(source) => failed(source),
            TryLockError::WouldBlock => ShelfError::Held {
                path: directory.to_owned(),
            },
        })?;
        remove_unfinished(directory).map_err(failed)?;
        Ok(Self {
            directory: directory.to_owned(),
            writes: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// The value of `key`, if there is one.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, ShelfError> {
        match fs::read(self.directory.join(&key.0)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ShelfError::Read {
                key: key.clone(),
                source,
            }),
        }
    }

    /// Sets the value of `key`. When this returns, the value survives a crash of the machine.
    pub fn put(&self, key: &Key, value: &[u8]) -> Result<(), ShelfError> {
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{TEMPORARY}{number}"));
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(value)?;
            file.sync_all()?;
            fs::rename(&temporary, self.directory.join(&key.0))?;
            self.sync()
        };
        write().map_err(|source| {
            // Otherwise a full volume would stay full.
            drop(fs::remove_file(&temporary));
            ShelfError::Write {
                key: key.clone(),
                source,
            }
        })
    }

    /// Removes `key` and says whether it was there.
    pub fn remove(&self, key: &Key) -> Result<bool, ShelfError> {
        match fs::remove_file(self.directory.join(&key.0)).and_then(|()| self.sync()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(ShelfError::Write {
                key: key.clone(),
                source,
            }),
        }
    }

    /// The names that begin with `prefix`, sorted.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>, ShelfError> {
        let names = || {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.directory)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.starts_with(prefix) && name.parse::<Key>().is_ok() {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        names().map_err(|source| ShelfError::List { source })
    }

    /// Makes renames and removals durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(name: &str) -> Result<Self, InvalidKey> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let valid =
            (1..=100).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed);
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidKey)
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Removes what a killed process had begun to write.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        name.parse().unwrap()
    }

    #[test]
    fn values_survive_a_new_process() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(directory.path()).unwrap();
        shelf.put(&key("a"), b"1").unwrap();
        shelf.put(&key("a"), b"2").unwrap();
        drop(shelf);
        let shelf = Shelf::open(directory.path()).unwrap();
        assert_eq!(shelf.get(&key("a")).unwrap().as_deref(), Some(&b"2"[..]));
        assert_eq!(shelf.get(&key("b")).unwrap(), None);
    }

    #[test]
    fn half_written_values_are_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".new-7"), "half").unwrap();
        let shelf = Shelf::open(directory.path()).unwrap();
        assert_eq!(shelf.list("").unwrap(), Vec::<String>::new());
        assert!(!directory.path().join(".new-7").exists());
    }

    #[test]
    fn one_store_at_a_time_has_the_volume() {
        let directory = tempfile::tempdir().unwrap();
        let first = Shelf::open(directory.path()).unwrap();
        let second = Shelf::open(directory.path());
        assert!(matches!(second, Err(ShelfError::Held { .. })), "{second:?}");
        drop(first);
        assert!(Shelf::open(directory.path()).is_ok());
    }

    #[test]
    fn names_are_listed_by_prefix_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(directory.path()).unwrap();
        for name in ["order-2", "order-1", "schema"] {
            shelf.put(&key(name), b"").unwrap();
        }
        assert_eq!(shelf.list("order-").unwrap(), ["order-1", "order-2"]);
        assert!(shelf.remove(&key("order-1")).unwrap());
        assert!(!shelf.remove(&key("order-1")).unwrap());
        assert_eq!(shelf.list("").unwrap(), ["order-2", "schema"]);
    }

    #[test]
    fn names_cannot_leave_the_volume() {
        let long = "x".repeat(101);
        for name in [
            "",
            ".",
            "..",
            ".lock",
            ".new-0",
            "a/b",
            "a\0",
            "ü",
            "a%2Fb",
            long.as_str(),
        ] {
            assert_eq!(name.parse::<Key>(), Err(InvalidKey), "{name:?}");
        }
    }
}
