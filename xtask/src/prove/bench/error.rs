//! How a proof fails.

use std::error::Error;

use thiserror::Error;

/// A proof did not come to its end.
#[derive(Debug, Error)]
pub(crate) enum ProofError {
    /// What was to be shown is not so.
    #[error("{0}")]
    Refuted(String),
    /// The proof itself could not go on.
    #[error("failed to {what}")]
    Failed {
        what: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Says during what something failed.
pub(crate) trait During<T> {
    /// `what` completes "failed to ...".
    fn during(self, what: impl Into<String>) -> Result<T, ProofError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> During<T> for Result<T, E> {
    fn during(self, what: impl Into<String>) -> Result<T, ProofError> {
        self.map_err(|source| ProofError::Failed {
            what: what.into(),
            source: source.into(),
        })
    }
}
