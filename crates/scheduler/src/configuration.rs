//! How a service rolls: bounds, circuit breaker, and the figures that follow from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alarms::AlarmConfiguration;

/// A percentage of the desired count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub u32);

impl Percent {
    /// So many of `tasks`, rounded up.
    pub(crate) fn of(self, tasks: u32) -> u32 {
        let share = (u64::from(tasks) * u64::from(self.0)).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

/// The rolling-update part of a service's `deploymentConfiguration`, with ECS's defaults.
///
/// The strategy is always `ROLLING`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    /// The floor: rounded up. ECS: `minimumHealthyPercent`.
    pub minimum_healthy: Percent,
    /// The ceiling: rounded down. ECS: `maximumPercent`.
    pub maximum: Percent,
    /// When a deployment gives up.
    pub circuit_breaker: CircuitBreaker,
    /// How long after its start an unhealthy task is left alone.
    /// ECS: the service's `healthCheckGracePeriodSeconds`.
    pub health_check_grace: Duration,
    /// The alarms that end a deployment.
    #[serde(default)]
    pub alarms: AlarmConfiguration,
    /// How long a deployment is watched after everything is in place before it is complete. Zero:
    /// not at all, or the platform's own time where alarms are watched. ECS: `bakeTimeInMinutes`.
    #[serde(default)]
    pub bake_time: Duration,
    /// When less than everything is enough. ECS: `earlySuccessCriteria`, where enabled.
    #[serde(default)]
    pub early_success: Option<EarlySuccess>,
}

/// ECS: `earlySuccessCriteria`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlySuccess {
    /// So many of the desired count must be healthy, rounded up.
    pub healthy: Percent,
    /// Whether the old tasks must be gone first.
    pub cleanup: SourceCleanup,
}

/// ECS: `sourceServiceRevisionCleanup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SourceCleanup {
    /// The deployment is complete when the old tasks are gone.
    Blocking,
    /// They go afterwards.
    Deferred,
}

impl Default for DeploymentConfiguration {
    fn default() -> DeploymentConfiguration {
        DeploymentConfiguration {
            minimum_healthy: Percent(100),
            maximum: Percent(200),
            circuit_breaker: CircuitBreaker::default(),
            health_check_grace: Duration::ZERO,
            alarms: AlarmConfiguration::default(),
            bake_time: Duration::ZERO,
            early_success: None,
        }
    }
}

impl DeploymentConfiguration {
    /// Floor and ceiling for a desired count.
    pub fn bounds(&self, desired: u32) -> Bounds {
        let share = |percent: Percent| u64::from(desired) * u64::from(percent.0);
        let count = |tasks: u64| u32::try_from(tasks).unwrap_or(u32::MAX);
        Bounds {
            // A floor above the desired count would keep every old task for ever.
            floor: self.minimum_healthy.of(desired).min(desired),
            ceiling: count(share(self.maximum) / 100),
            desired,
        }
    }
}

/// How many tasks a service may have while it rolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// No healthy task is stopped for a roll when fewer would be left.
    pub floor: u32,
    /// No task is started when more would exist, stopping ones included.
    pub ceiling: u32,
    /// The count they were computed for.
    pub desired: u32,
}

impl Bounds {
    /// Nothing can be stopped first and nothing started first.
    pub fn deadlocked(&self) -> bool {
        self.desired > 0 && self.floor >= self.desired && self.ceiling <= self.desired
    }
}

/// ECS: `deploymentCircuitBreaker`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Whether failing tasks end a deployment at all.
    pub enable: bool,
    /// Whether a failed deployment is replaced by the latest completed one.
    pub rollback: bool,
    /// How many failures it takes.
    pub threshold: Threshold,
    /// Whether each healthy task sets the count to zero.
    pub reset_on_healthy_task: bool,
}

impl Default for CircuitBreaker {
    fn default() -> CircuitBreaker {
        CircuitBreaker {
            enable: false,
            rollback: false,
            threshold: Threshold {
                kind: ThresholdKind::BoundedPercent,
                value: 50,
            },
            reset_on_healthy_task: true,
        }
    }
}

/// ECS: `thresholdConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// How `value` is read.
    pub kind: ThresholdKind,
    /// A percentage or a count.
    pub value: u32,
}

/// ECS: `thresholdConfiguration.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ThresholdKind {
    /// A percentage of the desired count, at least 3 and at most 200.
    BoundedPercent,
    /// A percentage of the desired count.
    UnboundedPercent,
    /// A number of tasks.
    Count,
}

impl Threshold {
    /// The number of failures at which a deployment of `desired` tasks has failed; at least one.
    pub fn failures(&self, desired: u32) -> u32 {
        let share = Percent(self.value).of(desired);
        match self.kind {
            ThresholdKind::BoundedPercent => share.clamp(3, 200),
            ThresholdKind::UnboundedPercent => share.max(1),
            ThresholdKind::Count => self.value.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentages(minimum: u32, maximum: u32) -> DeploymentConfiguration {
        DeploymentConfiguration {
            minimum_healthy: Percent(minimum),
            maximum: Percent(maximum),
            ..DeploymentConfiguration::default()
        }
    }

    #[test]
    fn the_floor_rounds_up_and_the_ceiling_rounds_down() {
        let bounds = percentages(50, 150).bounds(3);
        assert_eq!((bounds.floor, bounds.ceiling), (2, 4));
        let huge = percentages(100, 200).bounds(u32::MAX);
        assert_eq!((huge.floor, huge.ceiling), (u32::MAX, u32::MAX));
    }

    #[test]
    fn a_roll_deadlocks_exactly_when_neither_bound_leaves_room() {
        for (minimum, maximum, desired, deadlocked) in [
            (100, 100, 2, true),
            (100, 149, 2, true),
            (100, 150, 2, false),
            (50, 100, 2, false),
            (51, 100, 1, true),
            (0, 100, 1, false),
            (100, 200, 1, false),
            (100, 100, 0, false),
        ] {
            let found = percentages(minimum, maximum).bounds(desired).deadlocked();
            assert_eq!(found, deadlocked, "{minimum}/{maximum} of {desired}");
        }
    }

    #[test]
    fn the_breaker_threshold_is_half_the_desired_count_between_3_and_200() {
        let threshold = CircuitBreaker::default().threshold;
        for (desired, failures) in [
            (0, 3),
            (1, 3),
            (6, 3),
            (7, 4),
            (25, 13),
            (400, 200),
            (401, 200),
        ] {
            assert_eq!(threshold.failures(desired), failures, "desired {desired}");
        }
    }

    #[test]
    fn a_configured_threshold_replaces_the_default_one() {
        let unbounded = Threshold {
            kind: ThresholdKind::UnboundedPercent,
            value: 50,
        };
        assert_eq!((unbounded.failures(1), unbounded.failures(1_000)), (1, 500));
        let count = Threshold {
            kind: ThresholdKind::Count,
            value: 7,
        };
        assert_eq!((count.failures(1), count.failures(1_000)), (7, 7));
    }
}
