//! The platform's own constants. What a manifest says is never here and never scaled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Waiting times that belong to the platform and not to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// How long a task without load balancer and container check must be `RUNNING` before it
    /// counts as healthy.
    pub healthy_after: Duration,
    /// How long a deployment waits after tasks that never reached `RUNNING`.
    pub start_failures: Backoff,
    /// The least time between a task's end and its replacement, where the task ran and ended
    /// before it ever counted as healthy. ECS needs this long to notice and to provision.
    pub replacement_pause: Duration,
    /// The longest wait for a deregistered target to become unused. It only ends the wait for a
    /// router that says nothing; a target group's own delay (3,600 s at most) is shorter.
    pub draining_limit: Duration,
    /// After this time an event is repeated although nothing has changed, steady state included.
    pub repeated_event: Duration,
    /// How long a deployment is watched for alarms after everything is in place, where it names
    /// no bake time. ECS takes it from the alarms' periods: below five minutes.
    #[serde(default)]
    pub bake_time: Duration,
    /// How long the platform keeps stopped tasks for `DescribeTasks`.
    pub stopped_task_retention: Duration,
    /// How long the platform keeps finished service deployments.
    pub service_deployment_retention: Duration,
}

/// A wait that doubles with each failure in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Failures in a row that are followed by no wait.
    pub free: u32,
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

impl Profile {
    /// What ECS does (40 s, at most 27 minutes of throttling).
    pub fn aws() -> Profile {
        Profile {
            healthy_after: Duration::from_secs(40),
            start_failures: Backoff {
                free: 3,
                first: Duration::from_secs(10),
                longest: Duration::from_secs(27 * 60),
            },
            replacement_pause: Duration::from_secs(5),
            bake_time: Duration::from_secs(5 * 60),
            ..Profile::quick()
        }
    }

    /// The same rules for a developer who waits in front of them.
    pub fn quick() -> Profile {
        Profile {
            healthy_after: Duration::from_secs(1),
            start_failures: Backoff {
                free: 3,
                first: Duration::from_millis(250),
                longest: Duration::from_secs(4),
            },
            replacement_pause: Duration::from_millis(250),
            draining_limit: Duration::from_secs(3_660),
            repeated_event: Duration::from_secs(6 * 3_600),
            bake_time: Duration::from_secs(5),
            stopped_task_retention: Duration::from_secs(3_600),
            service_deployment_retention: Duration::from_secs(90 * 86_400),
        }
    }
}

impl Backoff {
    /// The wait after so many failures in a row.
    pub(crate) fn wait(&self, failures: u32) -> Duration {
        match failures.saturating_sub(self.free) {
            0 => Duration::ZERO,
            paid => {
                let factor = 1_u32.checked_shl(paid - 1).unwrap_or(u32::MAX);
                self.first.saturating_mul(factor).min(self.longest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_grows_to_27_minutes() {
        let backoff = Profile::aws().start_failures;
        assert_eq!(backoff.wait(3), Duration::ZERO);
        assert_eq!(backoff.wait(4), Duration::from_secs(10));
        assert_eq!(backoff.wait(5), Duration::from_secs(20));
        assert_eq!(backoff.wait(12), Duration::from_secs(27 * 60));
        assert_eq!(backoff.wait(u32::MAX), Duration::from_secs(27 * 60));
    }
}
