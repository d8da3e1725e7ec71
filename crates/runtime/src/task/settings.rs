//! What a container of an engine is set up with besides its image, its command and its limits. Only
//! an engine can do these things: a process has none of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MemoryLimit;

/// How the kernel treats a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is left to it when the machine's memory is scarce.
    pub memory_reservation: Option<MemoryLimit>,
    /// How much of its memory may be swapped out; none: nothing.
    pub swap: Option<MemoryLimit>,
    /// How readily that is done, from 0 to 100.
    pub swappiness: Option<u8>,
    /// The size of `/dev/shm`.
    pub shared_memory: Option<MemoryLimit>,
    pub ulimits: Vec<Ulimit>,
    pub tmpfs: Vec<Tmpfs>,
    pub devices: Vec<Device>,
    pub privileges: Privileges,
    /// Capabilities by their names without `CAP_`, or `ALL`.
    pub added_capabilities: Vec<String>,
    pub dropped_capabilities: Vec<String>,
    /// In the engine's own words.
    pub security_options: Vec<String>,
    /// Kernel parameters by name. Those of the network hold for the whole task.
    pub sysctls: BTreeMap<String, String>,
    pub terminal: Terminal,
    pub input: Input,
    /// Labels of its own.
    pub labels: BTreeMap<String, String>,
}

/// A limit of a resource, by the name that `ulimit` has in the engine's words (`nofile`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// Files in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    pub container_path: String,
    pub size_mib: u64,
    /// In the words of `mount`.
    pub options: Vec<String>,
}

/// A device of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub host_path: String,
    pub container_path: String,
    /// Some of `r`, `w` and `m`.
    pub permissions: String,
}

/// How much a container may do to its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privileges {
    #[default]
    Confined,
    /// As much as the machine's own user of the same number.
    All,
}

/// What the command writes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terminal {
    #[default]
    None,
    /// A pseudo terminal: both streams become one.
    Pseudo,
}

/// What the command reads from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    #[default]
    Closed,
    /// Nobody writes to it, and it never ends.
    Open,
}

/// What a container says of the network that all containers of its task share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    pub hostname: Option<String>,
    pub dns_servers: Vec<String>,
    pub dns_search_domains: Vec<String>,
    pub extra_hosts: Vec<HostEntry>,
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    pub name: String,
    pub address: String,
}
