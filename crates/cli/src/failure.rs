//! What went wrong, as a person or a program is told, and the exit code (DESIGN.md, section 8).

use std::error::Error;
use std::process::ExitCode;

use seaway_engine::EngineError;
use seaway_manifest::{Colour, Diagnostics};
use seaway_ports::{PortError, PortErrorKind};
use serde_json::json;
use thiserror::Error;

use crate::args::Format;
use crate::output::Output;

/// The kinds of failures that exit codes tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The work failed or was rolled back.
    Failed = 1,
    /// The command line or the manifest is wrong.
    Usage = 2,
    /// A prerequisite or a remote side failed.
    Prerequisite = 3,
    /// Refused by a guard.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Mistakes in the manifest, each with its place.
    Manifest(Box<Diagnostics>),
    Other {
        exit: Exit,
        error: Box<dyn Error + Send + Sync>,
        hints: Vec<String>,
    },
}

/// A failure that is nothing but its text.
#[derive(Debug, Error)]
#[error("{0}")]
struct Plain(String);

impl Failure {
    /// A failure in words, with its next steps.
    pub(crate) fn new(exit: Exit, text: impl Into<String>, hints: &[&str]) -> Self {
        let hints = hints.iter().map(|hint| (*hint).to_owned()).collect();
        Self::Other {
            exit,
            error: Box::new(Plain(text.into())),
            hints,
        }
    }

    /// A prerequisite that failed with an error of its own.
    pub(crate) fn prerequisite(error: impl Error + Send + Sync + 'static, hints: &[&str]) -> Self {
        let hints = hints.iter().map(|hint| (*hint).to_owned()).collect();
        Self::Other {
            exit: Exit::Prerequisite,
            error: Box::new(error),
            hints,
        }
    }

    /// Tells what went wrong, and how the process ends.
    pub(crate) fn report(&self, output: &Output) -> ExitCode {
        match (self, output.format) {
            (Self::Manifest(diagnostics), Format::Text) => {
                let colour = if output.message_style().colour {
                    Colour::Always
                } else {
                    Colour::Never
                };
                output.message(&seaway_manifest::render(diagnostics, colour));
            }
            (Self::Manifest(diagnostics), Format::Json) => {
                output.json(&json!({ "problems": diagnostics.problems() }));
            }
            (Self::Other { error, hints, .. }, Format::Text) => {
                output.message(&seaway_report::error(
                    error.as_ref(),
                    hints,
                    output.message_style(),
                ));
            }
            (Self::Other { error, hints, .. }, Format::Json) => {
                output.json(&json!({ "error": error.to_string(), "hints": hints }));
            }
        }
        self.exit().into()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Manifest(_) => Exit::Usage,
            Self::Other { exit, .. } => *exit,
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Manifest(Box::new(diagnostics))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Port(port) => exit_of(port),
            EngineError::Blocked { .. } => Exit::Prerequisite,
            EngineError::Declined
            | EngineError::PlanKeepsChanging
            | EngineError::Unfinished { .. } => Exit::Refused,
            EngineError::Interrupted => Exit::Failed,
            EngineError::NoRelease { .. }
            | EngineError::UnknownRelease { .. }
            | EngineError::ReleaseNotEnded { .. }
            | EngineError::NothingBefore
            | EngineError::UnknownRevision { .. }
            | EngineError::UnknownService { .. }
            | EngineError::NothingToResume { .. } => Exit::Usage,
        };
        let hints = error.hints();
        Self::Other {
            exit,
            error: Box::new(error),
            hints,
        }
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        let hints = error.hint.iter().cloned().collect();
        Self::Other {
            exit: exit_of(&error),
            error: Box::new(error),
            hints,
        }
    }
}

fn exit_of(error: &PortError) -> Exit {
    match error.kind {
        PortErrorKind::LockLost => Exit::Refused,
        _ => Exit::Prerequisite,
    }
}
