//! What the scheduler needs to know of a service revision; its owner keeps the whole document.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::TargetGroupArn;

/// A task definition and the load balancing of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// ARN of the task definition.
    pub task_definition: String,
    /// The containers of each task, at least one of them essential.
    pub containers: Vec<Container>,
    /// Where each task is registered.
    pub target_groups: Vec<TargetGroup>,
}

/// A container of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Unique within the task definition.
    pub name: String,
    /// The task ends with this container.
    pub essential: bool,
    /// The task definition gives it a health check.
    pub health_check: bool,
    /// From the stop signal to SIGKILL.
    pub stop_timeout: Duration,
}

/// A target group in which each task of a service is a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The group's ARN.
    pub arn: TargetGroupArn,
    /// The container that answers.
    pub container: String,
    /// The container's port.
    pub port: u16,
}
