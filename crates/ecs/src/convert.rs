//! Between documents and the SDK's types, both ways.

use std::collections::HashMap;

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types as sdk;

use crate::document::{
    Container, DeploymentConfiguration, LogConfiguration, MountPoint, NetworkConfiguration,
    PortMapping, SecretVariable, TaskDefinition, Variable, Volume,
};

/// A container as `RegisterTaskDefinition` takes it.
pub(crate) fn container(container: &Container) -> Result<sdk::ContainerDefinition, BuildError> {
    let secrets = container.secrets.iter().map(secret);
    let log = container.log_configuration.as_ref().map(log_configuration);
    Ok(sdk::ContainerDefinition::builder()
        .name(&container.name)
        .image(&container.image)
        .essential(container.essential)
        .set_command(listed(&container.command, String::clone))
        .set_environment(listed(&container.environment, variable))
        .set_secrets(some(secrets.collect::<Result<_, _>>()?))
        .set_port_mappings(listed(&container.port_mappings, port_mapping))
        .set_mount_points(listed(&container.mount_points, mount_point))
        .set_stop_timeout(container.stop_timeout)
        .set_log_configuration(log.transpose()?)
        .build())
}

/// A volume as `RegisterTaskDefinition` takes it.
pub(crate) fn volume(volume: &Volume) -> sdk::Volume {
    sdk::Volume::builder().name(&volume.name).build()
}

/// Bounds and breaker.
pub(crate) fn deployment(configuration: &DeploymentConfiguration) -> sdk::DeploymentConfiguration {
    let breaker = &configuration.deployment_circuit_breaker;
    sdk::DeploymentConfiguration::builder()
        .minimum_healthy_percent(configuration.minimum_healthy_percent)
        .maximum_percent(configuration.maximum_percent)
        .deployment_circuit_breaker(
            sdk::DeploymentCircuitBreaker::builder()
                .enable(breaker.enable)
                .rollback(breaker.rollback)
                .build(),
        )
        .build()
}

/// Where tasks get their network interfaces.
pub(crate) fn network(
    configuration: &NetworkConfiguration,
) -> Result<sdk::NetworkConfiguration, BuildError> {
    let subnets = configuration.awsvpc_configuration.subnets.clone();
    let vpc = sdk::AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets))
        .build()?;
    Ok(sdk::NetworkConfiguration::builder()
        .awsvpc_configuration(vpc)
        .build())
}

/// A registered task definition in the form in which Seaway renders, so that the two can be
/// compared: fields that the platform adds (host ports, defaults) are left out, variables are in
/// order.
pub(crate) fn registered(definition: &sdk::TaskDefinition) -> TaskDefinition {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let name = |volume: &sdk::Volume| Volume {
        name: text(volume.name()),
    };
    let mode = definition.network_mode();
    let needed = definition.requires_compatibilities();
    TaskDefinition {
        family: text(definition.family()),
        network_mode: text(mode.map(sdk::NetworkMode::as_str)),
        requires_compatibilities: needed.iter().map(|c| c.as_str().to_owned()).collect(),
        cpu: text(definition.cpu()),
        memory: text(definition.memory()),
        volumes: definition.volumes().iter().map(name).collect(),
        container_definitions: definition
            .container_definitions()
            .iter()
            .map(registered_container)
            .collect(),
    }
}

fn registered_container(container: &sdk::ContainerDefinition) -> Container {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut environment: Vec<Variable> = container
        .environment()
        .iter()
        .map(|variable| Variable {
            name: text(variable.name()),
            value: text(variable.value()),
        })
        .collect();
    environment.sort_by(|a, b| a.name.cmp(&b.name));
    let mut secrets: Vec<SecretVariable> = container
        .secrets()
        .iter()
        .map(|secret| SecretVariable {
            name: secret.name().to_owned(),
            value_from: secret.value_from().to_owned(),
        })
        .collect();
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    let port_mapping = |mapping: &sdk::PortMapping| PortMapping {
        name: text(mapping.name()),
        container_port: mapping.container_port().unwrap_or_default(),
        protocol: mapping
            .protocol()
            .map_or("tcp", sdk::TransportProtocol::as_str)
            .to_owned(),
    };
    let mount_point = |point: &sdk::MountPoint| MountPoint {
        source_volume: text(point.source_volume()),
        container_path: text(point.container_path()),
    };
    let log = |log: &sdk::LogConfiguration| LogConfiguration {
        log_driver: log.log_driver().as_str().to_owned(),
        options: log.options().into_iter().flatten().map(owned).collect(),
    };
    Container {
        name: text(container.name()),
        image: text(container.image()),
        essential: container.essential().unwrap_or(true),
        command: container.command().to_vec(),
        environment,
        secrets,
        port_mappings: container.port_mappings().iter().map(port_mapping).collect(),
        mount_points: container.mount_points().iter().map(mount_point).collect(),
        stop_timeout: container.stop_timeout(),
        log_configuration: container.log_configuration().map(log),
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn variable(variable: &Variable) -> sdk::KeyValuePair {
    sdk::KeyValuePair::builder()
        .name(&variable.name)
        .value(&variable.value)
        .build()
}

fn secret(secret: &SecretVariable) -> Result<sdk::Secret, BuildError> {
    sdk::Secret::builder()
        .name(&secret.name)
        .value_from(&secret.value_from)
        .build()
}

fn port_mapping(mapping: &PortMapping) -> sdk::PortMapping {
    sdk::PortMapping::builder()
        .name(&mapping.name)
        .container_port(mapping.container_port)
        .protocol(mapping.protocol.as_str().into())
        .build()
}

fn mount_point(point: &MountPoint) -> sdk::MountPoint {
    sdk::MountPoint::builder()
        .source_volume(&point.source_volume)
        .container_path(&point.container_path)
        .read_only(false)
        .build()
}

fn log_configuration(log: &LogConfiguration) -> Result<sdk::LogConfiguration, BuildError> {
    let options: HashMap<String, String> = log.options.iter().map(owned).collect();
    sdk::LogConfiguration::builder()
        .log_driver(log.log_driver.as_str().into())
        .set_options(Some(options))
        .build()
}

/// Absent instead of empty, as the API's defaults are.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn listed<T, U>(items: &[T], convert: impl Fn(&T) -> U) -> Option<Vec<U>> {
    some(items.iter().map(convert).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn document() -> Container {
        let options = BTreeMap::from([("awslogs-group".to_owned(), "/seaway/a/b/c".to_owned())]);
        Container {
            name: "api".into(),
            image: "registry/api@sha256:0".into(),
            essential: true,
            command: vec!["./api".into()],
            environment: vec![Variable {
                name: "A".into(),
                value: "1".into(),
            }],
            secrets: vec![SecretVariable {
                name: "S".into(),
                value_from: "arn".into(),
            }],
            port_mappings: vec![PortMapping {
                name: "http".into(),
                container_port: 8000,
                protocol: "tcp".into(),
            }],
            mount_points: vec![MountPoint {
                source_volume: "data".into(),
                container_path: "/data".into(),
            }],
            stop_timeout: Some(30),
            log_configuration: Some(LogConfiguration {
                log_driver: "awslogs".into(),
                options,
            }),
        }
    }

    #[test]
    fn what_was_registered_reads_back_as_rendered() {
        let rendered = TaskDefinition {
            family: "shop-local-api".into(),
            network_mode: "awsvpc".into(),
            requires_compatibilities: vec!["FARGATE".into()],
            cpu: "256".into(),
            memory: "512".into(),
            volumes: vec![Volume {
                name: "data".into(),
            }],
            container_definitions: vec![document()],
        };
        let mut answered = container(&rendered.container_definitions[0]).expect("complete");
        // What ECS adds on its own.
        answered.cpu = 0;
        if let Some(mapping) = answered.port_mappings.iter_mut().flatten().next() {
            mapping.host_port = Some(8000);
        }
        let answer = sdk::TaskDefinition::builder()
            .family(&rendered.family)
            .network_mode(sdk::NetworkMode::Awsvpc)
            .requires_compatibilities(sdk::Compatibility::Fargate)
            .cpu(&rendered.cpu)
            .memory(&rendered.memory)
            .volumes(volume(&rendered.volumes[0]))
            .container_definitions(answered)
            .build();
        assert_eq!(registered(&answer), rendered);
    }

    #[test]
    fn variables_are_compared_whatever_their_order() {
        let pair = |name: &str| sdk::KeyValuePair::builder().name(name).value("1").build();
        let answer = sdk::ContainerDefinition::builder()
            .environment(pair("B"))
            .environment(pair("A"))
            .build();
        let names: Vec<String> = registered_container(&answer)
            .environment
            .into_iter()
            .map(|variable| variable.name)
            .collect();
        assert_eq!(names, ["A", "B"]);
    }
}
