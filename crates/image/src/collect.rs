//! From the entries of a bundle to the files of an image, each at its place.

use std::collections::BTreeMap;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use globset::GlobMatcher;

use crate::bundle::{BundleError, Entry, Limits, is_kept_out};

/// Names with this beginning remove files of lower layers (OCI image specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";
const SET_ID_BITS: u32 = 0o6000;

/// The content of an image's working directory.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// By place, relative to the working directory. Every directory of a place is there, too.
    pub(crate) items: BTreeMap<PathBuf, Item>,
    pub(crate) files: u32,
}

/// What lies at one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Directory,
    File {
        /// Where its bytes are.
        source: PathBuf,
        stamp: Stamp,
    },
    Link {
        source: PathBuf,
        /// As it is written in the link.
        target: PathBuf,
    },
}

/// What changes when a file does, without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    inode: u64,
    mode: u32,
    size: u64,
    /// Seconds and nanoseconds; the kernel sets it on each change of content or mode.
    changed: (i64, i64),
}

/// Collects what `entries` name below `root`, which is a canonical path.
pub(crate) fn collect(
    root: &Path,
    entries: &[String],
    limits: Limits,
) -> Result<Collected, BundleError> {
    if entries.is_empty() {
        return Err(BundleError::Empty);
    }
    let mut collector = Collector {
        root,
        limits,
        bytes: 0,
        collected: Collected::default(),
        found: 0,
    };
    for entry in entries {
        collector.found = 0;
        match Entry::parse(root, entry)? {
            Entry::Path(path) => collector.path(&path)?,
            Entry::Matches { base, pattern } => collector.matches(&base, &pattern)?,
        }
        if collector.found == 0 {
            return Err(BundleError::NothingMatched {
                entry: entry.clone(),
            });
        }
    }
    Ok(collector.collected)
}

struct Collector<'a> {
    root: &'a Path,
    limits: Limits,
    bytes: u64,
    collected: Collected,
    /// Files and links of the entry at hand.
    found: usize,
}

/// Something below the directory that an entry names.
struct Found {
    /// Invariant: no directory on the way is a link.
    path: PathBuf,
    metadata: Metadata,
    /// In the image.
    place: PathBuf,
}

impl Collector<'_> {
    /// One file or directory; the way to it may lead through links within the root.
    fn path(&mut self, relative: &Path) -> Result<(), BundleError> {
        let Some(real) = self.real(relative)? else {
            return Ok(());
        };
        let found = Found {
            metadata: self.look(&real)?,
            path: real.clone(),
            place: relative.file_name().map(PathBuf::from).unwrap_or_default(),
        };
        self.add_all(found, &real)
    }

    /// What below `base` matches. A directory that matches comes with its content.
    fn matches(&mut self, base: &Path, pattern: &GlobMatcher) -> Result<(), BundleError> {
        let Some(real) = self.real(base)? else {
            return Ok(());
        };
        let mut directories = vec![(real.clone(), PathBuf::new())];
        while let Some((directory, place)) = directories.pop() {
            if !self.look(&directory)?.is_dir() {
                continue;
            }
            for found in self.children(&directory, &place)? {
                if pattern.is_match(&found.place) {
                    self.add_all(found, &real)?;
                } else if found.metadata.is_dir() {
                    directories.push((found.path, found.place));
                }
            }
        }
        Ok(())
    }

    /// Adds what was found and, of a directory, everything below. Links may lead anywhere within
    /// `boundary`.
    fn add_all(&mut self, found: Found, boundary: &Path) -> Result<(), BundleError> {
        let mut todo = vec![found];
        while let Some(found) = todo.pop() {
            if found.metadata.is_dir() {
                todo.extend(self.children(&found.path, &found.place)?);
            }
            self.add(found, boundary)?;
        }
        Ok(())
    }

    fn add(&mut self, found: Found, boundary: &Path) -> Result<(), BundleError> {
        let Found {
            path,
            metadata,
            place,
        } = found;
        self.check_place(&path, &place)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.insert(place, Item::Directory);
        }
        self.found += 1;
        if kind.is_symlink() {
            let target = self.target(&path, boundary)?;
            let source = path;
            return self.insert(place, Item::Link { source, target });
        }
        if let Some(kind) = special(kind) {
            let path = self.shown(&path);
            return Err(BundleError::Special { path, kind });
        }
        if metadata.mode() & SET_ID_BITS != 0 {
            let path = self.shown(&path);
            return Err(BundleError::Privileged { path });
        }
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > self.limits.bytes {
            let limit = self.limits.bytes;
            return Err(BundleError::TooLarge { limit });
        }
        let stamp = Stamp::of(&metadata);
        self.insert(
            place,
            Item::File {
                source: path,
                stamp,
            },
        )
    }

    /// Puts an item at its place, and the directories above it.
    fn insert(&mut self, place: PathBuf, item: Item) -> Result<(), BundleError> {
        let above: Vec<PathBuf> = place.ancestors().skip(1).map(Path::to_owned).collect();
        for directory in above {
            self.insert_one(directory, Item::Directory, &item)?;
        }
        self.insert_one(place, item.clone(), &item)
    }

    fn insert_one(
        &mut self,
        place: PathBuf,
        item: Item,
        on_behalf_of: &Item,
    ) -> Result<(), BundleError> {
        match self.collected.items.get(&place) {
            Some(there) if *there == item => return Ok(()),
            Some(there) => {
                let shown = |item: &Item| match item {
                    Item::File { source, .. } | Item::Link { source, .. } => self.shown(source),
                    Item::Directory => place.join(""),
                };
                return Err(BundleError::Collision {
                    first: shown(there),
                    second: shown(on_behalf_of),
                    place,
                });
            }
            None => {}
        }
        if self.collected.items.len() == self.limits.entries {
            let limit = self.limits.entries;
            return Err(BundleError::TooMany { limit });
        }
        self.collected.files += u32::from(matches!(item, Item::File { .. }));
        self.collected.items.insert(place, item);
        Ok(())
    }

    /// What lies in a directory, apart from what never enters a bundle.
    fn children(&self, directory: &Path, place: &Path) -> Result<Vec<Found>, BundleError> {
        let mut children = Vec::new();
        for entry in fs::read_dir(directory).map_err(|source| self.unreadable(directory, source))? {
            let entry = entry.map_err(|source| self.unreadable(directory, source))?;
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str() else {
                let path = self.shown(&path);
                return Err(BundleError::Name { path });
            };
            if is_kept_out(name) {
                continue;
            }
            children.push(Found {
                metadata: self.look(&path)?,
                place: place.join(name),
                path,
            });
        }
        Ok(children)
    }

    fn check_place(&self, path: &Path, place: &Path) -> Result<(), BundleError> {
        if place.as_os_str().len() > self.limits.path {
            return Err(BundleError::LongPath {
                path: self.shown(path),
                limit: self.limits.path,
            });
        }
        let name = place.file_name().unwrap_or_default().to_str();
        if name.is_none_or(|name| name.starts_with(WHITEOUT)) {
            let path = self.shown(path);
            return Err(BundleError::Name { path });
        }
        Ok(())
    }

    /// Where a path of the root leads to; none if nothing is there.
    fn real(&self, relative: &Path) -> Result<Option<PathBuf>, BundleError> {
        let path = self.root.join(relative);
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.unreadable(&path, source)),
        };
        let Ok(inside) = real.strip_prefix(self.root) else {
            return Err(BundleError::LeavesRoot {
                link: relative.to_owned(),
                target: real,
            });
        };
        let kept_out = |part: &std::ffi::OsStr| part.to_str().is_some_and(is_kept_out);
        if inside.iter().any(kept_out) {
            let path = inside.to_owned();
            return Err(BundleError::KeptOut { path });
        }
        Ok(Some(real))
    }

    /// The text of a link, if it leads to a place within `boundary`, by its text alone as well as
    /// through the links that it meets on its way.
    fn target(&self, link: &Path, boundary: &Path) -> Result<PathBuf, BundleError> {
        let target = fs::read_link(link).map_err(|source| self.unreadable(link, source))?;
        let leads_to = |end: &Path| {
            let (link, target) = (self.shown(link), target.clone());
            if target.is_absolute() || !end.starts_with(self.root) {
                return Err(BundleError::LeavesRoot { link, target });
            }
            if !end.starts_with(boundary) {
                return Err(BundleError::LeavesEntry { link, target });
            }
            Ok(())
        };
        let directory = link.parent().unwrap_or(self.root);
        leads_to(&normal(&directory.join(&target)))?;
        match fs::canonicalize(link) {
            Ok(end) => leads_to(&end)?,
            // It leads nowhere: harmless, and not ours to judge.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(self.unreadable(link, source)),
        }
        Ok(target)
    }

    fn look(&self, path: &Path) -> Result<Metadata, BundleError> {
        fs::symlink_metadata(path).map_err(|source| self.unreadable(path, source))
    }

    fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root).unwrap_or(path).to_owned()
    }

    fn unreadable(&self, path: &Path, source: io::Error) -> BundleError {
        let path = self.shown(path);
        BundleError::Read { path, source }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            mode: metadata.mode(),
            size: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("fifo")
    } else if kind.is_socket() {
        Some("socket")
    } else {
        Some("device")
    }
}

/// The path without `.` and `..`, as its text says.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
