//! `seaway history`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::ReleaseId;
use seaway_engine::EngineError;
use seaway_ports::{Clock as _, Ledger as _};

use crate::args::{Format, Global};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system_clock::SystemClock;

/// List the releases of an environment, or show one as it looked
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The environment
    environment: String,
    /// Replay this release (r12)
    release: Option<String>,
    /// At most so many releases
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
}

impl History {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        match &self.release {
            Some(release) => replay(&context, release, output).await,
            None => self.list(&context, output).await,
        }
    }

    async fn list(&self, context: &Context, output: Output) -> Result<ExitCode, Failure> {
        let releases = context.releases(self.limit).await?;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "releases": releases })),
            Format::Text => {
                let style = output.data_style();
                output.data(&seaway_report::history(&releases, SystemClock.now(), style));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows the recorded events through the display that showed them the first time.
async fn replay(context: &Context, given: &str, output: Output) -> Result<ExitCode, Failure> {
    let id: ReleaseId = given
        .parse()
        .map_err(|error: seaway_core::release::ReleaseIdError| {
            let hint = format!("`seaway history {}` lists them", context.environment.name);
            Failure::new(Exit::Usage, error.to_string(), &[&hint])
        })?;
    let environment = &context.environment.name;
    let found = match context.record()? {
        Some(ledger) => ledger.read(environment, id).await?,
        None => None,
    };
    let unknown = || EngineError::UnknownRelease {
        environment: environment.clone(),
        release: id,
    };
    let release = found.ok_or_else(unknown)?;
    match output.format {
        Format::Json => output.json(&release),
        Format::Text => {
            let style = output.data_style();
            output.data(&seaway_report::release_header(
                &release,
                SystemClock.now(),
                style,
            ));
            let mut listener = seaway_report::lines(Box::new(std::io::stdout()), style);
            release.events().for_each(|event| listener.event(event));
            listener.finish();
        }
    }
    Ok(ExitCode::SUCCESS)
}
