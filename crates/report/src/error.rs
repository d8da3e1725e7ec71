//! An error with everything that led to it, and what to do about it.

use std::error::Error;

use crate::sanitize::sanitize;
use crate::style::{Role, Style};

/// `error: ...`, its causes one below the other, and a `hint:` line per hint.
pub fn error(error: &dyn Error, hints: &[String], style: Style) -> String {
    let mut out = String::new();
    labelled(
        &mut out,
        &style.paint(Role::Bad, "error:"),
        "",
        &error.to_string(),
    );
    for cause in causes(error) {
        labelled(
            &mut out,
            &style.paint(Role::Dim, "caused by:"),
            "  ",
            &cause,
        );
    }
    for hint in hints {
        labelled(&mut out, &style.paint(Role::Strong, "hint:"), "", hint);
    }
    out
}

/// What led to an error, the nearest cause first.
///
/// A cause that only repeats what was said before it is left out.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = vec![];
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
        }
        said = text;
        source = cause.source();
    }
    causes
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
