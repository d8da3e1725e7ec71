//! A service's task definition. Nothing about a machine enters it: no port of a platform, no path.

use std::collections::BTreeMap;

use seaway_core::digest::ImageRef;
use seaway_core::environment::{SecretRef, Service};
use seaway_core::name::ServiceName;

use super::Scene;
use crate::document::{
    Container, LogConfiguration, MountPoint, PortMapping, SecretVariable, TaskDefinition, Variable,
    Volume,
};
use crate::names::{STREAM_PREFIX, url_variable};

/// Name of the port mapping, by which Service Connect finds it.
const PORT_NAME: &str = "http";

impl Scene<'_> {
    pub(super) fn task_definition(&self, service: &Service, image: &ImageRef) -> TaskDefinition {
        let mount_point = |(name, path): (&String, &String)| MountPoint {
            source_volume: name.clone(),
            container_path: path.clone(),
        };
        let port_mapping = |port| PortMapping {
            name: PORT_NAME.into(),
            container_port: i32::from(port),
            protocol: "tcp".into(),
        };
        let container = Container {
            name: service.name.to_string(),
            image: image.to_string(),
            essential: true,
            command: service.command.clone(),
            environment: self.service_variables(service),
            secrets: self.secret_variables(&service.secrets),
            port_mappings: service.port.into_iter().map(port_mapping).collect(),
            mount_points: service.volumes.iter().map(mount_point).collect(),
            stop_timeout: Some(whole(service.stop_timeout.0)),
            log_configuration: Some(self.log_configuration(service.name.as_str())),
        };
        let volume = |name: &String| Volume { name: name.clone() };
        TaskDefinition {
            family: self.identity.service_family(&service.name),
            volumes: service.volumes.keys().map(volume).collect(),
            ..fargate(service.cpu, service.memory, container)
        }
    }

    /// What the manifest says, and what follows from it: `PORT` and the addresses of the services
    /// it uses. What the manifest sets itself wins. The embedded platform's process runtime
    /// replaces `PORT` by the port it really assigned.
    fn service_variables(&self, service: &Service) -> Vec<Variable> {
        let mut variables = self.addresses(&service.uses);
        if let Some(port) = service.port {
            variables.insert("PORT".into(), port.to_string());
        }
        variables.extend(service.env.clone());
        listed(variables, &service.secrets)
    }

    /// `CATALOG_URL=http://catalog.shop.internal` for each service that is used.
    pub(super) fn addresses(&self, uses: &[ServiceName]) -> BTreeMap<String, String> {
        let address = |service: &ServiceName| {
            let url = format!("http://{}", self.identity.internal_host(service));
            (url_variable(service), url)
        };
        uses.iter().map(address).collect()
    }

    pub(super) fn secret_variables(
        &self,
        secrets: &BTreeMap<String, SecretRef>,
    ) -> Vec<SecretVariable> {
        let variable = |(name, reference): (&String, &SecretRef)| SecretVariable {
            name: name.clone(),
            value_from: self.home.secret_source(&self.identity, reference),
        };
        secrets.iter().map(variable).collect()
    }

    pub(super) fn log_configuration(&self, source: &str) -> LogConfiguration {
        let options = [
            ("awslogs-group", self.identity.log_group(source)),
            ("awslogs-region", self.home.region.clone()),
            ("awslogs-stream-prefix", STREAM_PREFIX.to_owned()),
        ];
        LogConfiguration {
            log_driver: "awslogs".into(),
            options: options
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        }
    }
}

/// Variables in the order of their names; ECS refuses one that is a secret as well.
pub(super) fn listed(
    variables: BTreeMap<String, String>,
    secrets: &BTreeMap<String, SecretRef>,
) -> Vec<Variable> {
    variables
        .into_iter()
        .filter(|(name, _)| !secrets.contains_key(name))
        .map(|(name, value)| Variable { name, value })
        .collect()
}

/// A Fargate task of one container, without a family.
pub(super) fn fargate(cpu: u32, memory: u32, container: Container) -> TaskDefinition {
    TaskDefinition {
        family: String::new(),
        network_mode: "awsvpc".into(),
        requires_compatibilities: vec!["FARGATE".into()],
        cpu: cpu.to_string(),
        memory: memory.to_string(),
        volumes: vec![],
        container_definitions: vec![container],
    }
}

/// A number as the API's signed integers hold it.
pub(super) fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
