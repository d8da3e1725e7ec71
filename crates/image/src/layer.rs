//! Packs collected files into one layer, so that the same files give the same bytes: entries in
//! order, times zero, owner root, modes 0755 and 0644, a gzip header that says nothing.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use nix::fcntl::OFlag;
use seaway_core::digest::Digest;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};
use thiserror::Error;

use crate::collect::{Collected, Item};
use crate::oci::WORKING_DIRECTORY;
use crate::store::{ImageStore, StoreError};

const LEVEL: Compression = Compression::new(6);
/// "Unknown" (RFC 1952, section 2.3.1).
const NO_OPERATING_SYSTEM: u8 = 255;
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// A layer in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Of the compressed archive.
    pub(crate) digest: Digest,
    /// Of the archive itself.
    pub(crate) diff_id: Digest,
    /// Compressed bytes.
    pub(crate) size: u64,
}

/// The layer could not be packed.
#[derive(Debug, Error)]
pub(crate) enum PackError {
    #[error("cannot pack {}", path.display())]
    Item {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot finish the layer")]
    Finish(#[source] io::Error),
    #[error("the local image store failed")]
    Store(#[from] StoreError),
}

/// Packs the files and keeps the layer in `store`. Blocks.
pub(crate) fn pack(collected: &Collected, store: &ImageStore) -> Result<Layer, PackError> {
    let mut file = store.temporary()?;
    let compressed = Hashing::new(BufWriter::new(file.as_file_mut()));
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(NO_OPERATING_SYSTEM)
        .write(compressed, LEVEL);
    let mut archive = tar::Builder::new(Hashing::new(gzip));
    for (place, item) in &collected.items {
        append(&mut archive, place, item).map_err(|source| PackError::Item {
            path: place.clone(),
            source,
        })?;
    }
    let layer = finish(archive).map_err(PackError::Finish)?;
    store.keep(file, &layer.digest)?;
    Ok(layer)
}

type Archive<W> = tar::Builder<Hashing<GzEncoder<Hashing<W>>>>;

fn finish<W: Write>(archive: Archive<W>) -> io::Result<Layer> {
    let (gzip, diff_id, _) = archive.into_inner()?.finish()?;
    let (mut file, digest, size) = gzip.finish()?.finish()?;
    file.flush()?;
    Ok(Layer {
        digest,
        diff_id,
        size,
    })
}

fn append<W: Write>(archive: &mut tar::Builder<W>, place: &Path, item: &Item) -> io::Result<()> {
    let path = Path::new(WORKING_DIRECTORY.trim_start_matches('/')).join(place);
    match item {
        Item::Directory => {
            let mut header = header(EntryType::Directory, 0o755, 0);
            // A trailing slash says "directory" once more, to readers that look for it.
            archive.append_data(&mut header, path.join(""), io::empty())
        }
        Item::Link { target, .. } => {
            let mut header = header(EntryType::Symlink, 0o777, 0);
            archive.append_link(&mut header, path, target)
        }
        Item::File { source, .. } => {
            // What was a file when it was collected may be something else by now.
            let file = File::options()
                .read(true)
                .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
                .open(source)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::other("it is no longer a file"));
            }
            let is_executable = metadata.mode() & OWNER_MAY_EXECUTE != 0;
            let mode = if is_executable { 0o755 } else { 0o644 };
            let mut header = header(EntryType::Regular, mode, metadata.len());
            let bytes = Exactly::new(file, metadata.len());
            archive.append_data(&mut header, path, bytes)
        }
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Reads as many bytes as were announced, or fails: a file that changes while it is packed would
/// damage the archive.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exactly<R> {
    fn new(inner: R, bytes: u64) -> Self {
        Self { inner, left: bytes }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        let counted = u64::try_from(read).unwrap_or(u64::MAX);
        let has_changed = counted > self.left || (read == 0 && self.left > 0);
        if has_changed {
            return Err(io::Error::other("it changed while it was read"));
        }
        self.left -= counted;
        Ok(read)
    }
}

/// Computes the digest of what is written through it.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    /// The writer below, the digest and the number of bytes.
    fn finish(self) -> io::Result<(W, Digest, u64)> {
        let text = format!("sha256:{}", hex::encode(self.hasher.finalize()));
        let digest = text.parse().map_err(io::Error::other)?;
        Ok((self.inner, digest, self.bytes))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8], announced: u64) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Exactly::new(bytes, announced).read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn a_file_that_shrank_or_grew_is_refused() {
        assert_eq!(read_all(b"abc", 3).unwrap(), b"abc");
        assert_eq!(read_all(b"", 0).unwrap(), b"");
        assert!(read_all(b"abc", 4).is_err());
        assert!(read_all(b"abc", 2).is_err());
    }
}
