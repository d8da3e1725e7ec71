//! `seaway rollback`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::Source;
use seaway_engine::RollbackTarget;

use super::{release, selection};
use crate::args::{Consent, Global};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Bring an earlier release back, without a build
///
/// Without a target: the newest release with other contents than what runs now.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The environment
    environment: String,
    /// What ran at the end of this release (r12)
    #[arg(conflicts_with = "service")]
    release: Option<String>,
    /// Only this service, to its previous revision
    #[arg(long, short = 's', value_name = "NAME")]
    service: Option<String>,
    /// The service's revision: its number, family:number or ARN
    #[arg(long, requires = "service", value_name = "REVISION")]
    revision: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Rollback {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let target = self.target(&context).await?;
        let connected = context.connect().await?;
        let consent = self.consent;
        let made = release::make(
            &context,
            connected,
            consent,
            Source::Recorded,
            output,
            async |session, asking| seaway_engine::rollback(&session, &target, &asking).await,
        )
        .await?;
        Ok(made.told(&context, output))
    }

    async fn target(&self, context: &Context) -> Result<RollbackTarget, Failure> {
        if let Some(service) = &self.service {
            return Ok(RollbackTarget::Service {
                service: selection::running_service(context, service).await?,
                revision: self.revision.clone(),
            });
        }
        match &self.release {
            None => Ok(RollbackTarget::Previous),
            Some(given) => given.parse().map(RollbackTarget::Release).map_err(
                |error: seaway_core::release::ReleaseIdError| {
                    let hint = format!("`seaway history {}` lists them", self.environment);
                    Failure::new(Exit::Usage, error.to_string(), &[&hint])
                },
            ),
        }
    }
}
