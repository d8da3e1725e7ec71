//! How tasks run: as processes of this machine, or as containers of an engine.

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files;
use crate::layout::StateDir;

/// A way to run tasks, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeName {
    /// Bundles as processes; other images as containers where an engine answers.
    #[default]
    Auto,
    /// Everything as processes.
    Processes,
    /// Everything as containers.
    Containers,
}

/// The chosen way cannot be read or kept.
#[derive(Debug, Error)]
pub enum RuntimeError {
    #[error("the runtime of the platform cannot be read or written")]
    Io(#[from] io::Error),
    #[error("{0:?} is no runtime of the platform: there are auto, processes and containers")]
    Unknown(String),
}

impl RuntimeName {
    /// The name as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Processes => "processes",
            Self::Containers => "containers",
        }
    }

    /// The way that was chosen for the platform of `state`; `auto` where none was.
    pub fn of(state: &StateDir) -> Result<Self, RuntimeError> {
        let kept = files::read_if_present(&state.runtime())?;
        let Some(name) = kept.as_deref().map(str::trim) else {
            return Ok(Self::Auto);
        };
        let all = [Self::Auto, Self::Processes, Self::Containers];
        let found = all.into_iter().find(|one| one.as_str() == name);
        found.ok_or_else(|| RuntimeError::Unknown(name.to_owned()))
    }

    /// Chooses the way for the next start of the platform.
    pub fn choose(self, state: &StateDir) -> Result<(), RuntimeError> {
        let text = format!("{}\n", self.as_str());
        Ok(files::replace(&state.runtime(), text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_auto_until_another_is_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        state.create().unwrap();
        assert_eq!(RuntimeName::of(&state).unwrap(), RuntimeName::Auto);
        RuntimeName::Containers.choose(&state).unwrap();
        assert_eq!(RuntimeName::of(&state).unwrap(), RuntimeName::Containers);
        files::replace(&state.runtime(), b"vm").unwrap();
        let refused = RuntimeName::of(&state);
        assert!(matches!(refused, Err(RuntimeError::Unknown(name)) if name == "vm"));
    }
}
