//! What ECS refuses of a task definition that is to run on Fargate: sizes that it does not offer,
//! and what its tasks do not have.
//!
//! Sources: the parameters' descriptions in the API reference, "Task CPU and memory" in the developer
//! guide, and the messages that users of ECS report. Where no message is known it has the form of
//! its neighbours.

use std::ops::RangeInclusive;

use seaway_aws_wire::ecs as wire;

use super::container_settings::{refuse, some};
use crate::platform::size::{cpu_units, memory_mib};

/// The one capability that can be added on Fargate.
const FARGATE_CAPABILITY: &str = "SYS_PTRACE";
/// The longest stop time-out of a container, in seconds.
const LONGEST_STOP: i32 = 120;
const GIB: u64 = 1024;

/// The error is a sentence for the client.
pub(super) fn check_fargate(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    check_size(request)?;
    let not = |is_there: bool, what: &str| {
        let text = format!("Fargate compatible task definitions do not support {what}");
        (is_there, text)
    };
    let source_path = |volume: &wire::Volume| {
        let host = volume.host.as_ref();
        host.is_some_and(|host| host.source_path.is_some())
    };
    let mut volumes = request.volumes.iter().flatten();
    refuse(&[
        not(request.ipc_mode.is_some(), "ipcMode"),
        not(some(&request.placement_constraints), "constraints"),
        not(volumes.clone().any(source_path), "sourcePath"),
        not(
            volumes.any(|volume| volume.docker_volume_configuration.is_some()),
            "dockerVolumeConfiguration",
        ),
    ])?;
    for container in &request.container_definitions {
        let name = container.name.as_deref().unwrap_or_default();
        let none = wire::LinuxParameters::default();
        let linux = container.linux_parameters.as_ref().unwrap_or(&none);
        refuse(&[
            not(container.privileged == Some(true), "privileged"),
            not(
                container.disable_networking == Some(true),
                "disableNetworking",
            ),
            not(some(&container.links), "links"),
            not(some(&container.extra_hosts), "extraHosts"),
            not(some(&container.dns_servers), "dnsServers"),
            not(some(&container.dns_search_domains), "dnsSearchDomains"),
            not(
                some(&container.docker_security_options),
                "dockerSecurityOptions",
            ),
            not(some(&linux.devices), "devices"),
            not(linux.shared_memory_size.is_some(), "sharedMemorySize"),
            not(linux.max_swap.is_some(), "maxSwap"),
            not(linux.swappiness.is_some(), "swappiness"),
            (
                container.stop_timeout > Some(LONGEST_STOP),
                format!(
                    "The 'stopTimeout' setting for container '{name}' is greater than \
                     {LONGEST_STOP} seconds."
                ),
            ),
        ])?;
        let capabilities = linux.capabilities.as_ref();
        let added = capabilities.and_then(|all| all.add.as_ref());
        let mut added = added.into_iter().flatten();
        if let Some(capability) = added.find(|one| *one != FARGATE_CAPABILITY) {
            return Err(format!("{capability} is not allowed on Fargate."));
        }
    }
    Ok(())
}

/// Refuses to start on Fargate, by name or by its capacity providers, what was not registered for it.
pub(super) fn check_launch(
    definition: &wire::TaskDefinition,
    launch_type: Option<&wire::LaunchType>,
    strategy: Option<&[wire::CapacityProviderStrategyItem]>,
) -> Result<(), String> {
    let asked = launch_type == Some(&wire::LaunchType::Fargate)
        || strategy.is_some_and(|strategy| !strategy.is_empty());
    let mut compatible = definition.compatibilities.iter().flatten();
    if asked && !compatible.any(|one| *one == wire::Compatibility::Fargate) {
        return Err("Task definition does not support launch_type FARGATE.".into());
    }
    Ok(())
}

fn check_size(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    if request.network_mode != Some(wire::NetworkMode::Awsvpc) {
        return Err("Fargate only supports network mode ‘awsvpc’.".into());
    }
    let missing =
        |name: &str| format!("Fargate requires that '{name}' be defined at the task level.");
    let cpu = request.cpu.as_deref().and_then(cpu_units);
    let cpu = cpu.ok_or_else(|| missing("cpu"))?;
    let memory = request.memory.as_deref().and_then(memory_mib);
    let memory = memory.ok_or_else(|| missing("memory"))?;
    if !is_offered(cpu, memory) {
        return Err(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the \
             Amazon ECS documentation for the valid values."
        ));
    }
    let greater = |container: &&wire::ContainerDefinition| {
        let mib = container.memory.and_then(|mib| u64::try_from(mib).ok());
        mib.is_some_and(|mib| mib > memory)
    };
    match request.container_definitions.iter().find(greater) {
        Some(container) => Err(format!(
            "The 'memory' setting for container '{}' is greater than for the task.",
            container.name.as_deref().unwrap_or_default()
        )),
        None => Ok(()),
    }
}

/// Whether Fargate has tasks of so many CPU units and MiB of memory.
fn is_offered(cpu: u32, memory: u64) -> bool {
    let every = |step: u64, gib: RangeInclusive<u64>| {
        memory.is_multiple_of(step * GIB) && gib.contains(&(memory / GIB))
    };
    match cpu {
        256 => memory == GIB / 2 || every(1, 1..=2),
        512 => every(1, 1..=4),
        1024 => every(1, 2..=8),
        2048 => every(1, 4..=16),
        4096 => every(1, 8..=30),
        8192 => every(4, 16..=60),
        16_384 => every(8, 32..=120),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Checks a definition that Fargate has but for what is said.
    fn check(task: Value, container: Value) -> Result<(), String> {
        let mut container = container;
        container["name"] = "api".into();
        container["image"] = "i".into();
        let mut whole = json!({
            "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "containerDefinitions": [container],
        });
        let members = whole.as_object_mut().unwrap();
        members.extend(task.as_object().unwrap().clone());
        check_fargate(&serde_json::from_value(whole).unwrap())
    }

    #[test]
    fn a_task_has_a_size_that_fargate_offers_and_an_address() {
        for (task, words) in [
            (json!({ "networkMode": "bridge" }), "network mode ‘awsvpc’."),
            (json!({ "networkMode": null }), "network mode ‘awsvpc’."),
            (
                json!({ "cpu": null }),
                "'cpu' be defined at the task level.",
            ),
            (
                json!({ "memory": null }),
                "'memory' be defined at the task level.",
            ),
            (
                json!({ "cpu": "100" }),
                "No Fargate configuration exists for given values: 100 CPU, 512 memory. See the \
                 Amazon ECS documentation for the valid values.",
            ),
        ] {
            let text = check(task, json!({})).unwrap_err();
            assert!(text.ends_with(words), "{text}");
        }
        let words = json!({ "cpu": ".5 vCPU", "memory": "3 GB" });
        assert_eq!(check(words, json!({})), Ok(()));
    }

    #[test]
    fn the_sizes_are_those_of_the_guide() {
        let offered = |cpu: u32| (1..=130 * 1024).filter(move |mib| is_offered(cpu, *mib));
        let shown = [256, 512, 1024, 2048, 4096, 8192, 16_384].map(|cpu| {
            let all: Vec<u64> = offered(cpu).collect();
            (all.len(), all[0], all[1], all[all.len() - 1])
        });
        let expected = [
            (3, 512, 1_024, 2_048),
            (4, 1_024, 2_048, 4_096),
            (7, 2_048, 3_072, 8_192),
            (13, 4_096, 5_120, 16_384),
            (23, 8_192, 9_216, 30_720),
            (12, 16_384, 20_480, 61_440),
            (12, 32_768, 40_960, 122_880),
        ];
        assert_eq!(shown, expected);
        assert_eq!(offered(300).count(), 0);
    }

    #[test]
    fn what_fargate_does_not_have_is_refused_for_it_alone() {
        let linux = |setting: Value| json!({ "linuxParameters": setting });
        for (setting, words) in [
            (json!({ "privileged": true }), "do not support privileged"),
            (
                json!({ "dockerSecurityOptions": ["a"] }),
                "do not support dockerSecurityOptions",
            ),
            (
                linux(json!({ "sharedMemorySize": 1 })),
                "do not support sharedMemorySize",
            ),
            (
                linux(json!({ "devices": [{ "hostPath": "/dev/a" }] })),
                "do not support devices",
            ),
            (
                linux(json!({ "capabilities": { "add": ["SYS_ADMIN"] } })),
                "SYS_ADMIN is not allowed on Fargate.",
            ),
            (
                json!({ "stopTimeout": 121 }),
                "for container 'api' is greater than 120 seconds.",
            ),
            (
                json!({ "memory": 513 }),
                "The 'memory' setting for container 'api' is greater than for the task.",
            ),
        ] {
            let text = check(json!({}), setting).unwrap_err();
            assert!(text.ends_with(words), "{text}");
        }
        let path = json!({ "volumes": [{ "name": "a", "host": { "sourcePath": "/a" } }] });
        assert_eq!(
            check(path, json!({})).unwrap_err(),
            "Fargate compatible task definitions do not support sourcePath"
        );
        let volume = json!({ "volumes": [{ "name": "a", "host": {} }] });
        assert_eq!(check(volume, json!({})), Ok(()));
    }

    #[test]
    fn what_fargate_has_is_accepted() {
        let container = json!({
            "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
            "linuxParameters": { "initProcessEnabled": true,
                "tmpfs": [{ "containerPath": "/a", "size": 1 }],
                "capabilities": { "add": ["SYS_PTRACE"], "drop": ["NET_RAW"] } },
            "systemControls": [{ "namespace": "net.core.somaxconn", "value": "1" }],
            "pseudoTerminal": true, "interactive": true, "dockerLabels": { "a": "b" },
            "stopTimeout": 120, "memory": 512,
        });
        assert_eq!(check(json!({}), container), Ok(()));
    }

    #[test]
    fn what_was_not_registered_for_fargate_does_not_start_there() {
        let launched = |compatibilities: Value, launch_type: Option<wire::LaunchType>| {
            let definition = json!({ "compatibilities": compatibilities });
            let definition = serde_json::from_value(definition).unwrap();
            check_launch(&definition, launch_type.as_ref(), None)
        };
        let fargate = || Some(wire::LaunchType::Fargate);
        let refused = launched(json!(["EC2"]), fargate()).unwrap_err();
        assert_eq!(
            refused,
            "Task definition does not support launch_type FARGATE."
        );
        assert_eq!(launched(json!(["EC2", "FARGATE"]), fargate()), Ok(()));
        // Who names nothing gets this machine.
        assert_eq!(launched(json!(["EC2"]), None), Ok(()));
    }
}
