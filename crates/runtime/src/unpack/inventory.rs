//! What a finished tree consists of, to notice later that it is no longer so.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::UnpackError;
use super::tree;

/// Raised when older records no longer tell enough.
const VERSION: u32 = 1;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inventory {
    version: u32,
    entries: Vec<Item>,
}

/// One file, directory or link. The kernel sets the change time at every modification, and no
/// program can set it back: comparing it costs no read and cannot be outwitted by accident.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Item {
    path: PathBuf,
    mode: u32,
    size: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Inventory {
    pub(super) fn take(root: &Path) -> Result<Self, UnpackError> {
        let mut entries = Vec::new();
        tree::walk(root, &mut |relative, metadata| {
            entries.push(Item::new(relative, metadata));
            Ok(())
        })?;
        Ok(Self {
            version: VERSION,
            entries,
        })
    }

    /// Writes the record whole or not at all, by way of the `draft`.
    pub(super) fn save(&self, path: &Path, draft: &Path) -> Result<(), UnpackError> {
        let failed = |source| UnpackError::Write {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_vec(self).map_err(|error| failed(io::Error::other(error)))?;
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(draft)
            .map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        fs::rename(draft, path).map_err(failed)
    }
}

impl Item {
    fn new(path: &Path, metadata: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            mode: metadata.mode(),
            // The size of a directory is the file system's own business.
            size: if metadata.is_dir() {
                0
            } else {
                metadata.size()
            },
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Whether the tree is exactly what the record says. Anything unreadable is not intact.
pub(super) fn is_intact(record: &Path, tree: &Path) -> bool {
    let Ok(text) = fs::read(record) else {
        return false;
    };
    let Ok(recorded) = serde_json::from_slice::<Inventory>(&text) else {
        return false;
    };
    Inventory::take(tree).is_ok_and(|found| found == recorded)
}
