//! What a cause is, and how it is told.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a rollout cannot succeed, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub kind: CauseKind,
    /// The platform's own words.
    pub evidence: String,
    /// When the evidence sufficed for the first time; where the platform does not tell, the
    /// earliest moment at which it can have.
    pub since: Timestamp,
    /// Tasks that ended this way, newest last.
    pub tasks: Vec<String>,
}

/// The kinds of deterministic failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CauseKind {
    ImageMissing,
    SecretMissing,
    /// Containers have nowhere to write their logs to.
    LogGroupMissing,
    CommandNotFound,
    CrashOnStart {
        exit_code: Option<i32>,
    },
    OutOfMemory,
    /// Nothing listens where the load balancer knocks.
    WrongPort {
        port: Option<u16>,
    },
    NeverHealthy {
        path: Option<String>,
    },
    /// The rollout took longer than the manifest allows.
    TimedOut,
}

impl Cause {
    /// One line that names the cause.
    pub fn title(&self) -> String {
        match &self.kind {
            CauseKind::ImageMissing => "the image cannot be pulled".into(),
            CauseKind::SecretMissing => "a secret or registry credential is missing".into(),
            CauseKind::LogGroupMissing => "the log group of a container is missing".into(),
            CauseKind::CommandNotFound => "the command is not in the image".into(),
            CauseKind::CrashOnStart {
                exit_code: Some(code),
            } => {
                format!("every task ends soon after its start with exit code {code}")
            }
            CauseKind::CrashOnStart { exit_code: None } => {
                "every task ends soon after its start".into()
            }
            CauseKind::OutOfMemory => "tasks use more memory than they may".into(),
            CauseKind::WrongPort { port: Some(port) } => {
                format!("nothing answers on the service's port {port}")
            }
            CauseKind::WrongPort { port: None } => "nothing answers on the service's port".into(),
            CauseKind::NeverHealthy { path: Some(path) } => {
                format!("no task passed the health check of {path} within its grace period")
            }
            CauseKind::NeverHealthy { path: None } => {
                "no task became healthy within its grace period".into()
            }
            CauseKind::TimedOut => "the rollout took longer than its time-out".into(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.kind {
            CauseKind::ImageMissing => "build and push it again with `seaway deploy`",
            CauseKind::SecretMissing => {
                "`seaway secrets check ENV` names it; `seaway secrets set ENV NAME` gives it a value"
            }
            CauseKind::LogGroupMissing => {
                "create the group that `awslogs-group` of the task definition names"
            }
            CauseKind::CommandNotFound => {
                "compare `command` with the files of the bundle: paths are relative to its root"
            }
            CauseKind::CrashOnStart { .. } => {
                "the last log lines above are the service's own words; `seaway logs` has all"
            }
            CauseKind::OutOfMemory => "raise `memory`, or find what grows",
            CauseKind::WrongPort { .. } => {
                "the service must listen on the port that the variable PORT tells it"
            }
            CauseKind::NeverHealthy { .. } => {
                "call the path yourself, compare `health.codes`, or allow more `health.grace`"
            }
            CauseKind::TimedOut => "see what it waited for above, or raise `rollout.timeout`",
        }
    }
}
