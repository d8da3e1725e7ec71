//! Task definitions: registered, never changed, kept for as long as something may need them.

use std::collections::BTreeMap;

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::container_settings::check_settings;
use super::dependencies::check_dependencies;
use super::error::EcsError;
use super::names::is_identifier;
use super::paging::{page, part};
use super::tags;
use crate::clock::EpochMillis;
use crate::identity::{ACCOUNT, arn};
use crate::platform::definitions;
use crate::platform::records::{TaskDefinitionRecord, task_definition_key};
use crate::platform::size::{cpu_units, memory_mib};
use crate::store::StoreError;

/// Most task definitions that one call may delete.
const DELETED_AT_ONCE: usize = 10;

impl Ecs {
    pub(super) fn register(
        &self,
        request: wire::RegisterTaskDefinitionRequest,
        now: EpochMillis,
    ) -> Result<wire::RegisterTaskDefinitionResponse, EcsError> {
        check(&request)?;
        let family = request.family.clone();
        let tags = tags::from_wire(request.tags.clone())?;
        let record = self.store.write::<_, EcsError>(|tx| {
            let revision = tx.next_number(&format!("task-definition/{family}"))?;
            let revision = i32::try_from(revision)
                .map_err(|_| EcsError::Client("Too many revisions of the family.".into()))?;
            let definition = finished(request, revision, now);
            let record = TaskDefinitionRecord { definition, tags };
            tx.put(&task_definition_key(&family, i64::from(revision)), &record)?;
            Ok(record)
        })?;
        Ok(wire::RegisterTaskDefinitionResponse {
            tags: Some(tags::to_wire(&record.tags)),
            task_definition: Some(record.definition),
        })
    }

    pub(super) fn describe_task_definition(
        &self,
        request: wire::DescribeTaskDefinitionRequest,
    ) -> Result<wire::DescribeTaskDefinitionResponse, EcsError> {
        let found = definitions::find(&self.store, &request.task_definition)?;
        let record = found.ok_or_else(EcsError::no_definition)?;
        let include = request.include.unwrap_or_default();
        let with_tags = include.contains(&wire::TaskDefinitionField::Tags);
        Ok(wire::DescribeTaskDefinitionResponse {
            tags: with_tags.then(|| tags::to_wire(&record.tags)),
            task_definition: Some(record.definition),
        })
    }

    pub(super) fn list_task_definitions(
        &self,
        request: wire::ListTaskDefinitionsRequest,
    ) -> Result<wire::ListTaskDefinitionsResponse, EcsError> {
        let status = request.status.unwrap_or(wire::TaskDefinitionStatus::Active);
        let family = request.family_prefix.as_deref();
        let of_family = |record: &TaskDefinitionRecord| {
            family.is_none_or(|family| record.definition.family.as_deref() == Some(family))
        };
        let prefix = family
            .map(|family| format!("{family}:"))
            .unwrap_or_default();
        let mut found = self.definitions(&prefix)?;
        found
            .retain(|record| of_family(record) && record.definition.status == Some(status.clone()));
        found.sort_by_cached_key(place_in_list);
        let part = part(request.next_token.as_deref(), request.max_results);
        let (found, next_token) = match request.sort {
            Some(wire::SortOrder::Desc) => {
                found.reverse();
                part.of_descending(found, place_in_list)?
            }
            _ => part.of(found, place_in_list)?,
        };
        let arns = found
            .into_iter()
            .filter_map(|record| record.definition.task_definition_arn);
        Ok(wire::ListTaskDefinitionsResponse {
            task_definition_arns: Some(arns.collect()),
            next_token,
        })
    }

    pub(super) fn list_families(
        &self,
        request: wire::ListTaskDefinitionFamiliesRequest,
    ) -> Result<wire::ListTaskDefinitionFamiliesResponse, EcsError> {
        let mut active: BTreeMap<String, bool> = BTreeMap::new();
        for record in self.definitions(request.family_prefix.as_deref().unwrap_or_default())? {
            let family = record.definition.family.clone().unwrap_or_default();
            *active.entry(family).or_default() |= definitions::is_active(&record);
        }
        let wanted = |is_active: bool| match &request.status {
            Some(wire::TaskDefinitionFamilyStatus::Active) => is_active,
            Some(wire::TaskDefinitionFamilyStatus::Inactive) => !is_active,
            _ => true,
        };
        let families = active
            .into_iter()
            .filter(|(_, is)| wanted(*is))
            .map(|(name, _)| name);
        let page = page(
            families.collect(),
            request.next_token.as_deref(),
            request.max_results,
        )?;
        Ok(wire::ListTaskDefinitionFamiliesResponse {
            families: Some(page.items),
            next_token: page.next,
        })
    }

    pub(super) fn deregister(
        &self,
        request: wire::DeregisterTaskDefinitionRequest,
        now: EpochMillis,
    ) -> Result<wire::DeregisterTaskDefinitionResponse, EcsError> {
        if !request.task_definition.contains(':') {
            return Err(EcsError::Client("Revision is missing.".into()));
        }
        let found = definitions::find(&self.store, &request.task_definition)?;
        let mut record = found.ok_or_else(EcsError::no_definition)?;
        record.definition.status = Some(wire::TaskDefinitionStatus::Inactive);
        record.definition.deregistered_at = super::time(now);
        self.put_definition(&record)?;
        Ok(wire::DeregisterTaskDefinitionResponse {
            task_definition: Some(record.definition),
        })
    }

    pub(super) fn delete_task_definitions(
        &self,
        request: wire::DeleteTaskDefinitionsRequest,
        now: EpochMillis,
    ) -> Result<wire::DeleteTaskDefinitionsResponse, EcsError> {
        if request.task_definitions.len() > DELETED_AT_ONCE {
            let text =
                format!("At most {DELETED_AT_ONCE} task definitions can be deleted at once.");
            return Err(EcsError::Parameter(text));
        }
        let (mut deleted, mut failures) = (vec![], vec![]);
        for name in request.task_definitions {
            match definitions::find(&self.store, &name)? {
                None => failures.push(super::missing(name)),
                Some(record) if definitions::is_active(&record) => failures.push(wire::Failure {
                    arn: record.definition.task_definition_arn,
                    reason: Some(
                        "The specified task definition is still in ACTIVE status. \
                         Please deregister the target and try again."
                            .into(),
                    ),
                    detail: None,
                }),
                Some(mut record) => {
                    record.definition.status = Some(wire::TaskDefinitionStatus::DeleteInProgress);
                    record.definition.delete_requested_at = super::time(now);
                    self.put_definition(&record)?;
                    deleted.push(record.definition);
                }
            }
        }
        Ok(wire::DeleteTaskDefinitionsResponse {
            task_definitions: Some(deleted),
            failures: Some(failures),
        })
    }

    /// The definition that new tasks may be started from.
    pub(super) fn active_definition(&self, name: &str) -> Result<wire::TaskDefinition, EcsError> {
        Ok(self.active_definition_record(name)?.definition)
    }

    /// The same with its tags.
    pub(super) fn active_definition_record(
        &self,
        name: &str,
    ) -> Result<TaskDefinitionRecord, EcsError> {
        let found = definitions::find(&self.store, name)?;
        let record = found.ok_or_else(|| EcsError::Client("TaskDefinition not found.".into()))?;
        if definitions::is_active(&record) {
            return Ok(record);
        }
        Err(EcsError::Client("TaskDefinition is inactive".into()))
    }

    fn definitions(&self, prefix: &str) -> Result<Vec<TaskDefinitionRecord>, StoreError> {
        let all = self
            .store
            .read(|view| view.list::<TaskDefinitionRecord>(prefix))?;
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }
}

/// Sorts definitions by family, then by revision: the space is before all that a family may have.
fn place_in_list(record: &TaskDefinitionRecord) -> String {
    let family = record.definition.family.as_deref().unwrap_or_default();
    let revision = record.definition.revision.unwrap_or_default();
    format!("{family} {revision:010}")
}

/// What the model alone does not say.
fn check(request: &wire::RegisterTaskDefinitionRequest) -> Result<(), EcsError> {
    if !is_identifier(&request.family) {
        return Err(EcsError::Client(
            "Family contains invalid characters.".into(),
        ));
    }
    if request.container_definitions.is_empty() {
        return Err(EcsError::Client("Container list cannot be empty.".into()));
    }
    let mut names = std::collections::BTreeSet::new();
    for container in &request.container_definitions {
        let name = container.name.as_deref().unwrap_or_default();
        if name.is_empty() || container.image.as_deref().unwrap_or_default().is_empty() {
            let text = "Container.name and Container.image should not be null or empty.";
            return Err(EcsError::Client(text.into()));
        }
        if !is_identifier(name) {
            let text = "Container.name contains invalid characters.";
            return Err(EcsError::Client(text.into()));
        }
        if !names.insert(name) {
            return Err(EcsError::Client(format!(
                "Duplicate container name: {name}."
            )));
        }
    }
    check_dependencies(&request.container_definitions).map_err(EcsError::Client)?;
    check_settings(request).map_err(EcsError::Client)?;
    let volumes = request.volumes.iter().flatten();
    if let Some(volume) = volumes
        .filter_map(|volume| volume.name.as_deref())
        .find(|name| !is_identifier(name))
    {
        return Err(EcsError::Client(format!(
            "Volume name {volume} contains invalid characters."
        )));
    }
    let essential = |c: &wire::ContainerDefinition| c.essential != Some(false);
    if !request.container_definitions.iter().any(essential) {
        let text = "Task definition does not have any essential containers.";
        return Err(EcsError::Client(text.into()));
    }
    Ok(())
}

fn finished(
    request: wire::RegisterTaskDefinitionRequest,
    revision: i32,
    now: EpochMillis,
) -> wire::TaskDefinition {
    let name = format!("task-definition/{}:{revision}", request.family);
    let compatible = compatibilities(&request);
    let containers = request.container_definitions.into_iter();
    let containers =
        containers.map(|container| container_with_defaults(container, &request.network_mode));
    wire::TaskDefinition {
        task_definition_arn: Some(arn("ecs", &name)),
        family: Some(request.family),
        revision: Some(revision),
        status: Some(wire::TaskDefinitionStatus::Active),
        container_definitions: Some(containers.collect()),
        volumes: Some(request.volumes.unwrap_or_default()),
        cpu: request.cpu.map(|text| in_numbers(text, cpu_units)),
        memory: request.memory.map(|text| in_numbers(text, memory_mib)),
        network_mode: request.network_mode,
        execution_role_arn: request.execution_role_arn,
        task_role_arn: request.task_role_arn,
        requires_compatibilities: request.requires_compatibilities,
        compatibilities: Some(compatible),
        placement_constraints: Some(request.placement_constraints.unwrap_or_default()),
        ephemeral_storage: request.ephemeral_storage,
        runtime_platform: request.runtime_platform,
        pid_mode: request.pid_mode,
        ipc_mode: request.ipc_mode,
        proxy_configuration: request.proxy_configuration,
        registered_at: super::time(now),
        registered_by: Some(format!("arn:aws:iam::{ACCOUNT}:root")),
        ..wire::TaskDefinition::default()
    }
}

/// An amount as ECS keeps it: without words.
fn in_numbers<T: ToString>(text: String, amount: fn(&str) -> Option<T>) -> String {
    amount(&text).map_or(text, |number| number.to_string())
}

/// What ECS adds to a container that says nothing of it.
fn container_with_defaults(
    container: wire::ContainerDefinition,
    network_mode: &Option<wire::NetworkMode>,
) -> wire::ContainerDefinition {
    // Such a task has addresses of its own: the host's port is the container's.
    let own_address = *network_mode == Some(wire::NetworkMode::Awsvpc);
    let ports = container.port_mappings.unwrap_or_default().into_iter();
    let ports = ports.map(|mapping| wire::PortMapping {
        host_port: match mapping.host_port {
            None | Some(0) if own_address => mapping.container_port,
            None => Some(0),
            given => given,
        },
        protocol: Some(mapping.protocol.unwrap_or(wire::TransportProtocol::Tcp)),
        ..mapping
    });
    wire::ContainerDefinition {
        essential: Some(container.essential.unwrap_or(true)),
        cpu: Some(container.cpu.unwrap_or(0)),
        port_mappings: Some(ports.collect()),
        environment: Some(container.environment.unwrap_or_default()),
        mount_points: Some(container.mount_points.unwrap_or_default()),
        volumes_from: Some(container.volumes_from.unwrap_or_default()),
        system_controls: Some(container.system_controls.unwrap_or_default()),
        ..container
    }
}

/// Where ECS says the definition could run, which is more than what it requires.
fn compatibilities(request: &wire::RegisterTaskDefinitionRequest) -> Vec<wire::Compatibility> {
    use wire::Compatibility::{Ec2, External, Fargate};
    let sized = request.cpu.is_some() && request.memory.is_some();
    match request.network_mode {
        Some(wire::NetworkMode::Awsvpc) if sized => vec![Ec2, Fargate],
        Some(wire::NetworkMode::Awsvpc) => vec![Ec2],
        _ => vec![External, Ec2],
    }
}
