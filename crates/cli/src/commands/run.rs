//! `seaway run`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use seaway_core::event::{Event, EventKind, JobEvent};
use seaway_core::release::Source;
use seaway_engine::{EngineError, RunRequest};
use seaway_ports::JobState;
use seaway_report::Listener;
use serde_json::json;

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
        let service = selection::running_service(&context, &self.service).await?;
        let connected = context.connect().await?;
        let following = Following::shown_by(listener(output), output);
        let session = context.session(connected.ports, &following, origin(Source::Recorded));
        let request = RunRequest {
            service,
            command: self.command,
        };
        let work = async move { seaway_engine::run(&session, &request).await };
        let ended = following.until(work).await;
        let state = ended.map_err(|error| stopped(error, &self.environment))?;
        let code = exit_code(&state);
        if output.format == Format::Json {
            let (its_own, reason) = match &state {
                JobState::Running | JobState::Succeeded => (Some(0), None),
                JobState::Failed { exit_code, reason } => (*exit_code, Some(reason)),
            };
            output.json(&json!({
                "result": "run", "task_exit_code": its_own, "reason": reason, "exit_code": code,
            }));
        }
        Ok(code.into())
    }
}

/// The command's own code where it can be one.
fn exit_code(state: &JobState) -> u8 {
    match state {
        JobState::Running | JobState::Succeeded => 0,
        JobState::Failed {
            exit_code: Some(code @ 1..=125),
            ..
        } => u8::try_from(*code).unwrap_or(Exit::Failed as u8),
        JobState::Failed { .. } => Exit::Failed as u8,
    }
}

/// Ctrl-C ends the task with the command.
fn stopped(error: EngineError, environment: &str) -> Failure {
    if !matches!(error, EngineError::Interrupted) {
        return error.into();
    }
    let hint = format!("`seaway logs {environment}` shows what it wrote");
    Failure::new(Exit::Failed, "interrupted: the task was stopped", &[&hint])
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
