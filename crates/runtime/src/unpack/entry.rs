//! Applies one entry of an archive to the tree, or refuses it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use super::error::Refusal;
use super::{links, tree};

/// Marks a file of a lower layer as removed, or with `OPAQUE` everything in a directory.
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

const SET_ID_BITS: u32 = 0o6000;
const EXECUTE_BITS: u32 = 0o111;

#[derive(Debug)]
pub(super) struct EntryHead {
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) mode: u32,
}

impl EntryHead {
    /// The mode a file is written with: what an archive says about others than its owner does not
    /// count.
    fn file_mode(&self) -> u32 {
        match self.mode & EXECUTE_BITS {
            0 => 0o644,
            _ => 0o755,
        }
    }
}

#[derive(Debug)]
pub(super) enum Kind {
    File,
    Directory,
    SymbolicLink(Vec<u8>),
    HardLink(Vec<u8>),
    Special(&'static str),
}

pub(super) enum Failure {
    Refused(Refusal),
    Read(io::Error),
    Write(PathBuf, io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The tree being made.
pub(super) struct Target<'a> {
    pub(super) root: &'a Path,
    pub(super) path_limit: usize,
}

impl Target<'_> {
    pub(super) fn apply(&self, head: &EntryHead, data: &mut impl Read) -> Result<(), Failure> {
        let parts = self.parts(&head.path)?;
        if head.mode & SET_ID_BITS != 0 {
            return Err(Refusal::Privileged.into());
        }
        if let Kind::Special(kind) = head.kind {
            return Err(Refusal::SpecialFile { kind }.into());
        }
        let Some((name, parents)) = parts.split_last() else {
            // The root itself, `./`: it is there.
            return match head.kind {
                Kind::Directory => Ok(()),
                _ => Err(Refusal::EmptyPath.into()),
            };
        };
        let directory = self.enter(parents)?;
        if *name == OPAQUE {
            return clear(&directory);
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return match hidden {
                "" | "." | ".." => Err(Refusal::UnreadablePath.into()),
                hidden => remove(&directory.join(hidden)),
            };
        }
        let path = directory.join(name);
        match &head.kind {
            Kind::Directory => make_directory(&path),
            Kind::File => write_file(&path, head.file_mode(), data),
            Kind::SymbolicLink(target) => self.link_symbolically(&path, parents, target),
            Kind::HardLink(target) => self.link_hard(&path, target),
            Kind::Special(kind) => Err(Refusal::SpecialFile { kind }.into()),
        }
    }

    /// Makes a directory unless something is there already.
    pub(super) fn ensure_directory(&self, path: &str) -> Result<(), Failure> {
        let parts = self.parts(path.as_bytes())?;
        if fs::metadata(self.root.join(path)).is_ok() {
            return Ok(());
        }
        self.enter(&parts).map(drop)
    }

    /// The path in its parts, without `.`; empty for the root.
    fn parts<'p>(&self, path: &'p [u8]) -> Result<Vec<&'p str>, Refusal> {
        if path.is_empty() {
            return Err(Refusal::EmptyPath);
        }
        if path.len() > self.path_limit {
            return Err(Refusal::LongPath {
                limit: self.path_limit,
            });
        }
        let text = std::str::from_utf8(path).map_err(|_| Refusal::UnreadablePath)?;
        if text.contains('\0') {
            return Err(Refusal::UnreadablePath);
        }
        if text.starts_with('/') {
            return Err(Refusal::AbsolutePath);
        }
        let parts: Vec<&str> = text
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        if parts.contains(&"..") {
            return Err(Refusal::ParentPath);
        }
        if parts.iter().any(|part| part.len() > 255) {
            return Err(Refusal::LongPath { limit: 255 });
        }
        Ok(parts)
    }

    /// Walks down from the root, making what is missing. Nothing on the way may be a link: an
    /// earlier entry could have pointed it anywhere.
    fn enter(&self, parents: &[&str]) -> Result<PathBuf, Failure> {
        let mut path = self.root.to_owned();
        for (depth, parent) in parents.iter().enumerate() {
            path.push(parent);
            let shown = || parents[..=depth].join("/");
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_symlink() => {
                    return Err(Refusal::LinkedParent { parent: shown() }.into());
                }
                Ok(_) => return Err(Refusal::FileAsParent { parent: shown() }.into()),
                Err(_) => make_directory(&path)?,
            }
        }
        Ok(path)
    }

    fn link_symbolically(
        &self,
        path: &Path,
        parents: &[&str],
        target: &[u8],
    ) -> Result<(), Failure> {
        let target = std::str::from_utf8(target).map_err(|_| Refusal::UnreadablePath)?;
        if target.is_empty() || target.contains('\0') || target.len() > self.path_limit {
            return Err(Refusal::UnreadablePath.into());
        }
        // Whether the way there leads through other links is checked when all links are known.
        links::check_text(parents.len(), target)?;
        remove(path)?;
        symlink(target, path).map_err(|error| Failure::Write(path.to_owned(), error))
    }

    fn link_hard(&self, path: &Path, target: &[u8]) -> Result<(), Failure> {
        let shown = || String::from_utf8_lossy(target).escape_debug().to_string();
        let missing = || Refusal::NoHardLinkTarget { target: shown() };
        let parts = self.parts(target).map_err(|refusal| match refusal {
            Refusal::AbsolutePath => Refusal::AbsoluteTarget { target: shown() },
            Refusal::ParentPath => Refusal::TargetOutside { target: shown() },
            other => other,
        })?;
        let mut existing = self.root.to_owned();
        for (depth, part) in parts.iter().enumerate() {
            existing.push(part);
            let found = fs::symlink_metadata(&existing).map_err(|_| missing())?;
            let last = depth + 1 == parts.len();
            if !(if last {
                found.is_file()
            } else {
                found.is_dir()
            }) {
                return Err(missing().into());
            }
        }
        if parts.is_empty() {
            return Err(missing().into());
        }
        if existing == path {
            return Ok(());
        }
        remove(path)?;
        fs::hard_link(&existing, path).map_err(|error| Failure::Write(path.to_owned(), error))
    }
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => remove(path)?,
        Err(_) => {}
    }
    fs::create_dir(path).map_err(|error| Failure::Write(path.to_owned(), error))
}

fn write_file(path: &Path, mode: u32, data: &mut impl Read) -> Result<(), Failure> {
    let write = |error| Failure::Write(path.to_owned(), error);
    remove(path)?;
    // Exclusive: whatever was here is gone, and a link is never followed.
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(write)?;
    let mut buffer = [0; 32 * 1024];
    loop {
        let length = data.read(&mut buffer).map_err(Failure::Read)?;
        if length == 0 {
            return Ok(());
        }
        io::Write::write_all(&mut file, &buffer[..length]).map_err(write)?;
    }
}

/// Removes what is at the path, if anything, without following it.
fn remove(path: &Path) -> Result<(), Failure> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    result.map_err(|error| Failure::Write(path.to_owned(), error))
}

fn clear(directory: &Path) -> Result<(), Failure> {
    tree::names(directory)
        .map_err(|error| Failure::Write(directory.to_owned(), error))?
        .iter()
        .try_for_each(|name| remove(&directory.join(name)))
}
