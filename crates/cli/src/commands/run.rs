//! `seaway run`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use seaway_core::event::{Event, EventKind, JobEvent};
use seaway_core::release::Source;
use seaway_engine::RunRequest;
use seaway_ports::JobState;
use seaway_report::Listener;

use super::selection;
use crate::args::{Format, Global};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::follow::Following;
use crate::origin::origin;
use crate::output::Output;

/// Run a one-off command in a service's current revision
///
/// It has the service's image, variables and secrets. What it writes goes to standard output where
/// that is a file or a pipe, and among the messages on a terminal. The exit code is that of the command where
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
        let following = Following::shown_by(listener(output), output);
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

/// A reader of standard output wants the command's lines and nothing else.
fn listener(output: Output) -> Box<dyn Listener> {
    let messages = output.listener();
    if output.format == Format::Json || std::io::stdout().is_terminal() {
        return messages;
    }
    Box::new(LinesApart { messages, output })
}

/// The command's lines to standard output, everything else to the messages.
struct LinesApart {
    messages: Box<dyn Listener>,
    output: Output,
}

impl Listener for LinesApart {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Job(JobEvent::Log { line }) => self.output.data(&format!("{line}\n")),
            _ => self.messages.event(event),
        }
    }

    fn tick(&mut self) {
        self.messages.tick();
    }

    fn finish(&mut self) {
        self.messages.finish();
    }
}
