//! Observation may be partial, and says so.

use serde::{Deserialize, Serialize};

/// What was seen of a thing on a remote side.
///
/// Invariant: nothing is ever deleted or recreated because it is `Unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// Seen.
    Known(T),
    /// Looked for and not there.
    Absent,
    /// Could not be looked at, and why.
    Unknown(String),
}

impl<T> Observed<T> {
    /// The thing, if it was seen.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}
