//! A command line that is wrong, as a person or a program is told.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Tells what is wrong; help and version come this way, too.
pub(crate) fn told(error: clap::Error) -> ExitCode {
    // Without a command line, only its words say which form is wanted.
    if error.use_stderr() && wants_json(std::env::args_os().skip(1)) {
        let output = Output {
            format: Format::Json,
        };
        return failure(&error.render().to_string()).report(&output);
    }
    error.exit()
}

/// Whether `--output json` is among the words, before those of another program.
fn wants_json(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--output=json")
        || words
            .windows(2)
            .any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// The blocks of clap's text: what is wrong, then tips and the usage.
fn failure(text: &str) -> Failure {
    let mut blocks = text.split("\n\n").map(|block| {
        let words: Vec<&str> = block.split_whitespace().collect();
        words.join(" ")
    });
    let wrong = blocks.next().unwrap_or_default();
    let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong).to_owned();
    let hints: Vec<String> = blocks.filter(|block| !block.is_empty()).collect();
    let hints: Vec<&str> = hints
        .iter()
        .map(|hint| hint.strip_prefix("tip: ").unwrap_or(hint))
        .collect();
    Failure::new(Exit::Usage, wrong, &hints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_read_from_a_command_line_that_is_wrong() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        assert!(wants("deplyo local --output json"));
        assert!(wants("--output=json deplyo"));
        assert!(!wants("deplyo local --output text"));
        assert!(!wants("run local web -- --output json"));
    }
}
