//! What the supervisor tells the launcher, and what the launcher answers.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::{StartFailure, StartFailureReason};
use crate::task::Environment;

/// One container, ready to be executed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LaunchPlan {
    /// The process that must be the parent.
    pub(crate) supervisor: i32,
    pub(crate) root: PathBuf,
    pub(crate) workdir: String,
    /// Never empty once checked.
    pub(crate) argv: Vec<String>,
    /// Complete: nothing is added or inherited.
    pub(crate) env: Environment,
    /// The file through which to join the container's control group.
    pub(crate) control_group: Option<PathBuf>,
    pub(crate) open_files: OpenFileLimit,
}

/// What the supervisor was started with; its own limit is higher.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct OpenFileLimit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LaunchReport {
    /// All is prepared. If nothing follows, the program runs.
    Executing,
    Failed(StartFailure),
}

impl LaunchPlan {
    /// Refuses what no process can be given, naming variables but never showing values.
    pub(super) fn check(&self) -> Result<(), StartFailure> {
        let Some(command) = self.argv.first() else {
            return Err(invalid("the container has no command".to_owned()));
        };
        if command.is_empty() {
            return Err(invalid("the container's command is empty".to_owned()));
        }
        if self.argv.iter().any(|word| word.contains('\0')) {
            return Err(invalid(
                "an argument of the command contains a NUL byte".to_owned(),
            ));
        }
        for (name, value) in self.env.iter() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(invalid(format!(
                    "`{}` cannot name a variable",
                    name.escape_debug()
                )));
            }
            if value.contains('\0') {
                return Err(invalid(format!("the value of {name} contains a NUL byte")));
            }
        }
        let up = |part: Component<'_>| part == Component::ParentDir;
        if Path::new(&self.workdir).components().any(up) {
            return Err(invalid(format!(
                "the working directory `{}` has `..`",
                self.workdir
            )));
        }
        Ok(())
    }

    /// Where the working directory is on this machine.
    pub(super) fn working_directory(&self) -> PathBuf {
        within(&self.root, &self.workdir)
    }
}

/// A path of the image on this machine.
pub(super) fn within(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn invalid(message: String) -> StartFailure {
    StartFailure {
        reason: StartFailureReason::InvalidSpec,
        message,
    }
}
