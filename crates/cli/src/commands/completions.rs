//! `seaway completions`.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::{Arguments, Format};
use crate::failure::Failure;
use crate::output::Output;

/// Print completions for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "seaway", &mut text);
        let text = String::from_utf8_lossy(&text);
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "completions": text })),
            Format::Text => output.data(&text),
        }
        Ok(ExitCode::SUCCESS)
    }
}
