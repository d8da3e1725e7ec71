//! `seaway up`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::status::Seen;
use super::{deploy, release, status};
use crate::args::{Consent, Format, Global};
use crate::context::Context;
use crate::failure::Failure;
use crate::follow::unless_pressed;
use crate::origin::source_of;
use crate::output::Output;

/// Build and run everything on this machine
///
/// Starts the embedded platform if it does not run, deploys the local environment, and tells what
/// runs where.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The directory of the manifest, like --manifest
    #[arg(conflicts_with = "manifest")]
    directory: Option<PathBuf>,
    /// The environment, which must have platform = "local"
    #[arg(long, short = 'e', default_value = "local")]
    environment: String,
}

impl Up {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let manifest = self.directory.as_ref().unwrap_or(&global.manifest);
        let context = Context::with_sources(manifest, &self.environment)?;
        let policy = deploy::policy(&context, &[], false)?;
        let connected = context.connect().await?;
        let source = source_of(context.directory()).await;
        let consent = Consent { yes: true };
        let made = release::make(
            &context,
            connected,
            consent,
            source,
            output,
            async |session, asking| seaway_engine::deploy(&session, &policy, &asking).await,
        )
        .await?;
        match output.format {
            Format::Json => {
                let seen = seen(&context).await.and_then(Result::ok);
                made.told_to_programs(seen.as_ref(), output);
            }
            Format::Text => {
                made.told_to_people(&context, output);
                match seen(&context).await {
                    Some(Ok(seen)) => output.data(&seen.shown(output)),
                    Some(Err(failure)) => {
                        // How the release ended decides the exit code.
                        failure.report(&output);
                    }
                    None => {}
                }
            }
        }
        Ok(made.exit_code().into())
    }
}

/// What runs now, if the platform still answers; none after Ctrl-C. The release is over, and its
/// result is told either way.
async fn seen(context: &Context) -> Option<Result<Seen, Failure>> {
    let mut signals = signal(SignalKind::interrupt()).ok();
    let look = async { status::see(context, &context.reach().await?).await };
    unless_pressed(&mut signals, look).await
}
