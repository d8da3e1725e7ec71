//! A service's health check: what its target group asks of a task.

use seaway_core::time::Seconds;
use serde::{Deserialize, Serialize};

/// How the targets of one group are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) target_group_name: String,
    pub(crate) path: String,
    pub(crate) interval_seconds: i32,
    pub(crate) timeout_seconds: i32,
    pub(crate) healthy_threshold_count: i32,
    pub(crate) unhealthy_threshold_count: i32,
    /// Accepted status codes, `matcher.HttpCode`.
    pub(crate) codes: String,
}

impl Check {
    /// How long after its start a new task is in service or refused at the latest: so many failed
    /// checks, and one more for the time until the first.
    pub(crate) fn decides_after(&self) -> Seconds {
        let seconds = (self.unhealthy_threshold_count + 1) * self.interval_seconds;
        Seconds(u32::try_from(seconds + self.timeout_seconds).unwrap_or_default())
    }
}
