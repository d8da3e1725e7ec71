//! A task as DescribeTasks shows it.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{ContainerState, DesiredStatus, HealthStatus, StopCode, Task, TaskStatus};

use super::names::{cluster_arn, task_arn};
use super::{int, moment, tags};
use crate::identity::arn;
use crate::platform::records::{Place, ServiceRecord, StandaloneRecord, StoppedRecord, TaskAbout};
use crate::platform::size::TaskSize;

/// The machine is one zone.
const ZONE: &str = "us-east-1a";

/// Everything known of one task, wherever it is kept.
pub(super) struct Seen {
    pub(super) about: TaskAbout,
    pub(super) task: Task,
    pub(super) place: Place,
}

impl Seen {
    /// A task of a service.
    pub(super) fn of_service(record: &ServiceRecord, task: &Task) -> Self {
        let tags = record.task_tags.get(task.id.as_str());
        let about = TaskAbout {
            cluster: record.key.cluster.clone(),
            group: format!("service:{}", record.key.name),
            started_by: task.deployment.map(|deployment| deployment.to_string()),
            launch_type: record.settings.launch_type.clone(),
            tags: tags.cloned().unwrap_or_default(),
            ..TaskAbout::default()
        };
        let place = record
            .places
            .get(task.id.as_str())
            .cloned()
            .unwrap_or_default();
        Self {
            about,
            task: task.clone(),
            place,
        }
    }

    pub(super) fn arn(&self) -> String {
        task_arn(&self.about.cluster, self.task.id.as_str())
    }
}

impl From<&StandaloneRecord> for Seen {
    fn from(record: &StandaloneRecord) -> Self {
        Self {
            about: record.about.clone(),
            task: record.scheduler.task().clone(),
            place: record.place.clone(),
        }
    }
}

impl From<StoppedRecord> for Seen {
    fn from(record: StoppedRecord) -> Self {
        Self {
            about: record.about,
            task: record.task,
            place: record.place,
        }
    }
}

/// The task on the wire.
pub(super) fn task_view(seen: &Seen, definition: Option<wire::TaskDefinition>) -> wire::Task {
    let task = &seen.task;
    let (cpu, memory) = sizes(definition.as_ref(), seen.about.overrides.as_ref());
    let containers = task.containers.iter();
    let containers =
        containers.map(|container| container_view(seen, container, definition.as_ref()));
    wire::Task {
        task_arn: Some(seen.arn()),
        task_definition_arn: Some(task.task_definition.clone()),
        cluster_arn: Some(cluster_arn(&seen.about.cluster)),
        group: Some(seen.about.group.clone()),
        started_by: seen.about.started_by.clone(),
        // Also where a capacity provider chose it: both are Fargate's.
        launch_type: seen
            .about
            .launch_type
            .clone()
            .or(Some(wire::LaunchType::Fargate)),
        capacity_provider_name: seen.place.capacity_provider.clone(),
        last_status: Some(status(task.status).into()),
        desired_status: Some(
            match task.desired {
                DesiredStatus::Running => "RUNNING",
                DesiredStatus::Stopped => "STOPPED",
            }
            .into(),
        ),
        health_status: Some(health(task.health())),
        containers: Some(containers.collect()),
        overrides: Some(overrides(seen)),
        availability_zone: Some(ZONE.into()),
        attachments: Some(vec![]),
        attributes: Some(vec![]),
        cpu,
        memory,
        platform_family: Some("Linux".into()),
        platform_version: Some("1.4.0".into()),
        connectivity: Some(wire::Connectivity::Connected),
        connectivity_at: moment(task.created_at),
        created_at: moment(task.created_at),
        pull_started_at: task.pull_started_at.and_then(moment),
        pull_stopped_at: task.pull_stopped_at.and_then(moment),
        started_at: task.started_at.and_then(moment),
        stopping_at: task.stopping_at.and_then(moment),
        execution_stopped_at: task.execution_stopped_at.and_then(moment),
        stopped_at: task.stopped_at.and_then(moment),
        stop_code: task.stop_code.map(stop_code),
        stopped_reason: task.stopped_reason.clone(),
        enable_execute_command: Some(false),
        tags: Some(tags::to_wire(&seen.about.tags)),
        version: Some(1),
        ..wire::Task::default()
    }
}

/// What the task was started with, with a word of each container.
fn overrides(seen: &Seen) -> wire::TaskOverride {
    let given = seen.about.overrides.clone().unwrap_or_default();
    let mut containers = given.container_overrides.unwrap_or_default();
    for container in &seen.task.containers {
        let name = Some(&container.name);
        if !containers.iter().any(|one| one.name.as_ref() == name) {
            containers.push(wire::ContainerOverride {
                name: name.cloned(),
                ..wire::ContainerOverride::default()
            });
        }
    }
    wire::TaskOverride {
        container_overrides: Some(containers),
        inference_accelerator_overrides: Some(vec![]),
        ..given
    }
}

/// CPU and memory of the task as ECS shows them: in units and MiB, whatever the words were.
fn sizes(
    definition: Option<&wire::TaskDefinition>,
    overrides: Option<&wire::TaskOverride>,
) -> (Option<String>, Option<String>) {
    let size = definition.map(|definition| TaskSize::of(definition, overrides));
    let size = size.unwrap_or_default();
    let (cpu, memory) = (size.cpu_units, size.memory_mib);
    (
        cpu.map(|units| units.to_string()),
        memory.map(|mib| mib.to_string()),
    )
}

fn container_view(
    seen: &Seen,
    container: &ContainerState,
    definition: Option<&wire::TaskDefinition>,
) -> wire::Container {
    let mut defined = definition
        .into_iter()
        .flat_map(|d| d.container_definitions.iter().flatten());
    let defined = defined.find(|one| one.name.as_deref() == Some(&container.name));
    let overridden = seen.about.overrides.as_ref();
    let overridden = overridden.and_then(|all| all.container_overrides.as_ref());
    let mut overridden = overridden.into_iter().flatten();
    let overridden = overridden.find(|one| one.name.as_deref() == Some(&container.name));
    let shown = |of_definition: Option<i32>, of_override: Option<i32>| {
        of_override
            .or(of_definition)
            .map(|number| number.to_string())
    };
    let id = seen.task.id.as_str();
    let name = format!("container/{}/{id}/{}", seen.about.cluster, container.name);
    let ports = seen
        .place
        .ports
        .iter()
        .filter(|port| port.container == container.name);
    wire::Container {
        container_arn: Some(arn("ecs", &name)),
        task_arn: Some(seen.arn()),
        name: Some(container.name.clone()),
        image: defined.and_then(|one| one.image.clone()),
        image_digest: container.image_digest.clone(),
        runtime_id: Some(format!("{id}-{}", container.name)),
        last_status: Some(container_status(&seen.task, container).into()),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
        health_status: Some(health(container.health)),
        network_bindings: Some(
            ports
                .map(|port| wire::NetworkBinding {
                    bind_ip: Some("127.0.0.1".into()),
                    container_port: Some(int(port.container_port)),
                    host_port: Some(int(port.host_port)),
                    protocol: Some(wire::TransportProtocol::Tcp),
                    ..wire::NetworkBinding::default()
                })
                .collect(),
        ),
        network_interfaces: Some(vec![]),
        cpu: shown(
            defined.and_then(|one| one.cpu),
            overridden.and_then(|one| one.cpu),
        ),
        memory: shown(
            defined.and_then(|one| one.memory),
            overridden.and_then(|one| one.memory),
        ),
        memory_reservation: shown(
            defined.and_then(|one| one.memory_reservation),
            overridden.and_then(|one| one.memory_reservation),
        ),
        ..wire::Container::default()
    }
}

fn status(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Provisioning => "PROVISIONING",
        TaskStatus::Pending => "PENDING",
        TaskStatus::Activating => "ACTIVATING",
        TaskStatus::Running => "RUNNING",
        TaskStatus::Deactivating => "DEACTIVATING",
        TaskStatus::Stopping => "STOPPING",
        TaskStatus::Deprovisioning => "DEPROVISIONING",
        TaskStatus::Stopped => "STOPPED",
    }
}

/// A container is told to be on its way, running or over, and nothing in between.
fn container_status(task: &Task, container: &ContainerState) -> &'static str {
    match task.status {
        _ if container.exited => "STOPPED",
        TaskStatus::Provisioning | TaskStatus::Pending => "PENDING",
        TaskStatus::Deactivating | TaskStatus::Stopping if task.started_at.is_none() => "PENDING",
        TaskStatus::Activating
        | TaskStatus::Running
        | TaskStatus::Deactivating
        | TaskStatus::Stopping => "RUNNING",
        TaskStatus::Deprovisioning | TaskStatus::Stopped => "STOPPED",
    }
}

fn health(health: HealthStatus) -> wire::HealthStatus {
    match health {
        HealthStatus::Healthy => wire::HealthStatus::Healthy,
        HealthStatus::Unhealthy => wire::HealthStatus::Unhealthy,
        HealthStatus::Unknown => wire::HealthStatus::Unknown,
    }
}

fn stop_code(code: StopCode) -> wire::TaskStopCode {
    match code {
        StopCode::TaskFailedToStart => wire::TaskStopCode::TaskFailedToStart,
        StopCode::EssentialContainerExited => wire::TaskStopCode::EssentialContainerExited,
        StopCode::UserInitiated => wire::TaskStopCode::UserInitiated,
        StopCode::ServiceSchedulerInitiated => wire::TaskStopCode::ServiceSchedulerInitiated,
        StopCode::InfrastructureHealth => wire::TaskStopCode::InfrastructureHealth,
    }
}
