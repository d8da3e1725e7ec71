//! `seaway plan`.

use std::process::ExitCode;

use clap::Args;

use super::deploy::policy;
use crate::args::{Format, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::follow::Following;
use crate::origin::{origin, source_of};
use crate::output::Output;

/// Show what a deploy would do, and why
///
/// Builds the images, so that the plan is exactly what would run, and changes nothing else: the
/// platform must be running already.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The environment
    environment: String,
    /// Only these services
    #[arg(long = "service", short = 's', value_name = "NAME")]
    services: Vec<String>,
    /// Plan the removal of services that the manifest no longer names
    #[arg(long)]
    prune: bool,
}

impl Plan {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::with_sources(&global.manifest, &self.environment)?;
        let policy = policy(&context, &self.services, self.prune)?;
        let connected = context.reach().await?;
        // The events of a plan's builds are progress, never the result.
        let messages = Output {
            format: Format::Text,
        };
        let following = Following::shown_by(messages.listener(), output);
        let origin = origin(source_of(context.directory()).await);
        let session = context.session(connected.ports, &following, origin);
        let plan = async move { seaway_engine::plan_deploy(&session, &policy).await };
        let plan = following.until(plan).await?;
        match output.format {
            Format::Text => output.data(&seaway_report::plan(&plan, output.data_style())),
            Format::Json => output.json(&plan),
        }
        Ok(ExitCode::SUCCESS)
    }
}
