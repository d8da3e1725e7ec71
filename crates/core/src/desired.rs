//! What should be there: finished documents with their digests, nothing left to fill in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, ImageRef};
use crate::name::{JobName, ServiceName};
use crate::time::Seconds;

/// A finished document (a task definition, a service's settings) and its content address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub digest: Digest,
    pub body: serde_json::Value,
}

impl Document {
    /// Wraps a finished document.
    pub fn new(body: serde_json::Value) -> Self {
        Self {
            digest: Digest::of_document(&body),
            body,
        }
    }
}

/// A platform's name of a registered revision; on ECS the ARN of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionId(pub String);

impl RevisionId {
    /// The part people read: `family:7` of a task definition's ARN.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

/// Everything an environment should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Cluster, load balancers, log groups; only where Seaway and not Terraform owns them.
    pub infrastructure: Option<Document>,
    pub services: BTreeMap<ServiceName, DesiredService>,
    pub jobs: BTreeMap<JobName, DesiredJob>,
}

/// A service as it should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredService {
    pub name: ServiceName,
    pub image: ImageRef,
    /// What one task is: a change of it is a rollout.
    pub revision: Document,
    /// A revision registered earlier that holds this very document: rolling to it registers none.
    pub registered: Option<RevisionId>,
    /// How the platform runs the tasks: bounds, load balancing, count.
    pub settings: Document,
    /// What its tasks must answer to count as healthy, where Seaway owns the load balancer. Only
    /// fresh tasks prove that they do, so a change of it is a rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Document>,
    /// Tasks the manifest asks for.
    pub count: u32,
    /// The count belongs to autoscaling once the service exists.
    pub autoscaled: bool,
    pub before: Vec<JobName>,
    pub watch: WatchRules,
    pub independent: bool,
}

/// What a watched rollout is measured against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRules {
    /// Seaway asks for a rollback after this long.
    pub timeout: Seconds,
    /// Failing health checks are ignored this long after a task's start.
    pub grace: Seconds,
    /// By its health check's own numbers a new task is in service or refused this long after its
    /// start, whatever the load balancer has been told to put up with meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Seconds>,
    pub port: Option<u16>,
    /// The health check's path, for explanations.
    pub health_path: Option<String>,
}

/// A job with the image it should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredJob {
    pub name: JobName,
    pub service: ServiceName,
    pub image: ImageRef,
    pub revision: Document,
    pub timeout: Seconds,
}
