//! `seaway local reset`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use seaway_local::launch::PlatformClient;
use seaway_local::layout::StateDir;

use crate::args::Format;
use crate::context::{not_running, running_platform};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::prompt;

/// What must be typed: a reflex is not enough.
const WORD: &str = "reset";

/// Empty the platform, which runs on: tasks stop, everything but data volumes and release records
/// is gone
#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// Empty it without asking
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Reset {
    pub(super) async fn run(self, state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
        let connection = running_platform(state).await?.ok_or_else(not_running)?;
        if !self.yes && !confirmed(state, output).await {
            return Err(Failure::new(
                Exit::Refused,
                "nothing was removed: the reset was not confirmed",
                &["`--yes` confirms in scripts"],
            ));
        }
        let reset = PlatformClient::new(connection).reset().await;
        reset.map_err(|error| {
            let log = state.platform_log();
            let hint = format!("its own log may tell more: {}", log.display());
            Failure::prerequisite(error, &hint)
        })?;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "reset": true })),
            Format::Text => output.message("The platform is empty.\n"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn confirmed(state: &StateDir, output: Output) -> bool {
    if !std::io::stdin().is_terminal() || output.format == Format::Json {
        return false;
    }
    output.message(&format!(
        "Everything on the platform of {} is removed, except data volumes and release records.\n\
         Type {WORD} to go on: ",
        state.root().display()
    ));
    prompt::line().await.is_ok_and(|line| line.trim() == WORD)
}
