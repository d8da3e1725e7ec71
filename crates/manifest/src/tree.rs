//! The files around the manifest, and whether the paths it names lead to them. With
//! [`crate::load`] the only module that touches the disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::read::{At, RepoPath, RepoPattern, Sink};
use crate::suggest::quoted;
use crate::tables::{ImageTable, ManifestTable};

/// What is at a path of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    File,
    Directory,
    Missing,
    /// A symbolic link leads out of the repository, to this path.
    Outside(PathBuf),
    /// It could not be looked at, and why.
    Unreadable(String),
}

/// The repository as the manifest sees it.
pub trait Tree {
    /// What is at `path`, relative to the manifest, links followed.
    fn look(&self, path: &str) -> Found;
}

/// A repository on disk.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The repository whose manifest is in `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl Tree for Checkout {
    fn look(&self, path: &str) -> Found {
        let resolved = self
            .root
            .canonicalize()
            .and_then(|root| Ok((deepest(&self.root.join(path))?, root)));
        match resolved {
            Ok(((target, _), root)) if !target.starts_with(&root) => Found::Outside(target),
            Ok(((_, Reached::Ancestor), _)) => Found::Missing,
            Ok(((target, Reached::Whole), _)) if target.is_dir() => Found::Directory,
            Ok(((_, Reached::Whole), _)) => Found::File,
            Err(error) => Found::Unreadable(error.to_string()),
        }
    }
}

/// How much of a path exists.
enum Reached {
    Whole,
    Ancestor,
}

/// The real place of `path`, or of its deepest ancestor that exists: a link can lead out of the
/// repository although what is behind it has yet to be built.
fn deepest(path: &Path) -> io::Result<(PathBuf, Reached)> {
    let mut reached = Reached::Whole;
    for ancestor in path.ancestors() {
        match ancestor.canonicalize() {
            Ok(target) => return Ok((target, reached)),
            Err(error) if is_absence(&error) => reached = Reached::Ancestor,
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Complains about paths that do not lead to what they should.
pub(crate) fn check(tables: &ManifestTable, tree: &dyn Tree, sink: &mut Sink) {
    for service in tables
        .services
        .value()
        .into_iter()
        .flat_map(|all| &all.entries)
    {
        if let Some(path) = service.value.path.given() {
            expect(path, Found::Directory, tree, sink);
        }
        if let Some(image) = service.value.image.given() {
            check_image(image, tree, sink);
        }
    }
    for site in tables
        .sites
        .value()
        .into_iter()
        .flat_map(|all| &all.entries)
    {
        let Some(path) = site.value.path.given() else {
            continue;
        };
        expect(path, Found::Directory, tree, sink);
        if let Some(dist) = site.value.dist.given() {
            check_inside(&format!("{}/{}", path.0, dist.0), dist, tree, sink);
        }
    }
}

fn check_image(image: &ImageTable, tree: &dyn Tree, sink: &mut Sink) {
    if let Some(dockerfile) = image.dockerfile.given() {
        expect(dockerfile, Found::File, tree, sink);
    }
    for entry in image
        .bundle
        .value()
        .into_iter()
        .flat_map(|bundle| &bundle.0)
    {
        let fixed = fixed_part(&entry.value);
        let found = check_inside(&fixed, entry, tree, sink);
        let is_fixed = fixed == entry.0;
        if found == Found::Missing && is_fixed && image.build.is_absent() {
            sink.push(
                Diagnostic::error(format!("{} does not exist", quoted(&entry.0)))
                    .at(&entry.span, "nothing to pack")
                    .help("name the command that makes it: build = \"...\""),
            );
        }
    }
}

/// The part of a pattern before its first wildcard, in whole path components.
fn fixed_part(pattern: &RepoPattern) -> String {
    let is_wild = |part: &&str| part.contains(['*', '?', '[', '{']);
    let parts: Vec<&str> = pattern
        .0
        .split('/')
        .take_while(|part| !is_wild(part))
        .collect();
    match parts.join("/") {
        nothing if nothing.is_empty() => ".".to_owned(),
        fixed => fixed,
    }
}

fn expect(path: &At<RepoPath>, wanted: Found, tree: &dyn Tree, sink: &mut Sink) {
    let found = check_inside(&path.0, path, tree, sink);
    if found == wanted {
        return;
    }
    let label = match (&found, &wanted) {
        (Found::Missing, Found::Directory) => "no such directory",
        (Found::Missing, _) => "no such file",
        (Found::File, _) => "this is a file, not a directory",
        (Found::Directory, _) => "this is a directory, not a file",
        (Found::Outside(_) | Found::Unreadable(_), _) => return,
    };
    let message = match found {
        Found::Missing => format!("{} does not exist", quoted(&path.0)),
        _ => format!("{} is of the wrong kind", quoted(&path.0)),
    };
    sink.push(
        Diagnostic::error(message)
            .at(&path.span, label)
            .note("paths are relative to the directory of the manifest"),
    );
}

/// Looks at `path` and complains, at the place of `written`, where it leaves the repository.
fn check_inside<T>(path: &str, written: &At<T>, tree: &dyn Tree, sink: &mut Sink) -> Found {
    let found = tree.look(path);
    match &found {
        Found::Outside(target) => sink.push(
            Diagnostic::error(format!("{} leaves the repository", quoted(path)))
                .at(
                    &written.span,
                    format!("a link leads to {}", quoted(&target.to_string_lossy())),
                )
                .note("everything that is shipped lies inside the directory of the manifest"),
        ),
        Found::Unreadable(reason) => sink.push(
            Diagnostic::error(format!("{} cannot be looked at", quoted(path)))
                .at(&written.span, reason.clone()),
        ),
        Found::File | Found::Directory | Found::Missing => {}
    }
    found
}
