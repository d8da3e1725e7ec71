//! From a container's definition to what an engine is told besides what a process is told. Pure.

use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::{
    Condition, ContainerName, CpuUnits, Dependency, HealthCheck, ImageRoot, InitProcess, Protocol,
    PublishedPort, Role, RootFiles,
};

use super::records::Place;
use super::settings::{network, settings};
use super::size::TaskSize;
use super::spec::CannotStart;
use super::volumes::volumes_from;

/// The defaults of a health check (ECS-SEMANTICS.md, "Health").
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES: u32 = 3;
/// Words in front of a health check's command that say there is none.
const NO_CHECK: &str = "NONE";

/// What the engine makes of a container, from an image that it has.
pub(super) fn image_root(
    task: TaskSize,
    container: &wire::ContainerDefinition,
    place: &Place,
    image: &str,
) -> Result<ImageRoot, CannotStart> {
    let linux = container.linux_parameters.as_ref();
    let init = linux.and_then(|linux| linux.init_process_enabled);
    Ok(ImageRoot {
        image: image.to_owned(),
        user: container.user.clone(),
        files: match container.readonly_root_filesystem {
            Some(true) => RootFiles::ReadOnly,
            _ => RootFiles::Writable,
        },
        init: match init {
            Some(true) => InitProcess::Reaper,
            _ => InitProcess::Command,
        },
        publish: published(container, place),
        // None of a task's containers may exceed what the task has.
        cpu_ceiling: task.cpu_units.map(CpuUnits),
        role: match container.essential {
            Some(false) => Role::Helper,
            _ => Role::Essential,
        },
        depends_on: dependencies(container)?,
        health_check: container.health_check.as_ref().and_then(health_check),
        start_timeout: container.start_timeout.and_then(seconds),
        stop_timeout: container.stop_timeout.and_then(seconds),
        // The image's own, which is not known here.
        stop_signal: None,
        volumes_from: volumes_from(container)?,
        settings: settings(container),
        network: network(container),
    })
}

fn published(container: &wire::ContainerDefinition, place: &Place) -> Vec<PublishedPort> {
    let name = container.name.as_deref().unwrap_or_default();
    let mappings = container.port_mappings.iter().flatten();
    let port = |mapping: &wire::PortMapping| {
        let container = u16::try_from(mapping.container_port?).ok()?;
        Some(PublishedPort {
            container,
            host: place.host_port(name, container)?,
            protocol: match mapping.protocol {
                Some(wire::TransportProtocol::Udp) => Protocol::Udp,
                _ => Protocol::Tcp,
            },
        })
    };
    mappings.filter_map(port).collect()
}

fn dependencies(container: &wire::ContainerDefinition) -> Result<Vec<Dependency>, CannotStart> {
    let all = container.depends_on.iter().flatten();
    all.map(|one| {
        let container = ContainerName::new(one.container_name.as_str());
        Ok(Dependency {
            container: container.map_err(|error| CannotStart(error.to_string()))?,
            condition: condition(&one.condition)?,
        })
    })
    .collect()
}

fn condition(condition: &wire::ContainerCondition) -> Result<Condition, CannotStart> {
    match condition {
        wire::ContainerCondition::Start => Ok(Condition::Start),
        wire::ContainerCondition::Complete => Ok(Condition::Complete),
        wire::ContainerCondition::Success => Ok(Condition::Success),
        wire::ContainerCondition::Healthy => Ok(Condition::Healthy),
        other => {
            let name = other.as_str();
            Err(CannotStart(format!(
                "{name} is no condition of a dependency"
            )))
        }
    }
}

fn health_check(check: &wire::HealthCheck) -> Option<HealthCheck> {
    let is_none = check.command.first().is_none_or(|word| word == NO_CHECK);
    (!is_none).then(|| HealthCheck {
        command: check.command.clone(),
        interval: check.interval.and_then(seconds).unwrap_or(INTERVAL),
        timeout: check.timeout.and_then(seconds).unwrap_or(TIMEOUT),
        retries: check
            .retries
            .and_then(|retries| u32::try_from(retries).ok())
            .unwrap_or(RETRIES),
        start_period: check.start_period.and_then(seconds),
    })
}

fn seconds(seconds: i32) -> Option<Duration> {
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::records::PlacedPort;

    fn root(container: wire::ContainerDefinition) -> ImageRoot {
        let task = TaskSize {
            cpu_units: Some(512),
            memory_mib: None,
        };
        let place = Place {
            ports: vec![PlacedPort {
                container: "api".into(),
                container_port: 8000,
                host_port: 21234,
            }],
            ..Place::default()
        };
        let container = wire::ContainerDefinition {
            name: Some("api".into()),
            ..container
        };
        image_root(task, &container, &place, "shop/api:v1").unwrap()
    }

    #[test]
    fn a_plain_container_is_essential_and_writable_with_the_ceiling_of_its_task() {
        let root = root(wire::ContainerDefinition::default());
        let expected = ImageRoot {
            image: "shop/api:v1".into(),
            cpu_ceiling: Some(CpuUnits(512)),
            ..ImageRoot::default()
        };
        assert_eq!(root, expected);
    }

    #[test]
    fn what_is_declared_is_what_the_engine_is_told() {
        let root = root(wire::ContainerDefinition {
            essential: Some(false),
            user: Some("1000:1000".into()),
            readonly_root_filesystem: Some(true),
            stop_timeout: Some(7),
            start_timeout: Some(60),
            port_mappings: Some(vec![wire::PortMapping {
                container_port: Some(8000),
                ..wire::PortMapping::default()
            }]),
            depends_on: Some(vec![wire::ContainerDependency {
                container_name: "db".into(),
                condition: wire::ContainerCondition::Healthy,
            }]),
            ..wire::ContainerDefinition::default()
        });
        assert_eq!((root.role, root.files), (Role::Helper, RootFiles::ReadOnly));
        assert_eq!(root.publish[0].host, 21234);
        assert_eq!(root.depends_on[0].condition, Condition::Healthy);
        assert_eq!(root.stop_timeout, Some(Duration::from_secs(7)));
        assert_eq!(root.start_timeout, Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_health_check_has_the_defaults_of_ecs() {
        let check = |command: &[&str]| {
            let check = wire::HealthCheck {
                command: command.iter().map(|word| (*word).to_owned()).collect(),
                ..wire::HealthCheck::default()
            };
            health_check(&check)
        };
        let found = check(&["CMD-SHELL", "true"]).unwrap();
        assert_eq!(
            (found.interval, found.timeout, found.retries),
            (INTERVAL, TIMEOUT, RETRIES)
        );
        assert_eq!(found.start_period, None);
        assert_eq!(check(&["NONE"]), None);
    }
}
