//! Why an orchestration could not be carried out at all.
//!
//! A release that was carried out and failed is no error: it is a
//! [`Completed`](crate::Completed) with its outcome.

use seaway_core::name::{EnvironmentName, ServiceName};
use seaway_core::plan::Block;
use seaway_core::release::ReleaseId;
use seaway_ports::PortError;
use thiserror::Error;

/// What kept a command from doing its work.
#[derive(Debug, Error)]
pub enum EngineError {
    #[error(transparent)]
    Port(#[from] PortError),
    /// An image could not be built: the work failed, no prerequisite of it.
    #[error(transparent)]
    Build(PortError),
    #[error("cannot plan {service}: {}", block_text(.block))]
    Blocked { service: ServiceName, block: Block },
    #[error("nothing was changed: the plan was not confirmed")]
    Declined,
    #[error("the plan changed three times while it waited for the lock")]
    PlanKeepsChanging,
    #[error("stopped before anything was changed")]
    Interrupted,
    #[error("{environment} has no release yet")]
    NoRelease { environment: EnvironmentName },
    #[error("{environment} has no release {release}")]
    UnknownRelease {
        environment: EnvironmentName,
        release: ReleaseId,
    },
    #[error("release {release} did not end, so it is nothing to go back to")]
    ReleaseNotEnded { release: ReleaseId },
    #[error("there is no earlier release with other contents to go back to")]
    NothingBefore,
    #[error("no release of {service} is on record with revision {revision}")]
    UnknownRevision {
        service: ServiceName,
        revision: String,
    },
    #[error("{service} is not part of {environment}")]
    UnknownService {
        service: ServiceName,
        environment: EnvironmentName,
    },
    #[error("no release of {environment} was cut off")]
    NothingToResume { environment: EnvironmentName },
    #[error("release {release} was cut off: it must be resumed or undone first")]
    Unfinished { release: ReleaseId },
}

impl EngineError {
    /// The next steps, as a person would type them.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Port(error) | Self::Build(error) => error.hint.iter().cloned().collect(),
            Self::Blocked {
                block: Block::Unknown { .. },
                ..
            } => {
                vec!["try again; nothing is changed while the live state is unknown".into()]
            }
            Self::Blocked {
                block: Block::ImageGone { .. },
                ..
            } => {
                vec!["deploy the commit of that release instead: it builds the image again".into()]
            }
            Self::Declined => vec!["`--yes` confirms in scripts".into()],
            Self::PlanKeepsChanging => {
                vec!["other releases are under way: see `seaway history ENV`".into()]
            }
            Self::NoRelease { environment } => {
                vec![format!("`seaway deploy {environment}` makes the first")]
            }
            Self::UnknownRelease { environment, .. } | Self::NothingToResume { environment } => {
                vec![format!("`seaway history {environment}` lists them")]
            }
            Self::ReleaseNotEnded { .. } | Self::NothingBefore | Self::UnknownRevision { .. } => {
                vec!["`seaway history ENV` shows what can be gone back to".into()]
            }
            Self::UnknownService { environment, .. } => {
                vec![format!("`seaway status {environment}` lists its services")]
            }
            Self::Unfinished { .. } => {
                vec!["`seaway resume` goes on with it, `seaway resume --undo` takes it back".into()]
            }
            Self::Interrupted => vec![],
        }
    }
}

/// Why a service cannot be planned, after a colon.
pub(crate) fn block_text(block: &Block) -> String {
    match block {
        Block::Unknown { reason } => format!("its live state is unknown: {reason}"),
        Block::ImageGone { image } => format!("the registry no longer holds {image}"),
    }
}
