//! `seaway deploy`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::plan::{Goal, Orphans, Policy};

use super::{release, selection};
use crate::args::{Consent, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::origin::source_of;
use crate::output::Output;

/// Build, plan and roll out an environment
///
/// Only what changed is rolled out. Jobs named by `before` run first with the new image; a job
/// that fails stops the release and the old tasks go on serving. A rollout that cannot succeed is
/// noticed, explained and rolled back.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The environment
    environment: String,
    /// Only these services
    #[arg(long = "service", short = 's', value_name = "NAME")]
    services: Vec<String>,
    /// Remove services that the manifest no longer names
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Deploy {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::with_sources(&global.manifest, &self.environment)?;
        let policy = policy(&context, &self.services, self.prune)?;
        let connected = context.connect().await?;
        let source = source_of(context.directory()).await;
        let made = release::make(
            &context,
            connected,
            self.consent,
            source,
            output,
            async |session, asking| seaway_engine::deploy(&session, &policy, &asking).await,
        )
        .await?;
        Ok(made.told(&context, output))
    }
}

/// What a deploy is asked for.
pub(crate) fn policy(
    context: &Context,
    services: &[String],
    prune: bool,
) -> Result<Policy, Failure> {
    Ok(Policy {
        goal: Goal::Deploy,
        only: selection::services(&context.environment, services)?,
        orphans: if prune {
            Orphans::Remove
        } else {
            Orphans::Keep
        },
    })
}
