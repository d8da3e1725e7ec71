//! Reads layers: verifies, counts and hands every entry on.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType, PaxExtensions};

use super::digest::Hashing;
use super::entry::{EntryHead, Failure, Kind, Target};
use super::error::{Refusal, UnpackError};
use super::{Layer, UnpackLimits};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const XZ: &[u8] = &[0xfd, b'7', b'z'];
const BZIP2: &[u8] = b"BZh";

/// Long names and extended headers are read into memory, so their size is limited.
const HEADER_LIMIT: u64 = 64 * 1024;

/// Applies the layers to an empty directory, one upon the other.
pub(super) fn apply(
    layers: &[Layer],
    limits: &UnpackLimits,
    root: &Path,
) -> Result<(), UnpackError> {
    let mut budget = Budget {
        bytes: limits.total_bytes,
        entries: limits.entries,
    };
    for layer in layers {
        LayerReader {
            layer,
            limits,
            root,
        }
        .apply(&mut budget)?;
    }
    Ok(())
}

/// Makes the working directory if the layers did not bring it, as a container runtime does.
pub(super) fn make_workdir(
    workdir: &str,
    limits: &UnpackLimits,
    root: &Path,
) -> Result<(), UnpackError> {
    let path = workdir.trim_start_matches('/');
    if path.is_empty() {
        return Ok(());
    }
    let target = Target {
        root,
        path_limit: limits.path_bytes,
    };
    target
        .ensure_directory(path)
        .map_err(|failure| match failure {
            Failure::Refused(refusal) => UnpackError::Workdir {
                workdir: workdir.to_owned(),
                refusal,
            },
            Failure::Read(source) => UnpackError::Write {
                path: root.join(path),
                source,
            },
            Failure::Write(path, source) => UnpackError::Write { path, source },
        })
}

/// What is left for the layers to come.
struct Budget {
    bytes: u64,
    entries: u64,
}

struct LayerReader<'a> {
    layer: &'a Layer,
    limits: &'a UnpackLimits,
    root: &'a Path,
}

impl LayerReader<'_> {
    fn apply(&self, budget: &mut Budget) -> Result<(), UnpackError> {
        let read_error = |source| UnpackError::Read {
            path: self.layer.blob.clone(),
            source,
        };
        let mut file = File::open(&self.layer.blob).map_err(read_error)?;
        let mut magic = [0; 4];
        let length = read_up_to(&mut file, &mut magic).map_err(read_error)?;
        file.rewind().map_err(read_error)?;
        let blob = Hashing::new(BufReader::with_capacity(64 * 1024, file));
        match &magic[..length] {
            m if m.starts_with(GZIP) => {
                let compressed = Rc::new(Cell::new(0));
                let source = Counting {
                    inner: blob,
                    count: Rc::clone(&compressed),
                };
                let decoder = MultiGzDecoder::new(source);
                self.read(decoder, &compressed, budget, |decoder| {
                    &mut decoder.get_mut().inner
                })
            }
            m if m.starts_with(ZSTD) || m.starts_with(XZ) || m.starts_with(BZIP2) => {
                Err(UnpackError::Compression {
                    layer: self.layer.digest,
                })
            }
            _ => {
                // Without compression the ratio is one, whatever the size.
                let unlimited = Rc::new(Cell::new(u64::MAX));
                self.read(blob, &unlimited, budget, |blob| blob)
            }
        }
    }

    /// `blob_of` finds the stored bytes below the decoder.
    fn read<D: Read>(
        &self,
        decoder: D,
        compressed: &Rc<Cell<u64>>,
        budget: &mut Budget,
        blob_of: impl Fn(&mut D) -> &mut Hashing<BufReader<File>>,
    ) -> Result<(), UnpackError> {
        let mut content = Hashing::new(Metered {
            inner: decoder,
            left: budget.bytes,
            total: self.limits.total_bytes,
            read: 0,
            compressed: Rc::clone(compressed),
            limits: *self.limits,
            refusal: None,
        });
        let result = self.read_content(&mut content, budget);
        if let Some(refusal) = content.inner_mut().refusal.take() {
            return Err(UnpackError::TooLarge {
                layer: self.layer.digest,
                refusal,
            });
        }
        result?;
        budget.bytes = content.inner().left;
        let found = content.digest();
        let blob = blob_of(&mut content.inner_mut().inner);
        // A gzip member may be followed by bytes the decoder does not want, but the digest does.
        io::copy(blob, &mut io::sink()).map_err(|source| self.broken(source))?;
        let stored = blob.digest();
        if stored != self.layer.digest {
            return Err(UnpackError::WrongDigest {
                layer: self.layer.digest,
                found: stored,
            });
        }
        if found != self.layer.diff_id {
            let diff_id = self.layer.diff_id;
            return Err(UnpackError::WrongDiffId {
                layer: self.layer.digest,
                diff_id,
                found,
            });
        }
        Ok(())
    }

    fn read_content(
        &self,
        content: &mut impl Read,
        budget: &mut Budget,
    ) -> Result<(), UnpackError> {
        let mut archive = Archive::new(&mut *content);
        let mut extension = Extension::default();
        // Raw, so that the size of what is read into memory is decided here.
        let entries = archive
            .entries()
            .map_err(|source| self.broken(source))?
            .raw(true);
        for entry in entries {
            let mut entry = entry.map_err(|source| self.broken(source))?;
            let kind = entry.header().entry_type();
            if extension.takes(kind) {
                let name = lossy(&entry.path_bytes());
                extension
                    .read(kind, entry.size(), &mut entry)
                    .map_err(|error| self.extension_error(error, &name))?;
                continue;
            }
            let extension = std::mem::take(&mut extension);
            let head = head(&entry, &extension);
            budget.entries = budget.entries.checked_sub(1).ok_or_else(|| {
                self.refused(
                    &head,
                    Refusal::TooManyEntries {
                        limit: self.limits.entries,
                    },
                )
            })?;
            let target = Target {
                root: self.root,
                path_limit: self.limits.path_bytes,
            };
            target
                .apply(&head, &mut entry)
                .map_err(|failure| match failure {
                    Failure::Refused(refusal) => self.refused(&head, refusal),
                    Failure::Read(source) => self.broken(source),
                    Failure::Write(path, source) => UnpackError::Write { path, source },
                })?;
        }
        // Whatever follows the end of the archive belongs to the digest, too.
        io::copy(content, &mut io::sink()).map_err(|source| self.broken(source))?;
        Ok(())
    }

    fn refused(&self, head: &EntryHead, refusal: Refusal) -> UnpackError {
        let entry = lossy(&head.path);
        UnpackError::Entry {
            layer: self.layer.digest,
            entry,
            refusal,
        }
    }

    fn extension_error(&self, error: ExtensionError, name: &str) -> UnpackError {
        match error {
            ExtensionError::Read(source) => self.broken(source),
            ExtensionError::Refused(refusal) => UnpackError::Entry {
                layer: self.layer.digest,
                entry: name.to_owned(),
                refusal,
            },
        }
    }

    fn broken(&self, source: io::Error) -> UnpackError {
        UnpackError::Archive {
            layer: self.layer.digest,
            source,
        }
    }
}

fn head<R: Read>(entry: &tar::Entry<'_, R>, extension: &Extension) -> EntryHead {
    let header = entry.header();
    let path = extension
        .path
        .clone()
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let link = extension
        .link
        .clone()
        .or_else(|| header.link_name_bytes().map(|name| name.into_owned()))
        .unwrap_or_default();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::SymbolicLink(link),
        EntryType::Link => Kind::HardLink(link),
        EntryType::Block => Kind::Special("block device"),
        EntryType::Char => Kind::Special("character device"),
        EntryType::Fifo => Kind::Special("named pipe"),
        _ => Kind::Special("kind of entry that is not supported"),
    };
    // Before POSIX, a directory was a file whose name ends in a slash.
    let kind = match kind {
        Kind::File if path.ends_with(b"/") => Kind::Directory,
        kind => kind,
    };
    EntryHead {
        path,
        kind,
        mode: header.mode().unwrap_or(0o644),
    }
}

/// What the entries before an entry say about it.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Which entries an extended header is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    NextEntry,
    AllThatFollow,
}

enum ExtensionError {
    Read(io::Error),
    Refused(Refusal),
}

impl Extension {
    fn takes(&self, kind: EntryType) -> bool {
        kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions()
    }

    fn read(
        &mut self,
        kind: EntryType,
        size: u64,
        data: &mut impl Read,
    ) -> Result<(), ExtensionError> {
        if size > HEADER_LIMIT {
            return Err(ExtensionError::Refused(Refusal::LongHeader {
                limit: HEADER_LIMIT,
            }));
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).map_err(ExtensionError::Read)?;
        if kind.is_gnu_longname() {
            self.path = Some(without_end(bytes));
        } else if kind.is_gnu_longlink() {
            self.link = Some(without_end(bytes));
        } else {
            let scope = match kind.is_pax_global_extensions() {
                true => Scope::AllThatFollow,
                false => Scope::NextEntry,
            };
            for extension in PaxExtensions::new(&bytes) {
                let extension = extension.map_err(ExtensionError::Read)?;
                self.set(scope, extension.key_bytes(), extension.value_bytes())?;
            }
        }
        Ok(())
    }

    fn set(&mut self, scope: Scope, key: &[u8], value: &[u8]) -> Result<(), ExtensionError> {
        let unsupported = |what| Err(ExtensionError::Refused(Refusal::Unsupported { what }));
        match key {
            b"path" | b"linkpath" | b"size" if scope == Scope::AllThatFollow => {
                unsupported("global extended headers")
            }
            b"path" => {
                self.path = Some(value.to_vec());
                Ok(())
            }
            b"linkpath" => {
                self.link = Some(value.to_vec());
                Ok(())
            }
            b"size" => unsupported("an extended size"),
            key if key.starts_with(b"GNU.sparse.") => unsupported("sparse files"),
            // Owners, times and attributes: an unpacked tree has its own.
            _ => Ok(()),
        }
    }
}

fn without_end(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn lossy(bytes: &[u8]) -> String {
    // Shown to people: no control sequence of an archive may reach a terminal.
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut cursor = Cursor::new(buffer);
    let limit = cursor.get_ref().len() as u64;
    Ok(usize::try_from(io::copy(&mut file.take(limit), &mut cursor)?).unwrap_or(0))
}

/// Tells others how much has been read.
struct Counting<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count.set(self.count.get() + length as u64);
        Ok(length)
    }
}

/// Ends a stream that grows beyond its limits.
struct Metered<R> {
    inner: R,
    left: u64,
    total: u64,
    read: u64,
    compressed: Rc<Cell<u64>>,
    limits: UnpackLimits,
    refusal: Option<Refusal>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.read += length as u64;
        let allowed = self.compressed.get().saturating_mul(self.limits.ratio);
        if self.read > self.limits.ratio_floor && self.read > allowed {
            self.refusal = Some(Refusal::Ratio {
                limit: self.limits.ratio,
            });
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match self.left.checked_sub(length as u64) {
            Some(left) => {
                self.left = left;
                Ok(length)
            }
            None => {
                self.refusal = Some(Refusal::TooManyBytes { limit: self.total });
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }
}
