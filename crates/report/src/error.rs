//! An error with everything that led to it, and what to do about it.

use std::error::Error;

use crate::sanitize::sanitize;
use crate::style::{Role, Style};

/// `error: ...`, its causes one below the other, and a `hint:` line per hint.
///
/// A cause that only repeats what was said above it is left out.
pub fn error(error: &dyn Error, hints: &[String], style: Style) -> String {
    let mut out = String::new();
    let mut said = error.to_string();
    labelled(&mut out, &style.paint(Role::Bad, "error:"), "", &said);
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            labelled(&mut out, &style.paint(Role::Dim, "caused by:"), "  ", &text);
        }
        said = text;
        source = cause.source();
    }
    for hint in hints {
        labelled(&mut out, &style.paint(Role::Strong, "hint:"), "", hint);
    }
    out
}

/// The label, and the text beside it; further lines of the text are indented.
fn labelled(out: &mut String, label: &str, indent: &str, text: &str) {
    let clean = sanitize(text);
    let mut lines = clean.lines();
    *out += &format!("{indent}{label} {}\n", lines.next().unwrap_or_default());
    for line in lines {
        let text = format!("{indent}  {line}");
        *out += text.trim_end();
        out.push('\n');
    }
}
