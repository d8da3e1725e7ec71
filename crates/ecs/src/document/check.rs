//! A service's health check: what its target group asks of a task.

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
