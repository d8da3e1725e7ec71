//! What the platform remembers of ECS: clusters, task definitions, services and tasks.
//!
//! A record keeps what API calls said in the wire's own types, and the scheduler's state as it is;
//! nothing is kept twice.

use std::collections::BTreeMap;
use std::fmt;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler as scheduler;
use serde::{Deserialize, Serialize};

use crate::clock::EpochMillis;
use crate::identity::arn;
use crate::store::Document;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterRecord {
    pub name: String,
    pub settings: Option<Vec<wire::ClusterSetting>>,
    pub capacity_providers: Option<Vec<String>>,
    pub default_capacity_provider_strategy: Option<Vec<wire::CapacityProviderStrategyItem>>,
    #[serde(default)]
    pub configuration: Option<wire::ClusterConfiguration>,
    #[serde(default)]
    pub service_connect_defaults: Option<wire::ClusterServiceConnectDefaults>,
    pub tags: Tags,
    /// `INACTIVE` after its deletion.
    pub active: bool,
}

/// A registered task definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinitionRecord {
    pub definition: wire::TaskDefinition,
    pub tags: Tags,
}

/// A service, its scheduler and what is known of its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecord {
    pub key: ServiceKey,
    pub created_at: EpochMillis,
    /// Makes a repeated `CreateService` answer the same service.
    pub client_token: Option<String>,
    pub tags: Tags,
    pub settings: ServiceSettings,
    /// By the number of the deployment that brought it; older ones have records of their own.
    pub revisions: BTreeMap<u64, RevisionRecord>,
    pub scheduler: scheduler::Service,
    /// Where the tasks listen.
    pub places: BTreeMap<String, Place>,
    /// The tags of its tasks, of those that have any: chosen when they are launched.
    #[serde(default)]
    pub task_tags: BTreeMap<String, Tags>,
    /// When its last task was gone after its deletion.
    #[serde(default)]
    pub deleted_at: Option<EpochMillis>,
}

/// What `CreateService` and `UpdateService` said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceSettings {
    pub task_definition: String,
    pub load_balancers: Vec<wire::LoadBalancer>,
    pub network_configuration: Option<wire::NetworkConfiguration>,
    pub deployment_configuration: wire::DeploymentConfiguration,
    pub health_check_grace_period_seconds: Option<i32>,
    pub launch_type: Option<wire::LaunchType>,
    pub capacity_provider_strategy: Option<Vec<wire::CapacityProviderStrategyItem>>,
    pub platform_version: Option<String>,
    pub propagate_tags: Option<wire::PropagateTags>,
    pub enable_execute_command: bool,
    pub enable_ecs_managed_tags: bool,
    /// None for a service from before it was kept, which ECS takes for disabled.
    #[serde(default)]
    pub availability_zone_rebalancing: Option<wire::AvailabilityZoneRebalancing>,
}

/// A service revision: immutable, once its first task has fixed its images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionRecord {
    pub created_at: EpochMillis,
    pub task_definition: String,
    pub load_balancers: Vec<wire::LoadBalancer>,
    pub network_configuration: Option<wire::NetworkConfiguration>,
    pub launch_type: Option<wire::LaunchType>,
    #[serde(default)]
    pub capacity_provider_strategy: Option<Vec<wire::CapacityProviderStrategyItem>>,
    pub platform_version: Option<String>,
    /// By container, what its first task's image was resolved to: what every later one runs.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

/// A task of its own, started by `RunTask`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandaloneRecord {
    pub about: TaskAbout,
    pub scheduler: scheduler::StandaloneTask,
    pub place: Place,
}

/// A task that is `STOPPED`, for `DescribeTasks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoppedRecord {
    pub about: TaskAbout,
    pub task: scheduler::Task,
    pub place: Place,
}

/// What a `RunTask` with a client token started, by cluster and token: the same call again
/// answers the same tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub at: EpochMillis,
    pub tasks: Vec<String>,
    /// A digest of what was asked for; none in a record from before it was kept.
    #[serde(default)]
    pub asked: Option<String>,
}

/// What a task was started as.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskAbout {
    pub cluster: String,
    /// `service:NAME` or `family:NAME`.
    pub group: String,
    pub started_by: Option<String>,
    pub overrides: Option<wire::TaskOverride>,
    pub tags: Tags,
    pub launch_type: Option<wire::LaunchType>,
}

/// Where a task is, chosen when it is launched: loopback ports of its containers, and the capacity
/// provider that it is recorded under.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    #[serde(default)]
    pub capacity_provider: Option<String>,
    /// By container and the port its task definition names.
    pub ports: Vec<PlacedPort>,
}

/// One port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedPort {
    pub container: String,
    pub container_port: u16,
    pub host_port: u16,
}

impl Place {
    /// Where a container's port is on this machine.
    pub fn host_port(&self, container: &str, port: u16) -> Option<u16> {
        let wanted = |p: &&PlacedPort| p.container == container && p.container_port == port;
        self.ports
            .iter()
            .find(wanted)
            .map(|placed| placed.host_port)
    }
}

/// A service deployment that left the scheduler's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchivedDeployment {
    pub deployment: scheduler::ServiceDeployment,
    pub configuration: wire::DeploymentConfiguration,
}

/// One account setting of one principal, by both their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettingRecord {
    pub value: String,
}

/// A service's name within its cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceKey {
    pub cluster: String,
    pub name: String,
}

impl ServiceKey {
    /// The service's ARN.
    pub fn arn(&self) -> String {
        arn("ecs", &format!("service/{self}"))
    }
}

/// `CLUSTER/NAME`, its key in the store.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.name)
    }
}

impl Document for ClusterRecord {
    const KIND: &'static str = "ecs-cluster";
}

impl Document for TaskDefinitionRecord {
    const KIND: &'static str = "ecs-task-definition";
}

impl Document for ServiceRecord {
    const KIND: &'static str = "ecs-service";
}

impl Document for StandaloneRecord {
    const KIND: &'static str = "ecs-task";
}

impl Document for StoppedRecord {
    const KIND: &'static str = "ecs-stopped-task";
}

impl Document for ArchivedDeployment {
    const KIND: &'static str = "ecs-service-deployment";
}

impl Document for RevisionRecord {
    const KIND: &'static str = "ecs-service-revision";
}

impl Document for AccountSettingRecord {
    const KIND: &'static str = "ecs-account-setting";
}

impl Document for RunRecord {
    const KIND: &'static str = "ecs-run";
}

/// The key of a task definition: keys of a family sort by revision.
pub fn task_definition_key(family: &str, revision: i64) -> String {
    format!("{family}:{revision:010}")
}
