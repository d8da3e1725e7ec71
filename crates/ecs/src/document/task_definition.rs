//! A task definition: the request of `RegisterTaskDefinition` as far as Seaway writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TaskDefinition {
    pub(crate) family: String,
    pub(crate) network_mode: String,
    pub(crate) requires_compatibilities: Vec<String>,
    /// CPU units as text, as the API wants it.
    pub(crate) cpu: String,
    /// MiB as text.
    pub(crate) memory: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) volumes: Vec<Volume>,
    pub(crate) container_definitions: Vec<Container>,
}

/// Storage that containers mount by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Volume {
    pub(crate) name: String,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) essential: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) command: Vec<String>,
    /// In the order of the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) environment: Vec<Variable>,
    /// In the order of the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<SecretVariable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) port_mappings: Vec<PortMapping>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mount_points: Vec<MountPoint>,
    /// Seconds from the stop signal to SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop_timeout: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_configuration: Option<LogConfiguration>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// An environment variable whose value the platform fetches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretVariable {
    pub(crate) name: String,
    pub(crate) value_from: String,
}

/// A port on which a container listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortMapping {
    pub(crate) name: String,
    pub(crate) container_port: i32,
    pub(crate) protocol: String,
}

/// A volume inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MountPoint {
    pub(crate) source_volume: String,
    pub(crate) container_path: String,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogConfiguration {
    pub(crate) log_driver: String,
    pub(crate) options: BTreeMap<String, String>,
}
