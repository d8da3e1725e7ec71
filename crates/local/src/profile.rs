//! The two profiles of the platform's own waiting times. What a manifest says is never scaled.

use std::io;

use seaway_router::DrainPolicy;
use seaway_scheduler::Profile;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files;
use crate::layout::StateDir;

/// A profile, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// For a developer who waits in front of it.
    #[default]
    Quick,
    /// The constants of ECS.
    Aws,
}

/// The chosen profile cannot be read or kept.
#[derive(Debug, Error)]
pub enum ProfileError {
    #[error("the profile of the platform cannot be read or written")]
    Io(#[from] io::Error),
    #[error("{0:?} is no profile of the platform: there are quick and aws")]
    Unknown(String),
}

impl ProfileName {
    /// The name as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Aws => "aws",
        }
    }

    /// The profile that was chosen for the platform of `state`; `quick` where none was.
    pub fn of(state: &StateDir) -> Result<Self, ProfileError> {
        match files::read_if_present(&state.profile())?
            .as_deref()
            .map(str::trim)
        {
            None | Some("quick") => Ok(Self::Quick),
            Some("aws") => Ok(Self::Aws),
            Some(other) => Err(ProfileError::Unknown(other.to_owned())),
        }
    }

    /// Chooses the profile for the next start of the platform.
    pub fn choose(self, state: &StateDir) -> Result<(), ProfileError> {
        Ok(files::replace(
            &state.profile(),
            format!("{}\n", self.as_str()).as_bytes(),
        )?)
    }

    /// The scheduler's constants.
    pub fn scheduler(self) -> Profile {
        match self {
            Self::Quick => Profile::quick(),
            Self::Aws => Profile::aws(),
        }
    }

    /// When the load balancer lets go of a target.
    pub fn draining(self) -> DrainPolicy {
        match self {
            Self::Quick => DrainPolicy::WhenIdle,
            Self::Aws => DrainPolicy::WholeDelay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_quick_until_another_is_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        state.create().unwrap();
        assert_eq!(ProfileName::of(&state).unwrap(), ProfileName::Quick);
        ProfileName::Aws.choose(&state).unwrap();
        assert_eq!(ProfileName::of(&state).unwrap(), ProfileName::Aws);
        files::replace(&state.profile(), b"slow").unwrap();
        assert!(
            matches!(ProfileName::of(&state), Err(ProfileError::Unknown(name)) if name == "slow")
        );
    }
}
