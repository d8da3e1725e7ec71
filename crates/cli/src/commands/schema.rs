//! `seaway schema`.

use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::output::Output;

/// Print the JSON Schema of seaway.toml, for editors
#[derive(Debug, Args)]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        output.data(&seaway_manifest::schema_text());
        Ok(ExitCode::SUCCESS)
    }
}
