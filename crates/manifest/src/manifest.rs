//! The manifest of one repository: read, and ready to be resolved.

use std::sync::Arc;

use seaway_core::environment::Environment;
use seaway_core::name::{EnvironmentName, ProjectName};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::read::{Node, Read, Sink};
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
}

impl Manifest {
    /// Reads the text of a manifest and checks the paths in it against `tree`.
    ///
    /// Fails with every mistake in keys, types, values and paths, together with what is wrong in
    /// the environments then.
    pub fn parse(source: Source, tree: &dyn Tree) -> Result<Self, Diagnostics> {
        let source = Arc::new(source);
        let mut found = Sink::new();
        let tables = read(&source.text, &mut found);
        tree::check(&tables, tree, &mut found);
        let manifest = Self { source, tables };
        if found.is_empty() {
            return Ok(manifest);
        }
        found.extend(resolve::everything(&manifest.tables));
        Err(manifest.diagnostics(found))
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
        self.diagnostics(resolve::everything(&self.tables))
    }

    fn no_such_environment(&self, name: &str) -> Diagnostics {
        let known = || self.environments().map(EnvironmentName::as_str);
        let problem = Diagnostic::error(format!("there is no environment {}", quoted(name)))
            .note(format!("the environments are {}", listed(known())))
            .suggest(closest(name, known()));
        self.diagnostics(vec![problem])
    }

    fn diagnostics(&self, found: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(Arc::clone(&self.source), found)
    }
}

/// An environment's entry in the manifest.
pub(crate) type EnvironmentEntry = crate::read::MapEntry<EnvironmentName, EnvironmentTable>;

fn read(text: &str, sink: &mut Sink) -> ManifestTable {
    let (document, errors) = DeTable::parse_recoverable(text);
    let is_broken = !errors.is_empty();
    sink.extend(errors.iter().map(|error| {
        let message = format!("invalid TOML: {}", visible(error.message()));
        match error.span() {
            Some(span) => Diagnostic::error(message).at(&span, ""),
            None => Diagnostic::error(message),
        }
    }));
    if is_broken {
        // What the parser recovered from a broken text is not what was meant: complaints about it
        // would mislead.
        return ManifestTable::default();
    }
    let root = Spanned::new(0..0, DeValue::Table(document.into_inner()));
    let node = Node {
        value: root.get_ref(),
        span: root.span(),
        key_span: root.span(),
        path: String::new(),
    };
    ManifestTable::read(&node, sink).unwrap_or_default()
}

fn visible(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}
