//! The faults that there are.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What can be made to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The registry does not have the image.
    ImageNotFound,
    /// The registry refuses the pull.
    PullDenied,
    /// The registry does not answer.
    RegistryTimeOut,
    /// A secret of the task does not exist.
    SecretMissing,
    /// The task may not read its secret.
    SecretDenied,
    /// There is no capacity for the task.
    PlacementFailure,
    /// The host of the task has no room for its image.
    DiskFull,
    /// The task exceeds its memory.
    OutOfMemory,
    /// The task is killed after its start, and each one after it.
    CrashLoop,
    /// The task refuses the load balancer at first.
    SlowStart,
    /// The task is not told to stop, as if it ignored SIGTERM: it is killed in the end.
    IgnoredSigterm,
    /// The load balancer's health checks get 503.
    FailingHealthChecks,
    /// The load balancer's health checks get 503 half of the time.
    FlappingHealthChecks,
    /// Nothing gets through between load balancer and task.
    NetworkCut,
    /// The API answers that there are too many requests.
    Throttling,
    /// The API answers 500.
    ServerError,
    /// The API does not answer.
    TimeOut,
}

/// What a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Tasks that a service starts from now on.
    NewTasks,
    /// All tasks of a service that are targets of a load balancer.
    Targets,
    /// Calls of operations.
    Calls,
}

/// There is no such fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no fault called `{0}`")]
pub struct UnknownFault(String);

impl FaultKind {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::ImageNotFound,
        Self::PullDenied,
        Self::RegistryTimeOut,
        Self::SecretMissing,
        Self::SecretDenied,
        Self::PlacementFailure,
        Self::DiskFull,
        Self::OutOfMemory,
        Self::CrashLoop,
        Self::SlowStart,
        Self::IgnoredSigterm,
        Self::FailingHealthChecks,
        Self::FlappingHealthChecks,
        Self::NetworkCut,
        Self::Throttling,
        Self::ServerError,
        Self::TimeOut,
    ];

    /// The name as people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageNotFound => "image-not-found",
            Self::PullDenied => "pull-denied",
            Self::RegistryTimeOut => "registry-time-out",
            Self::SecretMissing => "secret-missing",
            Self::SecretDenied => "secret-denied",
            Self::PlacementFailure => "placement-failure",
            Self::DiskFull => "disk-full",
            Self::OutOfMemory => "out-of-memory",
            Self::CrashLoop => "crash-loop",
            Self::SlowStart => "slow-start",
            Self::IgnoredSigterm => "ignored-sigterm",
            Self::FailingHealthChecks => "failing-health-checks",
            Self::FlappingHealthChecks => "flapping-health-checks",
            Self::NetworkCut => "network-cut",
            Self::Throttling => "throttling",
            Self::ServerError => "server-error",
            Self::TimeOut => "time-out",
        }
    }

    /// What happens, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::ImageNotFound => "the registry does not have the image of new tasks",
            Self::PullDenied => "the registry refuses to give the image to new tasks",
            Self::RegistryTimeOut => "the registry does not answer new tasks",
            Self::SecretMissing => "a secret of new tasks does not exist (tasks with secrets)",
            Self::SecretDenied => "new tasks may not read their secrets (tasks with secrets)",
            Self::PlacementFailure => "there is no capacity for new tasks",
            Self::DiskFull => "there is no room for the image of new tasks",
            Self::OutOfMemory => "new tasks exceed their memory and are killed",
            Self::CrashLoop => "new tasks are killed after their start (--seconds: how long after)",
            Self::SlowStart => "tasks refuse the load balancer at first (--seconds: how long)",
            Self::IgnoredSigterm => "new tasks do not stop before they are killed",
            Self::FailingHealthChecks => "the load balancer's checks of all tasks get 503",
            Self::FlappingHealthChecks => {
                "the load balancer's checks get 503 and then again not (--seconds: for how long each)"
            }
            Self::NetworkCut => "nothing gets through between the load balancer and the tasks",
            Self::Throttling => "calls are answered with a throttling error",
            Self::ServerError => "calls are answered with 500",
            Self::TimeOut => "calls are not answered (--seconds: given up after that long)",
        }
    }

    /// What it happens to.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::ImageNotFound
            | Self::PullDenied
            | Self::RegistryTimeOut
            | Self::SecretMissing
            | Self::SecretDenied
            | Self::PlacementFailure
            | Self::DiskFull
            | Self::OutOfMemory
            | Self::CrashLoop
            | Self::IgnoredSigterm => Scope::NewTasks,
            Self::SlowStart
            | Self::FailingHealthChecks
            | Self::FlappingHealthChecks
            | Self::NetworkCut => Scope::Targets,
            Self::Throttling | Self::ServerError | Self::TimeOut => Scope::Calls,
        }
    }

    /// The length of time that belongs to the fault, where none is given; nothing for a fault that
    /// has none.
    #[must_use]
    pub fn usual_time(self) -> Option<Duration> {
        let seconds = match self {
            Self::CrashLoop => 0,
            Self::FlappingHealthChecks => 15,
            Self::SlowStart => 30,
            Self::TimeOut => 120,
            _ => return None,
        };
        Some(Duration::from_secs(seconds))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let named = |kind: &&Self| kind.as_str() == name;
        let found = Self::ALL.iter().find(named).copied();
        found.ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_one_name_everywhere() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            let written = serde_json::to_value(kind).unwrap();
            assert_eq!(written, kind.as_str());
        }
    }
}
