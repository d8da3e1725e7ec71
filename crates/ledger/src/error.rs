//! Why the ledger failed, and what a caller may conclude from it.

use std::error::Error as StdError;

use seaway_core::name::EnvironmentName;
use seaway_core::release::ReleaseId;
use seaway_ports::{PortError, PortErrorKind};
use thiserror::Error;

use crate::store::StoreError;

/// A failure of the ledger or of a lock.
#[derive(Debug, Error)]
pub enum LedgerError {
    #[error("the store of the ledger failed")]
    Store(#[from] StoreError),
    /// An object that was cut off or changed by something else than Seaway.
    #[error("{object} is damaged")]
    Damaged {
        object: String,
        #[source]
        source: serde_json::Error,
    },
    /// An object of a later version of Seaway.
    #[error(
        "{object} has format {format}, written by Seaway {written_by}; this is Seaway {}, which \
         reads format {}",
        crate::format::SEAWAY,
        crate::format::FORMAT
    )]
    TooNew {
        object: String,
        format: u32,
        written_by: String,
    },
    #[error("a document cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("the lock of {0} is held by another command by now")]
    LockLost(EnvironmentName),
    #[error("the lock of {0} changes faster than it can be read")]
    Contended(EnvironmentName),
    #[error("{environment} has no release {release}")]
    NoRelease {
        environment: EnvironmentName,
        release: ReleaseId,
    },
    #[error("{0} has no number left for another release")]
    Full(EnvironmentName),
}

impl LedgerError {
    /// The failure at the port; `what` is what was tried, as a verb phrase.
    pub(crate) fn at_port(self, what: impl Into<String>) -> PortError {
        let kind = match &self {
            Self::Store(_) => PortErrorKind::Unavailable,
            Self::Damaged { .. } | Self::TooNew { .. } | Self::Encode(_) | Self::Full(_) => {
                PortErrorKind::Invalid
            }
            Self::LockLost(_) => PortErrorKind::LockLost,
            Self::Contended(_) => PortErrorKind::Conflict,
            Self::NoRelease { .. } => PortErrorKind::NotFound,
        };
        let error = PortError::new(kind, what, told(&self));
        match self.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { object, .. } if object.starts_with("locks/") => Some(format!(
                "if no other seaway command runs, move {object} out of the ledger"
            )),
            Self::Damaged { object, .. } => Some(format!(
                "restore {object} from a backup, or move its release out of the ledger"
            )),
            Self::TooNew { written_by, .. } => Some(format!("use Seaway {written_by} or newer")),
            Self::LockLost(_) => {
                Some("`seaway history ENV` shows what the other command did".into())
            }
            Self::NoRelease { .. } => Some("`seaway history ENV` lists the releases".into()),
            _ => None,
        }
    }
}

/// An error and its causes in one line.
fn told(error: &LedgerError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
