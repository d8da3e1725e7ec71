//! A service as DescribeServices shows it.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{Deployment, DeploymentStatus, RolloutState, ServiceStatus};

use super::error::EcsError;
use super::names::{cluster_arn, revision_arn, service_deployment_arn};
use super::{Ecs, int, moment, tags, time};
use crate::identity::ACCOUNT;
use crate::platform::records::{RevisionRecord, ServiceKey, ServiceRecord};
use crate::store::{ServiceEvent, StoreError};

const PLATFORM_VERSION: &str = "1.4.0";

impl Ecs {
    /// The same with what was said of it; read apart from the book, which others wait for.
    pub(super) fn with_events(
        &self,
        key: &ServiceKey,
        service: wire::Service,
    ) -> Result<wire::Service, EcsError> {
        let events = self
            .store
            .read::<_, StoreError>(|view| view.service_events(&key.to_string()))?;
        let event = |event: ServiceEvent| wire::ServiceEvent {
            id: Some(event.id),
            created_at: time(event.at),
            message: Some(event.message),
        };
        Ok(wire::Service {
            events: Some(events.into_iter().map(event).collect()),
            ..service
        })
    }
}

/// The service on the wire, without its events.
pub(super) fn service_view(
    record: &ServiceRecord,
    include: &[wire::ServiceField],
) -> wire::Service {
    let scheduler = &record.scheduler;
    let settings = &record.settings;
    let current = scheduler.current_service_deployment();
    let primary = scheduler.primary();
    // A rollback promotes an older deployment again: what it runs is what the service runs.
    let revision = record.revisions.get(&primary.id.number());
    let is_gone = scheduler.status() == ServiceStatus::Inactive;
    let shown = || scheduler.deployments().filter(|_| !is_gone);
    let with_tags = include.contains(&wire::ServiceField::Tags);
    wire::Service {
        service_arn: Some(record.key.arn()),
        service_name: Some(record.key.name.clone()),
        cluster_arn: Some(cluster_arn(&record.key.cluster)),
        status: Some(status(scheduler.status()).into()),
        desired_count: Some(int(scheduler.desired_count())),
        running_count: Some(int(scheduler.running_count())),
        pending_count: Some(int(scheduler.pending_count())),
        task_definition: Some(primary.revision.task_definition.clone()),
        load_balancers: Some(
            revision.map_or_else(Vec::new, |revision| revision.load_balancers.clone()),
        ),
        network_configuration: settings.network_configuration.clone(),
        deployment_configuration: Some(settings.deployment_configuration.clone()),
        health_check_grace_period_seconds: settings.health_check_grace_period_seconds,
        deployments: Some(shown().map(|one| deployment_view(record, one)).collect()),
        events: Some(vec![]),
        current_service_deployment: Some(service_deployment_arn(&record.key, current.id.as_str())),
        current_service_revisions: Some(
            shown()
                .map(|one| wire::ServiceCurrentRevisionSummary {
                    arn: Some(revision_arn(&record.key, one.id.number())),
                    requested_task_count: Some(int(one.desired_count)),
                    running_task_count: Some(int(scheduler.running_of(one.id))),
                    pending_task_count: Some(int(scheduler.pending_of(one.id))),
                })
                .collect(),
        ),
        created_at: time(record.created_at),
        created_by: Some(format!("arn:aws:iam::{ACCOUNT}:root")),
        launch_type: settings.launch_type.clone(),
        capacity_provider_strategy: settings.capacity_provider_strategy.clone(),
        platform_version: Some(
            settings
                .platform_version
                .clone()
                .unwrap_or_else(|| "LATEST".into()),
        ),
        platform_family: Some("Linux".into()),
        scheduling_strategy: Some(wire::SchedulingStrategy::Replica),
        deployment_controller: Some(wire::DeploymentController {
            r#type: wire::DeploymentControllerType::Ecs,
        }),
        enable_execute_command: Some(settings.enable_execute_command),
        enable_ecs_managed_tags: Some(settings.enable_ecs_managed_tags),
        availability_zone_rebalancing: Some(
            settings
                .availability_zone_rebalancing
                .clone()
                .unwrap_or(wire::AvailabilityZoneRebalancing::Disabled),
        ),
        propagate_tags: Some(
            settings
                .propagate_tags
                .clone()
                .unwrap_or(wire::PropagateTags::None),
        ),
        placement_constraints: Some(vec![]),
        placement_strategy: Some(vec![]),
        service_registries: Some(vec![]),
        tags: with_tags.then(|| tags::to_wire(&record.tags)),
        ..wire::Service::default()
    }
}

fn deployment_view(record: &ServiceRecord, deployment: &Deployment) -> wire::Deployment {
    let revision: Option<&RevisionRecord> = record.revisions.get(&deployment.id.number());
    wire::Deployment {
        id: Some(deployment.id.to_string()),
        status: Some(
            match deployment.status {
                DeploymentStatus::Primary => "PRIMARY",
                DeploymentStatus::Active => "ACTIVE",
                DeploymentStatus::Inactive => "INACTIVE",
            }
            .into(),
        ),
        task_definition: Some(deployment.revision.task_definition.clone()),
        desired_count: Some(int(deployment.desired_count)),
        running_count: Some(int(record.scheduler.running_of(deployment.id))),
        pending_count: Some(int(record.scheduler.pending_of(deployment.id))),
        failed_tasks: Some(int(deployment.failed_tasks)),
        created_at: moment(deployment.created_at),
        updated_at: moment(deployment.updated_at),
        rollout_state: Some(match deployment.rollout_state {
            RolloutState::InProgress => wire::DeploymentRolloutState::InProgress,
            RolloutState::Completed => wire::DeploymentRolloutState::Completed,
            RolloutState::Failed => wire::DeploymentRolloutState::Failed,
        }),
        rollout_state_reason: Some(deployment.rollout_state_reason.clone()),
        launch_type: revision.and_then(|revision| revision.launch_type.clone()),
        capacity_provider_strategy: revision
            .and_then(|revision| revision.capacity_provider_strategy.clone()),
        platform_version: Some(PLATFORM_VERSION.into()),
        platform_family: Some("Linux".into()),
        network_configuration: revision.and_then(|revision| revision.network_configuration.clone()),
        ..wire::Deployment::default()
    }
}

fn status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Active => "ACTIVE",
        ServiceStatus::Draining => "DRAINING",
        ServiceStatus::Inactive => "INACTIVE",
    }
}
