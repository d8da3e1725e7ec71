//! From a container's definition to the settings that only an engine knows. Pure.

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::{
    Device, HostEntry, Input, MemoryLimit, NetworkSettings, Privileges, Settings, Terminal, Tmpfs,
    Ulimit,
};

/// What a device may be used for where nobody says (ECS: all of it).
const ALL_OF_A_DEVICE: &str = "rwm";

/// How the kernel is to treat the container. What is left to it of memory depends on its task.
pub(super) fn settings(container: &wire::ContainerDefinition) -> Settings {
    let none = wire::LinuxParameters::default();
    let linux = container.linux_parameters.as_ref().unwrap_or(&none);
    let capabilities = linux.capabilities.clone().unwrap_or_default();
    let controls = container.system_controls.iter().flatten();
    Settings {
        memory_reservation: None,
        swap: linux.max_swap.and_then(mebibytes),
        swappiness: linux.swappiness.and_then(|it| u8::try_from(it).ok()),
        shared_memory: linux.shared_memory_size.and_then(mebibytes),
        ulimits: container.ulimits.iter().flatten().map(ulimit).collect(),
        tmpfs: linux.tmpfs.iter().flatten().map(tmpfs).collect(),
        devices: linux.devices.iter().flatten().map(device).collect(),
        privileges: match container.privileged {
            Some(true) => Privileges::All,
            _ => Privileges::Confined,
        },
        added_capabilities: capabilities.add.unwrap_or_default(),
        dropped_capabilities: capabilities.drop.unwrap_or_default(),
        security_options: container
            .docker_security_options
            .clone()
            .unwrap_or_default(),
        sysctls: controls
            .filter_map(|one| Some((one.namespace.clone()?, one.value.clone()?)))
            .collect(),
        terminal: match container.pseudo_terminal {
            Some(true) => Terminal::Pseudo,
            _ => Terminal::None,
        },
        input: match container.interactive {
            Some(true) => Input::Open,
            _ => Input::Closed,
        },
        labels: container.docker_labels.clone().unwrap_or_default(),
    }
}

/// What the container says of its task's network.
pub(super) fn network(container: &wire::ContainerDefinition) -> NetworkSettings {
    let hosts = container.extra_hosts.iter().flatten();
    NetworkSettings {
        hostname: container.hostname.clone().filter(|name| !name.is_empty()),
        dns_servers: container.dns_servers.clone().unwrap_or_default(),
        dns_search_domains: container.dns_search_domains.clone().unwrap_or_default(),
        extra_hosts: hosts
            .map(|entry| HostEntry {
                name: entry.hostname.clone(),
                address: entry.ip_address.clone(),
            })
            .collect(),
    }
}

fn ulimit(limit: &wire::Ulimit) -> Ulimit {
    Ulimit {
        name: limit.name.as_str().to_owned(),
        soft: limit.soft_limit.into(),
        hard: limit.hard_limit.into(),
    }
}

fn tmpfs(files: &wire::Tmpfs) -> Tmpfs {
    Tmpfs {
        container_path: files.container_path.clone(),
        size_mib: u64::try_from(files.size).unwrap_or_default(),
        options: files.mount_options.clone().unwrap_or_default(),
    }
}

fn device(device: &wire::Device) -> Device {
    let permissions = device.permissions.iter().flatten();
    // `read`, `write` and `mknod`, in the kernel's letters.
    let letters: String = permissions
        .filter_map(|one| one.as_str().chars().next())
        .collect();
    Device {
        host_path: device.host_path.clone(),
        container_path: device
            .container_path
            .clone()
            .unwrap_or_else(|| device.host_path.clone()),
        permissions: Some(letters)
            .filter(|letters| !letters.is_empty())
            .unwrap_or_else(|| ALL_OF_A_DEVICE.to_owned()),
    }
}

fn mebibytes(amount: i32) -> Option<MemoryLimit> {
    u64::try_from(amount).ok().map(MemoryLimit::from_mib)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(definition: serde_json::Value) -> wire::ContainerDefinition {
        serde_json::from_value(definition).unwrap()
    }

    #[test]
    fn a_definition_that_says_nothing_sets_nothing() {
        let silent = wire::ContainerDefinition::default();
        assert_eq!(settings(&silent), Settings::default());
        assert_eq!(network(&silent), NetworkSettings::default());
    }

    #[test]
    fn what_a_definition_says_is_set() {
        let container = container(json!({
            "name": "api", "image": "i", "privileged": true, "pseudoTerminal": true,
            "interactive": true, "dockerLabels": { "team": "shop" },
            "dockerSecurityOptions": ["no-new-privileges"], "hostname": "api",
            "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["shop.example"],
            "extraHosts": [{ "hostname": "db", "ipAddress": "10.0.0.3" }],
            "ulimits": [{ "name": "nofile", "softLimit": 100, "hardLimit": 200 }],
            "systemControls": [{ "namespace": "kernel.msgmax", "value": "100" }],
            "linuxParameters": {
                "capabilities": { "add": ["SYS_PTRACE"], "drop": ["ALL"] },
                "sharedMemorySize": 128, "maxSwap": 1, "swappiness": 10,
                "tmpfs": [{ "containerPath": "/scratch", "size": 64, "mountOptions": ["noexec"] }],
                "devices": [{ "hostPath": "/dev/fuse" },
                    { "hostPath": "/dev/a", "containerPath": "/dev/b",
                        "permissions": ["read", "mknod"] }],
            },
        }));
        let set = settings(&container);
        assert_eq!(
            (set.privileges, set.terminal),
            (Privileges::All, Terminal::Pseudo)
        );
        assert_eq!((set.input, &*set.labels["team"]), (Input::Open, "shop"));
        assert_eq!(set.security_options, ["no-new-privileges"]);
        assert_eq!(
            (&*set.ulimits[0].name, set.ulimits[0].hard),
            ("nofile", 200)
        );
        assert_eq!(set.sysctls["kernel.msgmax"], "100");
        assert_eq!(set.added_capabilities, ["SYS_PTRACE"]);
        assert_eq!(set.dropped_capabilities, ["ALL"]);
        assert_eq!(set.shared_memory, Some(MemoryLimit::from_mib(128)));
        assert_eq!(
            (set.swap, set.swappiness),
            (Some(MemoryLimit::from_mib(1)), Some(10))
        );
        assert_eq!(
            (set.tmpfs[0].size_mib, &*set.tmpfs[0].options[0]),
            (64, "noexec")
        );
        let devices = set.devices.iter();
        let devices: Vec<_> = devices
            .map(|it| (&*it.container_path, &*it.permissions))
            .collect();
        assert_eq!(devices, [("/dev/fuse", "rwm"), ("/dev/b", "rm")]);
        let shared = network(&container);
        assert_eq!(shared.hostname.as_deref(), Some("api"));
        assert_eq!(shared.dns_servers, ["10.0.0.2"]);
        assert_eq!(shared.dns_search_domains, ["shop.example"]);
        assert_eq!(
            (
                &*shared.extra_hosts[0].name,
                &*shared.extra_hosts[0].address
            ),
            ("db", "10.0.0.3")
        );
    }
}
