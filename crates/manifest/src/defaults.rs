//! What holds where the manifest says nothing. The schema prints these same constants.

use seaway_core::environment::Class;
use seaway_core::time::Seconds;

/// CPU units of a service: a quarter of a virtual CPU.
pub(crate) const CPU: u32 = 256;
/// Memory of a service, MiB: the least that Fargate offers with [`CPU`].
pub(crate) const MEMORY: u32 = 512;

pub(crate) const HEALTH_PATH: &str = "/";
pub(crate) const HEALTH_CODES: &str = "200";
pub(crate) const HEALTH_INTERVAL: Seconds = Seconds(10);
pub(crate) const HEALTH_TIMEOUT: Seconds = Seconds(5);
pub(crate) const HEALTH_HEALTHY: u32 = 2;
pub(crate) const HEALTH_UNHEALTHY: u32 = 2;
pub(crate) const HEALTH_GRACE: Seconds = Seconds(30);

pub(crate) const ROLLOUT_MIN_HEALTHY: u32 = 100;
pub(crate) const ROLLOUT_MAX: u32 = 200;
pub(crate) const ROLLOUT_TIMEOUT: Seconds = Seconds(900);

pub(crate) const DRAIN: Seconds = Seconds(30);
/// On this machine nobody waits for a browser's idle connection.
pub(crate) const DRAIN_LOCAL: Seconds = Seconds(5);
pub(crate) const STOP_TIMEOUT: Seconds = Seconds(30);
pub(crate) const JOB_TIMEOUT: Seconds = Seconds(1800);

/// What a class of environments gives (CAPABILITIES.md, row A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassDefaults {
    pub(crate) count: u32,
    pub(crate) scaling_min: u32,
    pub(crate) scaling_max: u32,
    pub(crate) log_retention_days: u32,
    pub(crate) spot_percent: u32,
    pub(crate) deletion_protection: bool,
    pub(crate) approvals: u32,
}

pub(crate) fn of_class(class: Class) -> ClassDefaults {
    let small = ClassDefaults {
        count: 1,
        scaling_min: 1,
        scaling_max: 1,
        log_retention_days: 7,
        spot_percent: 0,
        deletion_protection: false,
        approvals: 0,
    };
    match class {
        Class::Local => small,
        Class::Develop => ClassDefaults {
            scaling_max: 5,
            spot_percent: 70,
            ..small
        },
        Class::Test => ClassDefaults {
            count: 2,
            scaling_min: 2,
            scaling_max: 10,
            log_retention_days: 30,
            spot_percent: 30,
            ..small
        },
        Class::Production => ClassDefaults {
            count: 3,
            scaling_min: 3,
            scaling_max: 20,
            log_retention_days: 90,
            deletion_protection: true,
            approvals: 1,
            ..small
        },
    }
}
