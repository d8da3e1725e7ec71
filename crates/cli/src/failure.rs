//! What went wrong, as a person or a program is told, and the exit code (DESIGN.md, section 8).

use std::error::Error;
use std::process::ExitCode;

use seaway_engine::EngineError;
use seaway_manifest::{Colour, Diagnostics, Problem};
use seaway_ports::{PortError, PortErrorKind};
use serde::Serialize;
use thiserror::Error;

use crate::args::Format;
use crate::output::Output;

/// The kinds of failures that exit codes tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// A failure for programs, on one line.
#[derive(Debug, Serialize)]
struct Told<'a> {
    kind: Exit,
    error: String,
    /// What led to it, the nearest first.
    causes: Vec<String>,
    hints: &'a [String],
    /// Mistakes in the manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
    exit_code: u8,
}

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

    /// A prerequisite that failed with an error of its own, and what to do about it.
    pub(crate) fn prerequisite(error: impl Error + Send + Sync + 'static, hint: &str) -> Self {
        Self::Other {
            exit: Exit::Prerequisite,
            error: Box::new(error),
            hints: vec![hint.to_owned()],
        }
    }

    /// Tells what went wrong, and how the process ends.
    pub(crate) fn report(&self, output: &Output) -> ExitCode {
        match (self, output.format) {
            (_, Format::Json) => output.json(&self.told()),
            (Self::Manifest(diagnostics), Format::Text) => {
                let colour = if output.message_style().colour {
                    Colour::Always
                } else {
                    Colour::Never
                };
                output.message(&seaway_manifest::render(diagnostics, colour));
            }
            (Self::Other { error, hints, .. }, Format::Text) => {
                output.message(&seaway_report::error(
                    error.as_ref(),
                    hints,
                    output.message_style(),
                ));
            }
        }
        self.exit().into()
    }

    fn told(&self) -> Told<'_> {
        let exit = self.exit();
        let (error, causes, hints, problems) = match self {
            Self::Manifest(diagnostics) => (
                "the manifest has mistakes".to_owned(),
                vec![],
                &[][..],
                diagnostics.problems(),
            ),
            Self::Other { error, hints, .. } => (
                error.to_string(),
                seaway_report::causes(error.as_ref()),
                &**hints,
                vec![],
            ),
        };
        Told {
            kind: exit,
            error,
            causes,
            hints,
            problems,
            exit_code: exit as u8,
        }
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
            EngineError::Build(_) | EngineError::Interrupted => Exit::Failed,
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

/// Why an environment cannot be connected to. What is denied before the first call that could
/// change something is a guard's refusal: wrong account, wrong endpoint.
pub(crate) fn unconnected(error: PortError) -> Failure {
    let is_refused = error.kind == PortErrorKind::Denied;
    match Failure::from(error) {
        Failure::Other { error, hints, .. } if is_refused => Failure::Other {
            exit: Exit::Refused,
            error,
            hints,
        },
        failure => failure,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> PortError {
        PortError::new(PortErrorKind::Denied, "connect", "another account")
    }

    #[test]
    fn what_a_guard_refuses_and_what_the_platform_denies_differ() {
        assert_eq!(unconnected(denied()).exit(), Exit::Refused);
        assert_eq!(Failure::from(denied()).exit(), Exit::Prerequisite);
        let silent = PortError::new(PortErrorKind::Unavailable, "connect", "no answer");
        assert_eq!(unconnected(silent).exit(), Exit::Prerequisite);
    }

    #[test]
    fn a_build_that_fails_is_work_that_failed() {
        let error = PortError::new(PortErrorKind::Invalid, "build the image of api", "exit 3");
        let failure = Failure::from(EngineError::Build(error));
        assert_eq!(failure.exit(), Exit::Failed);
    }
}
