//! Settings of containers in the engine's words. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{DeviceMapping, HostConfig, ResourcesUlimits};

use crate::task::{ImageRoot, MemoryLimit, NetworkSettings, Privileges, Settings};

/// Kernel parameters of the network: they belong to who holds it.
const OF_NETWORK: &str = "net.";

/// What `base` says, and the settings of a container of the task's definition.
pub(super) fn of_member(settings: &Settings, base: HostConfig) -> HostConfig {
    let swap = settings.swap.map_or(0, bytes);
    let sysctls = settings.sysctls.iter();
    let own = sysctls.filter(|(name, _)| !name.starts_with(OF_NETWORK));
    let tmpfs = settings.tmpfs.iter().map(|files| {
        let size = format!("size={}m", files.size_mib);
        let options = [&[size], &files.options[..]].concat();
        (files.container_path.clone(), options.join(","))
    });
    let ulimits = settings.ulimits.iter().map(|limit| ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    let devices = settings.devices.iter().map(|device| DeviceMapping {
        path_on_host: Some(device.host_path.clone()),
        path_in_container: Some(device.container_path.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    });
    HostConfig {
        memory_reservation: settings.memory_reservation.map(bytes),
        memory_swap: base.memory_swap.map(|memory| memory.saturating_add(swap)),
        memory_swappiness: settings.swappiness.map(i64::from),
        shm_size: settings.shared_memory.map(bytes),
        ulimits: some(ulimits.collect()),
        tmpfs: Some(tmpfs.collect()).filter(|all: &HashMap<_, _>| !all.is_empty()),
        devices: some(devices.collect()),
        privileged: (settings.privileges == Privileges::All).then_some(true),
        cap_add: some(settings.added_capabilities.clone()),
        cap_drop: some(settings.dropped_capabilities.clone()),
        security_opt: some(settings.security_options.clone()),
        sysctls: parameters(own),
        ..base
    }
}

/// What `base` says, and what the containers of a task want of the network that they share.
pub(super) fn of_network<'a>(
    roots: impl Iterator<Item = &'a ImageRoot>,
    base: HostConfig,
) -> HostConfig {
    let (mut dns, mut search, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    let mut sysctls = BTreeMap::new();
    for root in roots {
        let NetworkSettings {
            hostname: _,
            dns_servers,
            dns_search_domains,
            extra_hosts,
        } = &root.network;
        dns.extend(dns_servers.iter().cloned());
        search.extend(dns_search_domains.iter().cloned());
        hosts.extend(
            extra_hosts
                .iter()
                .map(|entry| format!("{}:{}", entry.name, entry.address)),
        );
        let all = root.settings.sysctls.iter();
        sysctls.extend(all.filter(|(name, _)| name.starts_with(OF_NETWORK)));
    }
    HostConfig {
        dns: some(once(dns)),
        dns_search: some(once(search)),
        extra_hosts: some(once(hosts)),
        sysctls: parameters(sysctls.into_iter()),
        ..base
    }
}

/// The name that the network goes by: that of the first container that has one.
pub(super) fn hostname<'a>(roots: impl Iterator<Item = &'a ImageRoot>) -> Option<String> {
    let mut names = roots.filter_map(|root| root.network.hostname.clone());
    names.next()
}

fn bytes(amount: MemoryLimit) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

fn parameters<'a>(
    all: impl Iterator<Item = (&'a String, &'a String)>,
) -> Option<HashMap<String, String>> {
    let all: HashMap<_, _> = all
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Some(all).filter(|all| !all.is_empty())
}

/// The first of each.
fn once(all: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

fn some<T>(all: Vec<T>) -> Option<Vec<T>> {
    Some(all).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Device, HostEntry, Tmpfs, Ulimit};

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_container_without_settings_is_as_the_engine_makes_it() {
        let base = HostConfig {
            memory_swap: Some(64 << 20),
            ..HostConfig::default()
        };
        assert_eq!(of_member(&Settings::default(), base.clone()), base);
        let roots = [ImageRoot::default()];
        assert_eq!(of_network(roots.iter(), base.clone()), base);
    }

    #[test]
    fn settings_are_told_in_the_engines_words() {
        let settings = Settings {
            memory_reservation: Some(MemoryLimit::from_mib(32)),
            swap: Some(MemoryLimit::from_mib(1)),
            shared_memory: Some(MemoryLimit::from_mib(128)),
            ulimits: vec![Ulimit {
                name: "nofile".into(),
                soft: 100,
                hard: 200,
            }],
            tmpfs: vec![Tmpfs {
                container_path: "/scratch".into(),
                size_mib: 64,
                options: words(&["noexec", "mode=1777"]),
            }],
            devices: vec![Device {
                host_path: "/dev/fuse".into(),
                container_path: "/dev/fuse".into(),
                permissions: "rw".into(),
            }],
            privileges: Privileges::All,
            added_capabilities: words(&["SYS_PTRACE"]),
            dropped_capabilities: words(&["ALL"]),
            ..Settings::default()
        };
        let host = of_member(
            &settings,
            HostConfig {
                memory_swap: Some(64 << 20),
                ..HostConfig::default()
            },
        );
        assert_eq!(host.memory_reservation, Some(32 << 20));
        assert_eq!(host.memory_swap, Some(65 << 20));
        assert_eq!(host.shm_size, Some(128 << 20));
        let limit = &host.ulimits.unwrap()[0];
        assert_eq!((limit.soft, limit.hard), (Some(100), Some(200)));
        assert_eq!(host.tmpfs.unwrap()["/scratch"], "size=64m,noexec,mode=1777");
        let device = &host.devices.unwrap()[0];
        assert_eq!(device.cgroup_permissions.as_deref(), Some("rw"));
        assert_eq!(host.privileged, Some(true));
        assert_eq!(host.cap_add, Some(words(&["SYS_PTRACE"])));
        assert_eq!(host.cap_drop, Some(words(&["ALL"])));
    }

    #[test]
    fn what_is_of_the_network_goes_to_its_holder_and_to_nobody_else() {
        let root = |hostname: Option<&str>, port: &str| ImageRoot {
            settings: Settings {
                sysctls: BTreeMap::from([
                    ("net.core.somaxconn".into(), port.into()),
                    ("kernel.msgmax".into(), "100".into()),
                ]),
                ..Settings::default()
            },
            network: NetworkSettings {
                hostname: hostname.map(str::to_owned),
                dns_servers: words(&["10.0.0.2"]),
                dns_search_domains: words(&["shop.example"]),
                extra_hosts: vec![HostEntry {
                    name: "db".into(),
                    address: "10.0.0.3".into(),
                }],
            },
            ..ImageRoot::default()
        };
        let roots = [root(None, "1"), root(Some("api"), "2")];
        let holder = of_network(roots.iter(), HostConfig::default());
        assert_eq!(holder.dns, Some(words(&["10.0.0.2"])));
        assert_eq!(holder.dns_search, Some(words(&["shop.example"])));
        assert_eq!(holder.extra_hosts, Some(words(&["db:10.0.0.3"])));
        let of_network = HashMap::from([("net.core.somaxconn".to_owned(), "2".to_owned())]);
        assert_eq!(holder.sysctls, Some(of_network));
        let member = of_member(&roots[0].settings, HostConfig::default());
        let own = HashMap::from([("kernel.msgmax".to_owned(), "100".to_owned())]);
        assert_eq!(member.sysctls, Some(own));
        assert_eq!(hostname(roots.iter()).as_deref(), Some("api"));
    }
}
