//! Why something outside could not be done.

use thiserror::Error;

/// A failed call to the outside, in words for people and a kind for decisions.
///
/// Invariant: `message` and `hint` never hold a secret value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("could not {what}: {message}")]
pub struct PortError {
    pub kind: PortErrorKind,
    /// What was tried, as a verb phrase: `register the task definition shop-local-api`.
    pub what: String,
    /// What the other side said.
    pub message: String,
    /// The next step, where one is known.
    pub hint: Option<String>,
}

/// What a caller may conclude from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The thing is not there.
    NotFound,
    /// The request itself is wrong; repeating it is pointless.
    Invalid,
    /// The caller may not do this.
    Denied,
    /// Something else is in the way; it may pass.
    Conflict,
    /// Too many calls; try again later.
    Throttled,
    /// The other side did not answer, or failed.
    Unavailable,
    /// The generation of the lock is no longer ours: another command took over.
    LockLost,
}

impl PortError {
    /// A failure without a hint.
    pub fn new(kind: PortErrorKind, what: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure with the next step.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the same call may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            PortErrorKind::Throttled | PortErrorKind::Unavailable
        )
    }
}
