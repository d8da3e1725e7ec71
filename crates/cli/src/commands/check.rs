//! `seaway check`.

use std::process::ExitCode;

use clap::Args;

use crate::args::{Format, Global};
use crate::failure::Failure;
use crate::output::Output;

/// Check the manifest, and report every mistake at once
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Show this environment with every default filled in
    #[arg(long, value_name = "ENVIRONMENT")]
    show: Option<String>,
}

impl Check {
    pub(crate) fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let manifest = seaway_manifest::load(&global.manifest)?;
        let problems = manifest.check();
        if problems.errors() > 0 {
            return Err(problems.into());
        }
        match (&self.show, output.format) {
            (Some(name), format) => {
                let environment = manifest.resolve(name)?;
                match format {
                    Format::Text => output.data(&seaway_manifest::resolved_toml(&environment)),
                    Format::Json => output.json(&environment),
                }
            }
            (None, Format::Json) => {
                output.json(&serde_json::json!({ "problems": problems.problems() }));
            }
            (None, Format::Text) => {
                let names: Vec<&str> = manifest.environments().map(AsRef::as_ref).collect();
                output.data(&format!("The manifest is good for {}.\n", names.join(", ")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
