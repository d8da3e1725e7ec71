//! From text to raw tables: the TOML parser and what it has to say.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::diagnostic::Diagnostic;
use crate::read::{Node, Read, Sink};
use crate::source::Source;
use crate::tables::ManifestTable;

/// Lines of invalid TOML that are reported. The parser goes on after a mistake and mostly reports
/// its consequences.
const REPORTED: usize = 5;

/// Reads the tables of a manifest; complaints go to `sink`.
pub(crate) fn read(source: &Source, sink: &mut Sink) -> ManifestTable {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        sink.extend(invalid(source, &errors));
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

/// The first complaint about each of the first lines that are broken.
fn invalid(source: &Source, errors: &[Error]) -> Vec<Diagnostic> {
    let mut lines = BTreeSet::new();
    let mut reported: Vec<Diagnostic> = Vec::new();
    for error in errors {
        let place = error.span().unwrap_or_default();
        if lines.len() == REPORTED {
            break;
        }
        if lines.insert(source.position(place.start).line) {
            let message = format!("invalid TOML: {}", visible(error.message()));
            reported.push(Diagnostic::error(message).at(&place, ""));
        }
    }
    let more = errors.len() - reported.len();
    if more > 0
        && let Some(last) = reported.pop()
    {
        let rest = format!("{more} more, most of which follow from what comes first");
        reported.push(last.note(rest));
    }
    reported
}

fn visible(text: &str) -> String {
    text.replace(char::is_control, " ")
}
