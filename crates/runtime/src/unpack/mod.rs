//! Turns the layers of an image into a directory that processes can run from.
//!
//! `<root>/<manifest digest>/` holds the files, read-only; `<root>/<manifest digest>.json` is
//! written last and says what belongs there. A tree is used again only if every file still has
//! the size, mode, inode and change time that were recorded; otherwise it is made anew.
//!
//! An archive is hostile until proven otherwise. Its bytes must have the announced digests, and an
//! entry that could reach outside the tree, raise privileges or fill the disk is refused.

mod archive;
mod digest;
mod entry;
mod error;
mod inventory;
mod links;
mod sweep;
mod tree;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

pub use digest::{Sha256Digest, Sha256DigestError};
pub use error::{Refusal, UnpackError};
use inventory::Inventory;

use crate::files::create_private_dir;

/// One layer as it lies in the registry's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// A tar archive, plain or compressed with gzip.
    pub blob: PathBuf,
    /// Of the blob as stored: `layers[].digest` of the manifest.
    pub digest: Sha256Digest,
    /// Of the archive without compression: `rootfs.diff_ids[]` of the configuration.
    pub diff_id: Sha256Digest,
}

/// An image to unpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Names the directory.
    pub manifest: Sha256Digest,
    /// From the lowest to the topmost.
    pub layers: Vec<Layer>,
}

/// What an image may cost. A bundle is far below; a decompression bomb is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all layers without compression.
    pub total_bytes: u64,
    /// Uncompressed to compressed size of one layer, checked beyond `ratio_floor` bytes.
    pub ratio: u64,
    /// Below this many bytes any ratio is fine: a file of zeros compresses a thousandfold.
    pub ratio_floor: u64,
    /// Entries of all layers.
    pub entries: u64,
    /// Bytes of a path within the image.
    pub path_bytes: usize,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            total_bytes: 8 << 30,
            ratio: 200,
            ratio_floor: 32 << 20,
            entries: 200_000,
            path_bytes: 1024,
        }
    }
}

/// Unpacks images below one directory. Blocks; may be used from several threads and processes at
/// once.
#[derive(Clone, Debug)]
pub struct Unpacker {
    root: PathBuf,
    limits: UnpackLimits,
}

impl Unpacker {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            limits: UnpackLimits::default(),
        }
    }

    pub fn with_limits(self, limits: UnpackLimits) -> Self {
        Self { limits, ..self }
    }

    /// The directory of the image, complete and verified. What is there already is used again.
    pub fn unpack(&self, image: &Image) -> Result<PathBuf, UnpackError> {
        self.unpack_with_workdir(image, "")
    }

    /// The same, with `config.WorkingDir` of the image's configuration: a container runtime makes
    /// it if the layers don't bring it.
    pub fn unpack_with_workdir(
        &self,
        image: &Image,
        workdir: &str,
    ) -> Result<PathBuf, UnpackError> {
        let place = self.place(&image.manifest);
        if place.is_ready(workdir) {
            return Ok(place.tree);
        }
        create_dir(&self.root)?;
        let _lock = lock(&place.lock)?;
        // Whoever held the lock before may have done the work.
        if place.is_ready(workdir) {
            return Ok(place.tree);
        }
        let draft = Draft::create(&place.draft)?;
        archive::apply(&image.layers, &self.limits, &draft.path)?;
        archive::make_workdir(workdir, &self.limits, &draft.path)?;
        links::check_all(&draft.path)?;
        tree::make_read_only(&draft.path)?;
        place.publish(&draft)?;
        Ok(place.tree)
    }

    /// Removes an image's directory. Processes that run from it keep what they have open.
    pub fn remove(&self, manifest: &Sha256Digest) -> Result<(), UnpackError> {
        let place = self.place(manifest);
        if !self.root.exists() {
            return Ok(());
        }
        let _lock = lock(&place.lock)?;
        remove_file(&place.record)?;
        tree::remove(&place.tree)
    }

    fn place(&self, manifest: &Sha256Digest) -> Place {
        let hex = manifest.hex();
        Place {
            tree: self.root.join(&hex),
            record: self.root.join(format!("{hex}.json")),
            lock: self.root.join(format!("{hex}.lock")),
            draft: self.root.join(format!("{hex}.draft")),
            record_draft: self.root.join(format!("{hex}.json.draft")),
        }
    }
}

/// Where one image is and is being made.
struct Place {
    tree: PathBuf,
    record: PathBuf,
    lock: PathBuf,
    draft: PathBuf,
    record_draft: PathBuf,
}

impl Place {
    fn is_ready(&self, workdir: &str) -> bool {
        inventory::is_intact(&self.record, &self.tree)
            && self.tree.join(workdir.trim_start_matches('/')).exists()
    }

    /// Puts the finished tree in its place, and only then the record that vouches for it.
    fn publish(&self, draft: &Draft) -> Result<(), UnpackError> {
        remove_file(&self.record)?;
        tree::remove(&self.tree)?;
        fs::rename(&draft.path, &self.tree).map_err(|source| UnpackError::Write {
            path: self.tree.clone(),
            source,
        })?;
        Inventory::take(&self.tree)?.save(&self.record, &self.record_draft)
    }
}

/// A tree in the making, gone again unless it was renamed.
struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Removes first what a killed predecessor left.
    fn create(path: &Path) -> Result<Self, UnpackError> {
        tree::remove(path)?;
        create_dir(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // If it cannot be removed now, the next attempt will say why.
        let _ = tree::remove(&self.path);
    }
}

/// One unpacks, the others wait, in this process and in others.
fn lock(path: &Path) -> Result<Flock<File>, UnpackError> {
    Flock::lock(open_lock(path)?, FlockArg::LockExclusive)
        .map_err(|(_, errno)| lock_failed(path, errno.into()))
}

/// The lock, unless somebody has it.
fn try_lock(path: &Path) -> Result<Option<Flock<File>>, UnpackError> {
    match Flock::lock(open_lock(path)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(lock_failed(path, errno.into())),
    }
}

fn open_lock(path: &Path) -> Result<File, UnpackError> {
    File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| lock_failed(path, source))
}

fn lock_failed(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Write {
        path: path.to_owned(),
        source,
    }
}

fn create_dir(path: &Path) -> Result<(), UnpackError> {
    create_private_dir(path).map_err(|source| UnpackError::Write {
        path: path.to_owned(),
        source,
    })
}

fn remove_file(path: &Path) -> Result<(), UnpackError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(UnpackError::Write {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
