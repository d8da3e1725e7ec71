//! `seaway scale`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::Source;

use super::{release, selection};
use crate::args::{Consent, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

/// Change how many tasks a service has
///
/// The count stays until it is scaled again or the manifest's own count changes.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// The environment
    environment: String,
    /// The service
    service: String,
    /// The number of tasks
    #[arg(value_parser = clap::value_parser!(u32).range(0..=5000))]
    count: u32,
    #[command(flatten)]
    consent: Consent,
}

impl Scale {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let service = selection::running_service(&context, &self.service).await?;
        let connected = context.connect().await?;
        let (consent, count) = (self.consent, self.count);
        let made = release::make(
            &context,
            connected,
            consent,
            Source::Recorded,
            output,
            async |session, asking| seaway_engine::scale(&session, &service, count, &asking).await,
        )
        .await?;
        Ok(made.told(&context, output))
    }
}
