//! What ECS refuses of a task definition's settings: what its network mode does not allow, and what
//! names something that is not there.
//!
//! Sources: the parameters' descriptions in the API reference, and the messages that users of ECS
//! report. Where no message is known it has the form of its neighbours.

use std::collections::BTreeMap;

use seaway_aws_wire::ecs as wire;

use super::fargate::check_fargate;
use crate::platform::size::{cpu_units, memory_mib};

/// The error is a sentence for the client.
pub(super) fn check_settings(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    check_size(request)?;
    if request.network_mode == Some(wire::NetworkMode::Awsvpc) {
        let containers = request.container_definitions.iter();
        containers.clone().try_for_each(check_own_address)?;
    }
    let required = request.requires_compatibilities.iter().flatten();
    if required
        .into_iter()
        .any(|one| *one == wire::Compatibility::Fargate)
    {
        check_fargate(request)?;
    }
    check_resources(request)?;
    let containers = request.container_definitions.iter();
    containers.clone().try_for_each(check_ports)?;
    containers.clone().try_for_each(check_log)?;
    check_volumes(request)?;
    check_sources(&request.container_definitions)
}

fn check_size(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    let wrong = |name: &str| Err(format!("Invalid '{name}' setting for task."));
    if request
        .cpu
        .as_deref()
        .is_some_and(|text| cpu_units(text).is_none())
    {
        return wrong("cpu");
    }
    if request
        .memory
        .as_deref()
        .is_some_and(|text| memory_mib(text).is_none())
    {
        return wrong("memory");
    }
    Ok(())
}

/// A task without limits of its own has them in each container; with them, its containers fit.
fn check_resources(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    let containers = || request.container_definitions.iter();
    let is_unbounded = |container: &&wire::ContainerDefinition| {
        container.memory.is_none() && container.memory_reservation.is_none()
    };
    if request.memory.is_none()
        && let Some(container) = containers().find(is_unbounded)
    {
        return Err(format!(
            "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' \
             must be specified.",
            container.name.as_deref().unwrap_or_default()
        ));
    }
    let asked: i64 = containers()
        .filter_map(|container| container.cpu.map(i64::from))
        .sum();
    let task = request.cpu.as_deref().and_then(cpu_units);
    if task.is_some_and(|units| asked > i64::from(units)) {
        return Err(
            "The sum of all container 'cpu' values cannot be greater than the value of the task \
             'cpu'."
                .into(),
        );
    }
    Ok(())
}

fn check_ports(container: &wire::ContainerDefinition) -> Result<(), String> {
    let mappings = container.port_mappings.iter().flatten();
    let mut ports = mappings.flat_map(|mapping| [mapping.container_port, mapping.host_port]);
    let is_none = |port: &i32| u16::try_from(*port).is_err();
    match ports.find_map(|port| port.filter(is_none)) {
        Some(port) => Err(format!(
            "Invalid setting for container '{}'. Port {port} is outside 0 to 65535.",
            container.name.as_deref().unwrap_or_default()
        )),
        None => Ok(()),
    }
}

/// The `awslogs` driver has to be told where to write to.
fn check_log(container: &wire::ContainerDefinition) -> Result<(), String> {
    let Some(log) = &container.log_configuration else {
        return Ok(());
    };
    if log.log_driver != wire::LogDriver::Awslogs {
        return Ok(());
    }
    let given = |name: &str| {
        let options = log.options.as_ref();
        options.and_then(|options| options.get(name))
    };
    let required = ["awslogs-region", "awslogs-group"];
    let missing: Vec<&str> = required
        .into_iter()
        .filter(|name| given(name).is_none_or(String::is_empty))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!("Log driver awslogs requires options: {missing}"));
    }
    if given("awslogs-create-group").is_some_and(|value| value != "true") {
        return Err(
            "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else \
             omit option."
                .into(),
        );
    }
    Ok(())
}

/// Containers of a task that has addresses of its own share its name and its resolver.
fn check_own_address(container: &wire::ContainerDefinition) -> Result<(), String> {
    let mut ports = container.port_mappings.iter().flatten();
    let is_elsewhere = |port: &wire::PortMapping| {
        let host = port.host_port.filter(|host| *host != 0);
        host.is_some_and(|host| port.container_port != Some(host))
    };
    let on_container = "is not supported on container when networkMode=awsvpc.";
    let are_on_container = "are not supported on container when networkMode=awsvpc.";
    refuse(&[
        (
            container.hostname.as_ref().is_some_and(|it| !it.is_empty()),
            format!("hostname {on_container}"),
        ),
        (
            some(&container.extra_hosts),
            format!("Extra hosts {are_on_container}"),
        ),
        (
            some(&container.dns_servers),
            format!("DNS servers {are_on_container}"),
        ),
        (
            container.disable_networking == Some(true),
            format!("Disable Networking {on_container}"),
        ),
        (
            ports.any(is_elsewhere),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must \
             match."
                .to_owned(),
        ),
        (
            some(&container.links),
            "Links are not supported when networkMode=awsvpc.".to_owned(),
        ),
    ])
}

fn check_volumes(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), String> {
    let declared: Vec<&str> = request
        .volumes
        .iter()
        .flatten()
        .filter_map(|volume| volume.name.as_deref())
        .collect();
    let containers = request.container_definitions.iter();
    let mounts = containers.flat_map(|container| container.mount_points.iter().flatten());
    let mut mounted = mounts.filter_map(|mount| mount.source_volume.as_deref());
    match mounted.find(|name| !declared.contains(name)) {
        Some(unknown) => Err(format!("Unknown volume '{unknown}'.")),
        None => Ok(()),
    }
}

/// A container that takes the volumes of another one is made after it.
fn check_sources(containers: &[wire::ContainerDefinition]) -> Result<(), String> {
    let mut sources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in containers {
        let all = container.volumes_from.iter().flatten();
        let all = all.filter_map(|from| from.source_container.as_deref());
        sources.insert(container.name.as_deref().unwrap_or_default(), all.collect());
    }
    for (name, all) in &sources {
        if let Some(unknown) = all.iter().find(|source| !sources.contains_key(**source)) {
            return Err(format!(
                "Container {name} takes volumes from container {unknown}, which does not exist."
            ));
        }
    }
    // What can be made one after the other leaves in as many rounds as there are containers.
    for _ in 0..containers.len() {
        let made: Vec<&str> = sources
            .iter()
            .filter(|(_, all)| all.is_empty())
            .map(|(name, _)| *name)
            .collect();
        sources.retain(|name, _| !made.contains(name));
        for all in sources.values_mut() {
            all.retain(|source| !made.contains(source));
        }
    }
    match sources.keys().next() {
        Some(name) => Err(format!("The volumes of container {name} lead back to it.")),
        None => Ok(()),
    }
}

/// The first of these that is there.
pub(super) fn refuse(cases: &[(bool, String)]) -> Result<(), String> {
    match cases.iter().find(|(is_there, _)| *is_there) {
        Some((_, text)) => Err(text.clone()),
        None => Ok(()),
    }
}

/// Whether it is there and not empty.
pub(super) fn some<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(task: Value, container: Value) -> Result<(), String> {
        let mut container = container;
        container["name"] = "api".into();
        container["image"] = "i".into();
        if container.get("memory").is_none() {
            container["memoryReservation"] = 16.into();
        }
        let mut task = task;
        task["family"] = "f".into();
        task["containerDefinitions"] =
            json!([container, { "name": "db", "image": "i", "memory": 64 }]);
        check_settings(&serde_json::from_value(task).unwrap())
    }

    fn refused(task: Value, container: Value) -> String {
        check(task, container).unwrap_err()
    }

    #[test]
    fn a_task_with_addresses_of_its_own_has_one_name_and_one_resolver() {
        for (setting, words) in [
            (
                json!({ "hostname": "a" }),
                "hostname is not supported on container when networkMode=awsvpc.",
            ),
            (
                json!({ "extraHosts": [{ "hostname": "a", "ipAddress": "1.2.3.4" }] }),
                "Extra hosts are not supported on container when networkMode=awsvpc.",
            ),
            (
                json!({ "dnsServers": ["1.2.3.4"] }),
                "DNS servers are not supported on container when networkMode=awsvpc.",
            ),
            (
                json!({ "portMappings": [{ "containerPort": 80, "hostPort": 8080 }] }),
                "When networkMode=awsvpc, the host ports and container ports in port mappings \
                 must match.",
            ),
            (
                json!({ "links": ["db"] }),
                "Links are not supported when networkMode=awsvpc.",
            ),
        ] {
            let own = json!({ "networkMode": "awsvpc" });
            assert_eq!(refused(own, setting.clone()), words);
            let shared = json!({ "networkMode": "bridge" });
            assert_eq!(check(shared, setting), Ok(()));
        }
    }

    #[test]
    fn a_size_is_an_amount() {
        for (task, words) in [
            (json!({ "cpu": "much" }), "Invalid 'cpu' setting for task."),
            (
                json!({ "memory": "1 vCPU" }),
                "Invalid 'memory' setting for task.",
            ),
        ] {
            assert_eq!(refused(task, json!({})), words);
        }
        let words = json!({ "cpu": ".5 vCPU", "memory": "1 GB" });
        assert_eq!(check(words, json!({})), Ok(()));
    }

    #[test]
    fn containers_have_limits_and_fit_into_their_task() {
        let unbounded = |task: Value| {
            let container = json!({ "name": "api", "image": "i" });
            let mut request = task;
            request["family"] = "f".into();
            request["containerDefinitions"] = json!([container]);
            check_settings(&serde_json::from_value(request).unwrap())
        };
        let words = "Invalid setting for container 'api'. At least one of 'memory' or \
                     'memoryReservation' must be specified.";
        assert_eq!(unbounded(json!({})).unwrap_err(), words);
        assert_eq!(unbounded(json!({ "memory": "512" })), Ok(()));
        let half = json!({ "cpu": 128 });
        assert_eq!(check(json!({ "cpu": "128" }), half.clone()), Ok(()));
        let words = refused(json!({ "cpu": "64" }), half);
        assert!(words.starts_with("The sum of all container 'cpu' values"));
    }

    #[test]
    fn a_port_is_one() {
        let mapped = |port: i32| json!({ "portMappings": [{ "containerPort": port }] });
        assert_eq!(check(json!({}), mapped(65_535)), Ok(()));
        for port in [65_536, -1] {
            let words = refused(json!({}), mapped(port));
            assert!(words.ends_with("is outside 0 to 65535."), "{words}");
        }
    }

    #[test]
    fn a_log_is_written_somewhere() {
        let log = |options: Value| {
            let log = json!({ "logDriver": "awslogs", "options": options });
            json!({ "logConfiguration": log })
        };
        let whole = json!({ "awslogs-group": "/shop", "awslogs-region": "us-east-1" });
        assert_eq!(check(json!({}), log(whole.clone())), Ok(()));
        let mut unsure = whole;
        unsure["awslogs-create-group"] = "false".into();
        for (options, words) in [
            (
                json!({}),
                "Log driver awslogs requires options: awslogs-region, awslogs-group",
            ),
            (
                json!({ "awslogs-region": "us-east-1" }),
                "Log driver awslogs requires options: awslogs-group",
            ),
            (
                unsure,
                "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', \
                 else omit option.",
            ),
        ] {
            assert_eq!(refused(json!({}), log(options)), words);
        }
    }

    #[test]
    fn volumes_are_declared_and_come_from_somewhere() {
        let mount = json!({ "mountPoints": [{ "sourceVolume": "a", "containerPath": "/a" }] });
        assert_eq!(refused(json!({}), mount.clone()), "Unknown volume 'a'.");
        assert_eq!(
            check(json!({ "volumes": [{ "name": "a" }] }), mount),
            Ok(())
        );
        let from = |source: &str| json!({ "volumesFrom": [{ "sourceContainer": source }] });
        assert_eq!(check(json!({}), from("db")), Ok(()));
        assert!(refused(json!({}), from("no")).ends_with("which does not exist."));
        assert!(refused(json!({}), from("api")).ends_with("lead back to it."));
    }
}
