//! What may be in a bundle: its entries as the manifest writes them, names that never enter one,
//! limits, and why a bundle is refused.

use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

/// How much a bundle may hold. Stays below what the runtime unpacks (200,000 entries, 8 GiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Files, links and directories.
    pub(crate) entries: usize,
    /// Bytes of all files, uncompressed.
    pub(crate) bytes: u64,
    /// Bytes of a path within the image.
    pub(crate) path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: 2 << 30,
            path: 1000,
        }
    }
}

/// Why the files of a bundle are refused. Paths are relative to the project's root.
#[derive(Debug, Error)]
pub enum BundleError {
    #[error("its bundle names no files")]
    Empty,
    #[error("the bundle entry {entry:?} is an absolute path")]
    Absolute { entry: String },
    #[error("the bundle entry {entry:?} goes up with `..`")]
    Parent { entry: String },
    #[error("the bundle entry {entry:?} is no valid pattern")]
    Pattern {
        entry: String,
        #[source]
        source: globset::Error,
    },
    /// `.git`, `.seaway` or `.env*`.
    #[error("{} never enters a bundle", path.display())]
    KeptOut { path: PathBuf },
    #[error("the bundle entry {entry:?} matches no file")]
    NothingMatched { entry: String },
    #[error("{} leads out of the project to {}", link.display(), target.display())]
    LeavesRoot { link: PathBuf, target: PathBuf },
    #[error("{} leads to {}, outside of what is bundled with it", link.display(), target.display())]
    LeavesEntry { link: PathBuf, target: PathBuf },
    #[error("{} is a {kind}, not a file", path.display())]
    Special { path: PathBuf, kind: &'static str },
    #[error("{} has its setuid or setgid bit set", path.display())]
    Privileged { path: PathBuf },
    /// Not UTF-8, or a name with a meaning of its own in image layers (`.wh.`).
    #[error("{} has a name that cannot be in an image", path.display())]
    Name { path: PathBuf },
    #[error("{} would have a path of more than {limit} bytes in the image", path.display())]
    LongPath { path: PathBuf, limit: usize },
    #[error("{} and {} would both be {} in the image", first.display(), second.display(), place.display())]
    Collision {
        place: PathBuf,
        first: PathBuf,
        second: PathBuf,
    },
    #[error("the bundle has more than {limit} files")]
    TooMany { limit: usize },
    #[error("the bundle has more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl BundleError {
    /// The next step.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty => "name files, directories or patterns in `image.bundle`",
            Self::Absolute { .. } | Self::Parent { .. } => {
                "name files relative to the manifest's directory, and below it"
            }
            Self::KeptOut { .. } => "give values to services with `env` and `secrets`",
            Self::NothingMatched { .. } => {
                "compare the entry with what the `build` command makes in the manifest's directory"
            }
            Self::LeavesRoot { .. } | Self::LeavesEntry { .. } => {
                "let the `build` command copy what the link leads to"
            }
            Self::Special { .. } => "leave it out, or bundle its neighbours one by one",
            Self::Privileged { .. } => "remove the bit with `chmod ug-s`",
            Self::Name { .. } | Self::LongPath { .. } | Self::Collision { .. } => {
                "rename it, or let the `build` command lay the files out in one directory"
            }
            Self::TooMany { .. } | Self::TooLarge { .. } => {
                "bundle only what runs: not sources, caches or development dependencies"
            }
            Self::Pattern { .. } | Self::Read { .. } => return None,
        })
    }
}

/// Whether a file or directory of this name stays out of every bundle, at any depth: the
/// repository, Seaway's state, and files that people keep secrets in.
pub(crate) fn is_kept_out(name: &str) -> bool {
    name == ".git" || name == ".seaway" || name.starts_with(".env")
}

/// An entry of `image.bundle`, relative to the root.
#[derive(Debug)]
pub(crate) enum Entry {
    /// One file or directory; an empty path is the root itself.
    Path(PathBuf),
    /// What below `base` matches. A match lands under its path below `base`.
    Matches { base: PathBuf, pattern: GlobMatcher },
}

impl Entry {
    /// Reads an entry. What is there under exactly this name is meant, even if the name looks like
    /// a pattern (`pages/[id].js`).
    pub(crate) fn parse(root: &Path, text: &str) -> Result<Self, BundleError> {
        let path = relative(text)?;
        let exists = root.join(&path).symlink_metadata().is_ok();
        if exists || !is_pattern(text) {
            return Ok(Self::Path(path));
        }
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let plain = parts.iter().take_while(|part| !is_pattern(part)).count();
        let pattern = GlobBuilder::new(&parts[plain..].join("/"))
            .literal_separator(true)
            .build()
            .map_err(|source| BundleError::Pattern {
                entry: text.to_owned(),
                source,
            })?;
        Ok(Self::Matches {
            base: parts[..plain].iter().collect(),
            pattern: pattern.compile_matcher(),
        })
    }
}

/// The entry as a path without `.` and doubled slashes.
fn relative(text: &str) -> Result<PathBuf, BundleError> {
    if text.is_empty() {
        return Err(BundleError::Empty);
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                return Err(BundleError::Parent {
                    entry: text.to_owned(),
                });
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(BundleError::Absolute {
                    entry: text.to_owned(),
                });
            }
        }
    }
    let kept_out = |part: &std::ffi::OsStr| part.to_str().is_some_and(is_kept_out);
    if path.iter().any(kept_out) {
        return Err(BundleError::KeptOut { path });
    }
    Ok(path)
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}
