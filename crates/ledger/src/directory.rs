//! Objects as files below one directory, readable by their owner alone.
//!
//! A new object appears by a rename that refuses to overwrite; a replaced one is compared and
//! renamed under `flock` on a file beside it. What a killed process leaves behind is a hidden
//! temporary file that nobody reads. File work runs on tokio's blocking threads: `fsync` and
//! `flock` can take their time, and a caller that stops waiting must not stop a write half-way.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use nix::fcntl::{Flock, FlockArg};
use tempfile::NamedTempFile;

use crate::store::{Object, ObjectStore, StoreError, Version, Written};

/// Begins the names of files that are no objects.
const HIDDEN: char = '.';
const TEMPORARY_PREFIX: &str = ".new-";

/// A directory that holds objects.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// Uses `root` and creates it, for its owner alone, where it is missing.
    pub fn open(root: PathBuf) -> Result<Self, StoreError> {
        create_directories(&root)?;
        Ok(Self { root })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }
}

#[async_trait]
impl ObjectStore for DirectoryStore {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let path = self.path(key);
        blocking(move || read(&path)).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Written, StoreError> {
        let path = self.path(key);
        blocking(move || create(&path, &bytes)).await
    }

    async fn replace(
        &self,
        key: &str,
        expected: &Version,
        bytes: Vec<u8>,
    ) -> Result<Written, StoreError> {
        let (path, expected) = (self.path(key), expected.clone());
        blocking(move || replace(&path, &expected, &bytes)).await
    }

    async fn children(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let path = self.path(prefix);
        blocking(move || children(&path)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(StoreError::Task)?
}

fn read(path: &Path) -> Result<Option<Object>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => {
            let version = Version::of(&bytes);
            Ok(Some(Object { bytes, version }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn create(path: &Path, bytes: &[u8]) -> Result<Written, StoreError> {
    let directory = parent(path);
    create_directories(directory)?;
    let file = temporary(directory, bytes)?;
    match file.persist_noclobber(path) {
        Ok(_) => {
            sync_directory(directory)?;
            Ok(Written::Done)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Written::Outrun),
        Err(error) => Err(failed("create", path)(error.error)),
    }
}

fn replace(path: &Path, expected: &Version, bytes: &[u8]) -> Result<Written, StoreError> {
    let directory = parent(path);
    let _turn = lock_beside(path)?;
    if read(path)?.is_none_or(|found| found.version != *expected) {
        return Ok(Written::Outrun);
    }
    let file = temporary(directory, bytes)?;
    file.persist(path)
        .map_err(|error| failed("replace", path)(error.error))?;
    sync_directory(directory)?;
    Ok(Written::Done)
}

fn children(path: &Path) -> Result<Vec<String>, StoreError> {
    let listed = match fs::read_dir(path) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let name = entry.map_err(failed("list", path))?.file_name();
        // Keys are ASCII: another name is nothing that the ledger wrote.
        if let Ok(name) = name.into_string()
            && !name.starts_with(HIDDEN)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// A finished file that has no name that counts yet. Its mode is 0600.
fn temporary(directory: &Path, bytes: &[u8]) -> Result<NamedTempFile, StoreError> {
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(directory)
        .map_err(failed("create a file in", directory))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed("write", file.path()))?;
    Ok(file)
}

/// Waits for whoever replaces the same object at the same time.
fn lock_beside(path: &Path) -> Result<Flock<File>, StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = parent(path).join(format!("{HIDDEN}{name}.flock"));
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(failed("open", &beside))?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| failed("lock", &beside)(errno.into()))
}

/// Creates a directory and those above it, and makes their names durable.
fn create_directories(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    create_directories(above)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_directory(above),
        // Another command was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(failed("create the directory", path)(error)),
    }
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("make durable", path))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn store() -> (tempfile::TempDir, DirectoryStore) {
        let place = tempfile::tempdir().expect("a temporary directory");
        let store = DirectoryStore::open(place.path().join("state/ledger")).expect("opens");
        (place, store)
    }

    #[tokio::test]
    async fn an_object_is_created_once() {
        let (_place, store) = store();
        let first = store.create("a/b.json", b"1".to_vec()).await.unwrap();
        let second = store.create("a/b.json", b"2".to_vec()).await.unwrap();
        assert_eq!((first, second), (Written::Done, Written::Outrun));
        let object = store.get("a/b.json").await.unwrap().expect("is there");
        assert_eq!(object.bytes, b"1");
    }

    #[tokio::test]
    async fn of_two_replacements_of_one_version_one_is_outrun() {
        let (_place, store) = store();
        assert_eq!(
            store.create("a", b"1".to_vec()).await.unwrap(),
            Written::Done
        );
        let seen = store.get("a").await.unwrap().expect("is there").version;
        let (one, other) = tokio::join!(
            store.replace("a", &seen, b"2".to_vec()),
            store.replace("a", &seen, b"3".to_vec()),
        );
        let mut results = [one.unwrap(), other.unwrap()];
        results.sort_by_key(|written| *written == Written::Outrun);
        assert_eq!(results, [Written::Done, Written::Outrun]);
    }

    #[tokio::test]
    async fn what_is_not_there_cannot_be_replaced() {
        let (_place, store) = store();
        let replaced = store.replace("a", &Version::of(b""), b"1".to_vec()).await;
        assert_eq!(replaced.unwrap(), Written::Outrun);
        assert_eq!(store.get("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_a_killed_writer_left_is_no_object() {
        let (_place, store) = store();
        assert_eq!(
            store.create("r/1", b"1".to_vec()).await.unwrap(),
            Written::Done
        );
        fs::write(store.path("r/.new-x1y2z3"), b"{\"form").unwrap();
        assert_eq!(store.children("r").await.unwrap(), ["1"]);
        assert!(store.children("nowhere").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_the_owner_may_read() {
        let (place, store) = store();
        assert_eq!(
            store.create("locks/a", b"1".to_vec()).await.unwrap(),
            Written::Done
        );
        let seen = Version::of(b"1");
        assert_eq!(
            store
                .replace("locks/a", &seen, b"2".to_vec())
                .await
                .unwrap(),
            Written::Done
        );
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place.path().join("state")), 0o700);
        for entry in fs::read_dir(store.path("locks")).unwrap() {
            assert_eq!(mode(entry.unwrap().path()), 0o600);
        }
        assert_eq!(mode(store.path("locks")), 0o700);
    }
}
