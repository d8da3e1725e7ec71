//! `seaway resume`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::Source;
use seaway_engine::Resumption;

use super::release;
use crate::args::{Consent, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

/// Go on with a release that was interrupted, or undo it
///
/// Reads the recorded plan, never the working tree.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The environment
    environment: String,
    /// Take back what the release changed
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Resume {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let connected = context.connect().await?;
        let resumption = if self.undo {
            Resumption::Undo
        } else {
            Resumption::GoOn
        };
        let consent = self.consent;
        let made = release::make(
            &context,
            connected,
            consent,
            Source::Recorded,
            output,
            async |session, asking| seaway_engine::resume(&session, resumption, &asking).await,
        )
        .await?;
        Ok(made.told(&context, output))
    }
}
