//! `seaway restart`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::Source;

use super::{release, selection};
use crate::args::{Consent, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

/// Replace the tasks of services by new ones of the same revision
#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// The environment
    environment: String,
    /// The services; none: all
    services: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Restart {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let services = selection::running_services(&context, &self.services).await?;
        let connected = context.connect().await?;
        let consent = self.consent;
        let made = release::make(
            &context,
            connected,
            consent,
            Source::Recorded,
            output,
            async |session, asking| seaway_engine::restart(&session, services, &asking).await,
        )
        .await?;
        Ok(made.told(&context, output))
    }
}
