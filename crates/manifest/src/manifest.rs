//! The manifest of one repository: read, and ready to be resolved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use seaway_core::environment::Environment;
use seaway_core::name::{EnvironmentName, ProjectName};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::document;
use crate::read::Sink;
use crate::resolve;
use crate::source::Source;
use crate::suggest::{closest, listed, quoted};
use crate::tables::{EnvironmentTable, ManifestTable};
use crate::tree::{self, Tree};

/// A manifest whose keys, types and paths are right. Whether an environment resolves is told by
/// [`Manifest::resolve`].
#[derive(Debug, Clone)]
pub struct Manifest {
    source: Arc<Source>,
    tables: ManifestTable,
    directory: PathBuf,
}

impl Manifest {
    /// Reads the text of a manifest and checks the paths in it against `tree`.
    ///
    /// Fails with every mistake in keys, types, values and paths, together with what is wrong in
    /// the environments then.
    pub fn parse(source: Source, tree: &dyn Tree) -> Result<Self, Diagnostics> {
        Self::read(source, Some(tree))
    }

    /// Reads the text of a manifest and believes the paths in it.
    ///
    /// Fails with every mistake in keys, types and values, together with what is wrong in the
    /// environments then.
    pub fn parse_text(source: Source) -> Result<Self, Diagnostics> {
        Self::read(source, None)
    }

    fn read(source: Source, tree: Option<&dyn Tree>) -> Result<Self, Diagnostics> {
        let source = Arc::new(source);
        let mut found = Sink::new();
        let tables = document::read(&source, &mut found);
        if let Some(tree) = tree {
            tree::check(&tables, tree, &mut found);
        }
        let manifest = Self {
            source,
            tables,
            directory: PathBuf::new(),
        };
        if found.is_empty() {
            return Ok(manifest);
        }
        found.extend(resolve::everything(&manifest.tables));
        Err(manifest.of_all(found))
    }

    pub(crate) fn in_directory(self, directory: PathBuf) -> Self {
        Self { directory, ..self }
    }

    /// Where the manifest was read from: all paths in it are relative to here. Empty for a text
    /// that was never in a file.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The project's name.
    pub fn project(&self) -> Option<&ProjectName> {
        self.tables.project.value()?.name.value()
    }

    /// The environments, in the order of the text.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        let tables = self.tables.environments.value();
        tables
            .into_iter()
            .flat_map(|all| &all.entries)
            .map(|entry| &entry.name)
    }

    /// One environment with its defaults filled in and its references resolved, or everything that
    /// is wrong with it and with what all environments share.
    pub fn resolve(&self, name: impl AsRef<str>) -> Result<Environment, Diagnostics> {
        let environments = self.tables.environments.value();
        let entry = environments
            .into_iter()
            .flat_map(|all| &all.entries)
            .find(|entry| entry.name.as_str() == name.as_ref())
            .ok_or_else(|| self.no_such_environment(name.as_ref()))?;
        let (environment, found) = resolve::environment(&self.tables, entry);
        let is_wrong = found.iter().any(|one| one.severity == Severity::Error);
        match environment {
            Some(environment) if !is_wrong => Ok(environment),
            _ => Err(self.diagnostics(found)),
        }
    }

    /// Everything there is to say about all environments together; what is the same in several is
    /// said once. Notes alone are no failure: see [`Diagnostics::errors`].
    pub fn check(&self) -> Diagnostics {
        self.of_all(resolve::everything(&self.tables))
    }

    fn no_such_environment(&self, name: &str) -> Diagnostics {
        let known = || self.environments().map(EnvironmentName::as_str);
        let problem = Diagnostic::error(format!("there is no environment {}", quoted(name)))
            .note(format!("the environments are {}", listed(known())))
            .suggest(closest(name, known()));
        self.diagnostics(vec![problem])
    }

    /// What concerns every environment concerns the manifest.
    fn of_all(&self, found: Vec<Diagnostic>) -> Diagnostics {
        self.diagnostics(found)
            .without_environments(self.environments().count())
    }

    fn diagnostics(&self, found: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(Arc::clone(&self.source), found)
    }
}

/// An environment's entry in the manifest.
pub(crate) type EnvironmentEntry = crate::read::MapEntry<EnvironmentName, EnvironmentTable>;
