//! What lies around the services on this machine: cluster, log groups, load balancing.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// Everything that Terraform owns elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Infrastructure {
    pub(crate) cluster_name: String,
    pub(crate) log_groups: Vec<LogGroup>,
    pub(crate) target_groups: Vec<TargetGroup>,
    pub(crate) load_balancers: Vec<LoadBalancer>,
}

/// A log group and how long it keeps its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogGroup {
    pub(crate) log_group_name: String,
    pub(crate) retention_in_days: i32,
}

/// The tasks of one service, as the load balancer sees them. How they are checked belongs to the
/// service, which rolls when that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TargetGroup {
    pub(crate) name: String,
    pub(crate) port: i32,
    /// `deregistration_delay.timeout_seconds`.
    pub(crate) deregistration_delay_seconds: i32,
    /// In records from when it belonged here; the service's own check counts.
    #[serde(default, skip_serializing)]
    pub(crate) health_check: Option<serde_json::Value>,
}

/// An application load balancer with one HTTP listener; what no rule takes gets a 404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    pub(crate) name: String,
    pub(crate) scheme: Scheme,
    pub(crate) port: i32,
    /// In the order of their priorities.
    pub(crate) rules: Vec<Rule>,
}

/// Whom a load balancer serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    InternetFacing,
    Internal,
}

/// Which requests go to which target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    /// From 1; the smallest that fits wins.
    pub(crate) priority: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    pub(crate) target_group_name: String,
}

/// Where a rule stands: those with a host first, then longer patterns, then those with fewer
/// wildcards.
pub(crate) type Specificity<'a> = (bool, Reverse<usize>, usize, &'a str);

/// Rules are asked in the order of this.
pub(crate) fn specificity<'a>(host: Option<&str>, path: &'a str) -> Specificity<'a> {
    let wildcards = path.matches(['*', '?']).count();
    (host.is_none(), Reverse(path.len()), wildcards, path)
}
