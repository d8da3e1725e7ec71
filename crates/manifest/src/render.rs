//! Diagnostics for people: file, line, caret and hint, drawn by rustc's renderer.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Source;

/// Diagnostics that are drawn in full; a broken file with more only has the rest counted, because
/// each drawing reads the whole text again.
const DRAWN: usize = 50;

/// Whether the text may hold colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text: not a terminal, or colour is not wanted.
    Never,
    /// ANSI escape sequences.
    Always,
}

/// The text that a person reads, one paragraph per diagnostic, ending with a count of errors.
pub fn render(diagnostics: &Diagnostics, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let mut paragraphs: Vec<String> = diagnostics
        .iter()
        .take(DRAWN)
        .map(|one| renderer.render(&[group(one, diagnostics.source())]))
        .collect();
    let rest = diagnostics.iter().skip(DRAWN).count();
    if rest > 0 {
        paragraphs.push(format!("... and {rest} more"));
    }
    if diagnostics.errors() > 0 {
        paragraphs.push(format!("{diagnostics}"));
    }
    let mut text = paragraphs.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Note => Level::NOTE,
    };
    let group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    let mut group = match &diagnostic.span {
        Some(span) => {
            let primary = AnnotationKind::Primary
                .span(source.clamp(span))
                .label(diagnostic.label.as_str());
            let related = diagnostic.related.iter().map(|(span, label)| {
                AnnotationKind::Context
                    .span(source.clamp(span))
                    .label(label.as_str())
            });
            group.element(
                Snippet::source(source.text.as_str())
                    .path(source.name.as_str())
                    .annotation(primary)
                    .annotations(related),
            )
        }
        None => group.element(Origin::path(source.name.as_str())),
    };
    if let Some(note) = environments(diagnostic) {
        group = group.element(Level::NOTE.message(note));
    }
    group
        .elements(
            diagnostic
                .notes
                .iter()
                .map(|note| Level::NOTE.message(note.as_str())),
        )
        .elements(
            diagnostic
                .help
                .iter()
                .map(|help| Level::HELP.message(help.as_str())),
        )
}

fn environments(diagnostic: &Diagnostic) -> Option<String> {
    let names: Vec<String> = diagnostic
        .environments
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("in environment {one}")),
        several => Some(format!("in environments {}", several.join(", "))),
    }
}
