//! Walks, seals and removes unpacked trees, never following a link.

use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::UnpackError;

/// Visits everything below `root`, a directory before its content, names in order.
pub(super) fn walk(
    root: &Path,
    visit: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>,
) -> Result<(), UnpackError> {
    walk_below(root, Path::new(""), visit)
        .map_err(|(path, source)| UnpackError::Write { path, source })
}

fn walk_below(
    root: &Path,
    below: &Path,
    visit: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>,
) -> Result<(), (PathBuf, io::Error)> {
    let directory = root.join(below);
    let names = names(&directory).map_err(|error| (directory.clone(), error))?;
    for name in names {
        let relative = below.join(name);
        let path = root.join(&relative);
        let metadata = fs::symlink_metadata(&path).map_err(|error| (path.clone(), error))?;
        visit(&relative, &metadata).map_err(|error| (path, error))?;
        if metadata.is_dir() {
            walk_below(root, &relative, visit)?;
        }
    }
    Ok(())
}

/// The names in a directory, in order.
pub(super) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Takes all write permission away: 0555 for directories and programs, 0444 for other files.
pub(super) fn make_read_only(root: &Path) -> Result<(), UnpackError> {
    let seal = |path: &Path, metadata: &Metadata| {
        let executable = metadata.is_dir() || metadata.mode() & 0o111 != 0;
        let mode = if executable { 0o555 } else { 0o444 };
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    walk(root, &mut |relative, metadata| {
        if metadata.is_symlink() {
            Ok(())
        } else {
            seal(&root.join(relative), metadata)
        }
    })?;
    fs::set_permissions(root, Permissions::from_mode(0o555)).map_err(|source| UnpackError::Write {
        path: root.to_owned(),
        source,
    })
}

/// Removes a tree, read-only or not. One that is not there is removed already.
pub(super) fn remove(root: &Path) -> Result<(), UnpackError> {
    let failed = |source| UnpackError::Write {
        path: root.to_owned(),
        source,
    };
    match fs::symlink_metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(_) => {}
    }
    let writable = || Permissions::from_mode(0o755);
    fs::set_permissions(root, writable()).map_err(failed)?;
    walk(root, &mut |relative, metadata| {
        if metadata.is_dir() {
            fs::set_permissions(root.join(relative), writable())?;
        }
        Ok(())
    })?;
    fs::remove_dir_all(root).map_err(failed)
}
