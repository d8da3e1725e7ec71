//! One environment of the project, with every default filled in and every reference resolved.
//!
//! This is what the manifest crate produces and what everything behind it reads. Units are those
//! of ECS: CPU in units of 1/1024 of a core, memory in MiB, durations in whole seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, JobName, ProjectName, ServiceName, SiteName};
use crate::time::Seconds;

/// Everything that runs in one environment, and the rules it runs by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub project: ProjectName,
    pub name: EnvironmentName,
    pub platform: Platform,
    pub class: Class,
    pub rules: Rules,
    /// Paths and patterns that are inputs of every image.
    pub shared: Vec<String>,
    pub services: BTreeMap<ServiceName, Service>,
    pub jobs: BTreeMap<JobName, Job>,
    pub sites: BTreeMap<SiteName, Site>,
}

/// Where an environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Platform {
    /// The embedded platform on this machine.
    Local,
    /// Amazon ECS in one account and region.
    Ecs(EcsTarget),
}

/// The only place an `ecs` environment may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcsTarget {
    pub region: String,
    /// The twelve digits of the AWS account; compared with the caller's before anything is done.
    pub account: String,
    /// Another endpoint for the AWS APIs, for emulators. None is inherited from the process
    /// environment: a foreign `AWS_ENDPOINT_URL` is refused.
    pub endpoint_url: Option<String>,
}

/// The kind of an environment, which gives its defaults (CAPABILITIES.md, row A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Local,
    Develop,
    Test,
    Production,
}

/// What an environment demands and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub promote_from: Option<EnvironmentName>,
    /// Branch patterns a release may come from; empty: any.
    pub branches: Vec<String>,
    pub approvals: u32,
    pub log_retention_days: u32,
    pub deletion_protection: bool,
    /// Share of tasks on Fargate Spot, in percent.
    pub spot_percent: u32,
}

/// A long-running service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub name: ServiceName,
    /// Its own inputs, relative to the manifest's directory.
    pub path: String,
    pub image: ImageSource,
    pub command: Vec<String>,
    /// The port it listens on; none: a worker. Processes on this machine are told theirs by `PORT`.
    pub port: Option<u16>,
    pub cpu: u32,
    pub memory: u32,
    /// Tasks to run when the service is created; afterwards the live count stays unless it is
    /// scaled or the manifest's count changes.
    pub count: u32,
    /// Public route; none: internal.
    pub route: Option<Route>,
    pub health: Option<HealthCheck>,
    pub rollout: RolloutPolicy,
    pub scaling: Option<Scaling>,
    /// Jobs that must succeed with the new image before the service rolls.
    pub before: Vec<JobName>,
    /// Services it calls: each is told by `NAME_URL`.
    pub uses: Vec<ServiceName>,
    /// Volume name -> path inside the container.
    pub volumes: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, SecretRef>,
    /// How long a stopping task may finish requests.
    pub drain: Seconds,
    /// From the stop signal to SIGKILL.
    pub stop_timeout: Seconds,
    /// Stays on its new revision when another service of the same release fails.
    pub independent: bool,
}

/// How a service's image comes to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ImageSource {
    /// Files that a command produces, packed as they are.
    Bundle(Bundle),
    /// A Dockerfile, relative to the manifest's directory.
    Dockerfile { dockerfile: String },
}

/// Files that a command produces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Shell command run in the manifest's directory; none: the files are there already.
    pub build: Option<String>,
    /// Files, directories or patterns, relative to the manifest's directory. A file lands in the
    /// image's working directory under its own name, a directory with its content.
    pub files: Vec<String>,
}

/// What the load balancer sends to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Path pattern, `*` and `?` as in Elastic Load Balancing.
    pub path: String,
    /// Host pattern; none: any host.
    pub host: Option<String>,
}

/// The load balancer's health check and how long a new task is excused from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub path: String,
    pub interval: Seconds,
    pub timeout: Seconds,
    /// Passing checks that make an unhealthy target healthy again.
    pub healthy: u32,
    /// Failing checks that make a target unhealthy.
    pub unhealthy: u32,
    /// Accepted status codes, such as `200` or `200-299,301`.
    pub codes: String,
    /// `healthCheckGracePeriodSeconds`: failing checks are ignored this long after start.
    pub grace: Seconds,
}

/// Bounds of a rolling update, in percent of the desired count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPolicy {
    pub min_healthy: u32,
    pub max: u32,
    /// Seaway asks for a rollback of a rollout that takes longer.
    pub timeout: Seconds,
}

/// Target tracking on CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    pub min: u32,
    pub max: u32,
    /// Average CPU utilisation to hold, in percent.
    pub cpu: Option<u32>,
}

/// A secret's value, or one key of its JSON: `"database#url"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretRef {
    pub secret: String,
    pub key: Option<String>,
}

/// A one-off job: another command in a service's image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub name: JobName,
    /// The service whose image, variables and secrets it runs with.
    pub service: ServiceName,
    pub command: Vec<String>,
    pub cpu: u32,
    pub memory: u32,
    pub env: BTreeMap<String, String>,
    pub timeout: Seconds,
}

/// A static site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    pub name: SiteName,
    pub path: String,
    pub build: Option<String>,
    pub dist: String,
    pub route: String,
}
