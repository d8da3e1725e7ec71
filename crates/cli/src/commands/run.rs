//! `seaway run`.

use std::process::ExitCode;

use clap::Args;
use seaway_core::release::Source;
use seaway_engine::RunRequest;
use seaway_ports::JobState;

use super::selection;
use crate::args::Global;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::follow::Following;
use crate::origin::origin;
use crate::output::Output;

/// Run a one-off command in a service's current revision
///
/// It has the service's image, variables and secrets. The exit code is that of the command where
/// it can be (1 to 125), else 1.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The environment
    environment: String,
    /// The service
    service: String,
    /// The command and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<String>,
}

impl Run {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let service = selection::service(&context.environment, &self.service)?;
        let connected = context.connect().await?;
        let following = Following::new(output);
        let session = context.session(connected.ports, &following, origin(Source::Recorded));
        let request = RunRequest {
            service,
            command: self.command,
        };
        let work = async move { seaway_engine::run(&session, &request).await };
        Ok(match following.until(work).await? {
            JobState::Running | JobState::Succeeded => ExitCode::SUCCESS,
            JobState::Failed { exit_code, .. } => match exit_code {
                Some(code @ 1..=125) => {
                    u8::try_from(code).map_or(Exit::Failed.into(), ExitCode::from)
                }
                _ => Exit::Failed.into(),
            },
        })
    }
}
