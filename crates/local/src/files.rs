//! Small files that are replaced as a whole and, where asked, readable by
//! their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Creates `path` and its parents with mode 0700 where they are missing.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens the file at `path` for writing; a new one has mode 0600.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Takes from everybody but its owner what they may do with `path`; a missing one is fine.
pub fn make_private(path: &Path) -> io::Result<()> {
    let Some(found) = absent_as_none(fs::symlink_metadata(path))? else {
        return Ok(());
    };
    let mode = found.mode() & 0o777;
    if found.is_symlink() || mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
}

/// Replaces the file at `path` in one step: a reader, or a start after a kill,
/// sees the old bytes or the new ones. The file has mode 0600.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(bytes))
}

/// Like [`replace`], and the bytes survive a power cut: for what cannot be made
/// again, since waiting for the disk takes milliseconds.
pub fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
}

fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension(format!("{:08x}.tmp", rand::random::<u32>()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

/// The text of the file at `path`, or `None` when there is no such file.
pub fn read_if_present(path: &Path) -> io::Result<Option<String>> {
    absent_as_none(fs::read_to_string(path))
}

/// Removes a file or a whole directory; a missing one is fine.
pub fn remove_if_present(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    absent_as_none(removed).map(|_| ())
}

/// Which directory this is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The identity of what `path` leads to, or `None` when nothing is there.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let found = absent_as_none(fs::metadata(path))?;
        Ok(found.map(|meta| Self {
            device: meta.dev(),
            inode: meta.ino(),
        }))
    }
}

fn absent_as_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_files_are_readable_by_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read_if_present(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn what_others_could_read_becomes_private() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let (file, below) = (dir.path().join("file"), dir.path().join("below"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&below).unwrap();
        for (path, open, closed) in [(&file, 0o664, 0o600), (&below, 0o755, 0o700)] {
            fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
            make_private(path).unwrap();
            assert_eq!(mode(path), closed);
        }
        make_private(&dir.path().join("missing")).unwrap();
    }

    #[test]
    fn absent_files_are_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing");
        assert_eq!(read_if_present(&path).unwrap(), None);
        remove_if_present(&path).unwrap();
        assert_eq!(FileIdentity::of(&path).unwrap(), None);
    }
}
