//! A service's settings: what `CreateService` and `UpdateService` are told beside the revision.

use serde::{Deserialize, Serialize};

/// How the platform runs a service's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) deployment_configuration: DeploymentConfiguration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_grace_period_seconds: Option<i32>,
    /// Only where Seaway and not Terraform owns load balancing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) load_balancers: Vec<Attachment>,
    /// Only where Seaway and not Terraform owns the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_configuration: Option<NetworkConfiguration>,
}

/// Bounds and breaker of a rolling update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeploymentConfiguration {
    pub(crate) minimum_healthy_percent: i32,
    pub(crate) maximum_percent: i32,
    pub(crate) deployment_circuit_breaker: CircuitBreaker,
}

/// The platform's own watch over a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CircuitBreaker {
    pub(crate) enable: bool,
    pub(crate) rollback: bool,
}

/// A target group by its name; its ARN is looked up when the settings are applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Attachment {
    pub(crate) target_group_name: String,
    pub(crate) container_name: String,
    pub(crate) container_port: i32,
}

/// Where tasks get their network interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NetworkConfiguration {
    pub(crate) awsvpc_configuration: AwsVpc,
}

/// Subnets of the tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AwsVpc {
    pub(crate) subnets: Vec<String>,
}

impl NetworkConfiguration {
    /// The embedded platform has one network, whatever it is called.
    pub(crate) fn local() -> Self {
        Self {
            awsvpc_configuration: AwsVpc {
                subnets: vec!["subnet-local".into()],
            },
        }
    }
}
