//! What is wrong with a manifest, as data: rendered for people by [`crate::render`], for machines
//! by [`Diagnostics::problems`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use seaway_core::name::EnvironmentName;
use serde::Serialize;

use crate::source::{Source, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// Worth knowing.
    Note,
}

/// One thing to say about the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    /// What the caret points at; none when there is no text to point at.
    pub span: Option<Span>,
    /// Beside the caret.
    pub label: String,
    /// Other places that belong to it, each with its own label.
    pub related: Vec<(Span, String)>,
    /// What is allowed, and why.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Vec<String>,
    /// The environments it concerns; empty: the manifest as a whole.
    pub environments: BTreeSet<EnvironmentName>,
}

impl Diagnostic {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    pub(crate) fn remark(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            span: None,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            environments: BTreeSet::new(),
        }
    }

    pub(crate) fn at(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.span = Some(span.clone());
        self.label = label.into();
        self
    }

    pub(crate) fn related(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds "did you mean" when a known word is near.
    pub(crate) fn suggest(self, suggestion: Option<String>) -> Self {
        match suggestion {
            Some(word) => self.help(format!("did you mean `{word}`?")),
            None => self,
        }
    }

    /// Whether `other` says the same about the same place, environments aside.
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.span == other.span
            && self.message == other.message
            && self.label == other.label
            && self.notes == other.notes
    }
}

/// Everything there is to say about one manifest, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    source: Arc<Source>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts by place and joins what is said more than once.
    pub(crate) fn new(source: Arc<Source>, found: Vec<Diagnostic>) -> Self {
        let mut sorted = found;
        sorted.sort_by_key(place);
        let mut list: Vec<Diagnostic> = Vec::new();
        for diagnostic in sorted {
            let neighbours = list
                .iter_mut()
                .rev()
                .take_while(|known| known.span == diagnostic.span);
            match neighbours
                .into_iter()
                .find(|known| known.says_the_same_as(&diagnostic))
            {
                Some(known) => known.environments.extend(diagnostic.environments),
                None => list.push(diagnostic),
            }
        }
        Self { source, list }
    }

    /// Names no environments where all `count` of them are concerned.
    pub(crate) fn without_environments(mut self, count: usize) -> Self {
        for diagnostic in &mut self.list {
            if diagnostic.environments.len() == count {
                diagnostic.environments.clear();
            }
        }
        self
    }

    /// The text they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// All of them, in the order of the text; those without a place come first.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Whether nothing was found, not even a note.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.list
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .count()
    }

    /// The form for `--output json`.
    pub fn problems(&self) -> Vec<Problem> {
        self.list
            .iter()
            .map(|one| Problem::new(one, &self.source))
            .collect()
    }
}

fn place(diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    diagnostic.span.as_ref().map(|span| (span.start, span.end))
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors() {
            1 => write!(f, "1 error in {}", self.source.name),
            count => write!(f, "{count} errors in {}", self.source.name),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// A diagnostic for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    /// From 1; none when the file as a whole is concerned.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    pub message: String,
    pub label: String,
    pub notes: Vec<String>,
    pub help: Vec<String>,
    pub environments: BTreeSet<EnvironmentName>,
}

impl Problem {
    fn new(diagnostic: &Diagnostic, source: &Source) -> Self {
        let position = diagnostic
            .span
            .as_ref()
            .map(|span| source.position(span.start));
        Self {
            severity: diagnostic.severity,
            file: source.name.clone(),
            line: position.map(|at| at.line),
            column: position.map(|at| at.column),
            message: diagnostic.message.clone(),
            label: diagnostic.label.clone(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
            environments: diagnostic.environments.clone(),
        }
    }
}
