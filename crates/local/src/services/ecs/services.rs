//! Services: create, update, delete, describe, list.

use std::collections::BTreeMap;
use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{
    Container, Millis, NewService, Request, Revision, Service, ServiceUpdate, TargetGroup,
    TargetGroupArn,
};

use super::Ecs;
use super::capacity_providers::Capacity;
use super::configuration::{for_scheduler, merged};
use super::error::EcsError;
use super::fargate::check_launch;
use super::names::{is_identifier, service_in};
use super::network::{check_network, check_platform_version};
use super::paging::page;
use super::service_view::service_view;
use super::{tags, unsupported};
use crate::clock::EpochMillis;
use crate::platform::records::{
    ClusterRecord, RevisionRecord, ServiceKey, ServiceRecord, ServiceSettings,
};

/// Most services that one DescribeServices may name.
const DESCRIBED_AT_ONCE: usize = 10;
/// A container's stop time-out where its definition names none.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

impl Ecs {
    pub(super) fn create_service(
        &self,
        request: wire::CreateServiceRequest,
        now: EpochMillis,
    ) -> Result<wire::CreateServiceResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        if !is_identifier(&request.service_name) {
            let text = "The service name can have up to 255 letters, digits, underscores and \
                        hyphens.";
            return Err(EcsError::Parameter(text.into()));
        }
        let key = ServiceKey {
            cluster: cluster.name.clone(),
            name: request.service_name.clone(),
        };
        let record = self.new_service(request, &cluster, key.clone(), now)?;
        let view = self.platform.change(|book| {
            if let Some(existing) = book
                .service(&key)
                .filter(|service| super::is_active(service))
            {
                let same =
                    existing.client_token.is_some() && existing.client_token == record.client_token;
                if same {
                    return Ok(service_view(existing, &[]));
                }
                let text = "Creation of service was not idempotent.";
                return Err(EcsError::Parameter(text.into()));
            }
            if book
                .service(&key)
                .is_some_and(|service| !service.scheduler.tasks().is_empty())
            {
                let text = "Unable to Start a service that is still Draining.";
                return Err(EcsError::Parameter(text.into()));
            }
            let mut record = record;
            let commands = record.begin(now);
            book.add_service(record, commands);
            let added = book.service(&key).ok_or(EcsError::ServiceNotFound)?;
            Ok(service_view(added, &[wire::ServiceField::Tags]))
        })?;
        Ok(wire::CreateServiceResponse {
            service: Some(view),
        })
    }

    pub(super) fn update_service(
        &self,
        request: wire::UpdateServiceRequest,
        now: EpochMillis,
    ) -> Result<wire::UpdateServiceResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        let key = service_in(&cluster.name, &request.service)?;
        let view = self.platform.change(|book| {
            let service = book.service(&key).ok_or(EcsError::ServiceNotFound)?;
            if !super::is_active(service) {
                return Err(EcsError::ServiceNotActive);
            }
            let (settings, update) =
                self.updated(&service.current_settings(), &cluster, request)?;
            let changed = book.change_service(&key, |record| {
                let commands = record
                    .scheduler
                    .request(Millis(now.0), Request::Update(update))
                    .map_err(EcsError::from)?;
                record.settings = settings;
                record.note_revision(now);
                Ok::<_, EcsError>(((), commands))
            });
            changed.unwrap_or(Err(EcsError::ServiceNotFound))?;
            let record = book.service(&key).ok_or(EcsError::ServiceNotFound)?;
            Ok::<_, EcsError>(service_view(record, &[wire::ServiceField::Tags]))
        })?;
        Ok(wire::UpdateServiceResponse {
            service: Some(self.with_events(&key, view)?),
        })
    }

    pub(super) fn delete_service(
        &self,
        request: wire::DeleteServiceRequest,
        now: EpochMillis,
    ) -> Result<wire::DeleteServiceResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        let key = service_in(&cluster.name, &request.service)?;
        let view = self.platform.change(|book| {
            let service = book.service(&key).ok_or(EcsError::ServiceNotFound)?;
            // Who deletes it again learns how far it is.
            if !super::is_active(service) {
                return Ok(service_view(service, &[]));
            }
            let scaled_down = service.scheduler.desired_count() == 0;
            if !scaled_down && request.force != Some(true) {
                let text = "The service cannot be stopped while it is scaled above 0.";
                return Err(EcsError::Parameter(text.into()));
            }
            let changed = book.change_service(&key, |record| {
                let commands = record.scheduler.request(Millis(now.0), Request::Delete)?;
                Ok::<_, EcsError>(((), commands))
            });
            changed.unwrap_or(Err(EcsError::ServiceNotFound))?;
            let record = book.service(&key).ok_or(EcsError::ServiceNotFound)?;
            Ok::<_, EcsError>(service_view(record, &[]))
        })?;
        Ok(wire::DeleteServiceResponse {
            service: Some(self.with_events(&key, view)?),
        })
    }

    pub(super) fn describe_services(
        &self,
        request: wire::DescribeServicesRequest,
    ) -> Result<wire::DescribeServicesResponse, EcsError> {
        if request.services.is_empty() {
            return Err(EcsError::Parameter("Services cannot be empty.".into()));
        }
        if request.services.len() > DESCRIBED_AT_ONCE {
            let text = format!("Services may not have more than {DESCRIBED_AT_ONCE} items.");
            return Err(EcsError::Parameter(text));
        }
        let cluster = self.cluster(request.cluster.as_deref())?;
        let include = request.include.unwrap_or_default();
        let (mut found, mut failures) = (vec![], vec![]);
        {
            let book = self.platform.book();
            for given in request.services {
                let key = service_in(&cluster.name, &given)?;
                match book.service(&key) {
                    Some(record) => found.push((key, service_view(record, &include))),
                    None => failures.push(super::missing(key.arn())),
                }
            }
        }
        let services = found
            .into_iter()
            .map(|(key, service)| self.with_events(&key, service))
            .collect::<Result<_, _>>()?;
        Ok(wire::DescribeServicesResponse {
            services: Some(services),
            failures: Some(failures),
        })
    }

    pub(super) fn list_services(
        &self,
        request: wire::ListServicesRequest,
    ) -> Result<wire::ListServicesResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        let of_type = |service: &ServiceRecord| {
            request.launch_type.is_none() || service.settings.launch_type == request.launch_type
        };
        // There are no DAEMON services.
        let daemons = request.scheduling_strategy == Some(wire::SchedulingStrategy::Daemon);
        let book = self.platform.book();
        let active = book
            .services_of(&cluster.name)
            .filter(|service| super::is_active(service) && of_type(service) && !daemons);
        let arns = active.map(|service| service.key.arn()).collect();
        // AWS's default page is ten services.
        let size = request.max_results.or(Some(10));
        let page = page(arns, request.next_token.as_deref(), size)?;
        Ok(wire::ListServicesResponse {
            service_arns: Some(page.items),
            next_token: page.next,
        })
    }

    fn new_service(
        &self,
        request: wire::CreateServiceRequest,
        cluster: &ClusterRecord,
        key: ServiceKey,
        now: EpochMillis,
    ) -> Result<ServiceRecord, EcsError> {
        unsupported::check_new(&request)?;
        let name = request
            .task_definition
            .ok_or_else(|| EcsError::Parameter("TaskDefinition cannot be blank.".into()))?;
        let definition = self.active_definition(&name)?;
        let desired = request.desired_count.unwrap_or(0);
        let desired_count = u32::try_from(desired)
            .map_err(|_| EcsError::Parameter("Desired count must not be negative.".into()))?;
        check_launch(
            &definition,
            request.launch_type.as_ref(),
            request.capacity_provider_strategy.as_deref(),
        )
        .map_err(EcsError::Parameter)?;
        let capacity = Capacity::asked_for(
            cluster,
            request.launch_type,
            request.capacity_provider_strategy,
        )?;
        let settings = ServiceSettings {
            task_definition: definition.task_definition_arn.clone().unwrap_or_default(),
            load_balancers: request.load_balancers.unwrap_or_default(),
            network_configuration: request.network_configuration,
            deployment_configuration: merged(
                &wire::DeploymentConfiguration::default(),
                request.deployment_configuration,
            )?,
            health_check_grace_period_seconds: request.health_check_grace_period_seconds,
            launch_type: capacity.launch_type,
            capacity_provider_strategy: capacity.strategy,
            platform_version: request.platform_version,
            propagate_tags: request.propagate_tags,
            enable_execute_command: request.enable_execute_command.unwrap_or(false),
            enable_ecs_managed_tags: request.enable_ecs_managed_tags.unwrap_or(false),
            availability_zone_rebalancing: Some(
                request
                    .availability_zone_rebalancing
                    .unwrap_or(wire::AvailabilityZoneRebalancing::Enabled),
            ),
        };
        let revision = self.revision(&definition, &settings)?;
        let configuration = for_scheduler(
            &settings.deployment_configuration,
            settings.health_check_grace_period_seconds,
        );
        let (scheduler, _) = Service::create(
            Millis(now.0),
            NewService {
                name: key.name.clone(),
                seed: rand::random(),
                profile: self.platform.profile().scheduler(),
                revision,
                desired_count,
                configuration,
            },
        );
        Ok(ServiceRecord {
            key,
            created_at: now,
            client_token: request.client_token,
            tags: tags::from_wire(request.tags)?,
            settings,
            revisions: BTreeMap::new(),
            scheduler,
            places: BTreeMap::new(),
            task_tags: BTreeMap::new(),
            deleted_at: None,
        })
    }

    /// What the service is after the update, and what its scheduler is told. Only what makes a
    /// deployment (ECS-SEMANTICS.md, "What makes a deployment") brings a revision.
    fn updated(
        &self,
        current: &ServiceSettings,
        cluster: &ClusterRecord,
        request: wire::UpdateServiceRequest,
    ) -> Result<(ServiceSettings, ServiceUpdate), EcsError> {
        let rolls = request.force_new_deployment == Some(true)
            || request.task_definition.is_some()
            || request.network_configuration.is_some()
            || request.platform_version.is_some()
            || request.load_balancers.is_some();
        unsupported::check_changed(&request)?;
        let mut settings = ServiceSettings {
            deployment_configuration: merged(
                &current.deployment_configuration,
                request.deployment_configuration,
            )?,
            health_check_grace_period_seconds: request
                .health_check_grace_period_seconds
                .or(current.health_check_grace_period_seconds),
            ..current.clone()
        };
        settings.load_balancers = request.load_balancers.unwrap_or(settings.load_balancers);
        settings.network_configuration = request
            .network_configuration
            .or(settings.network_configuration);
        settings.platform_version = request.platform_version.or(settings.platform_version);
        settings.propagate_tags = request.propagate_tags.or(settings.propagate_tags);
        if let Some(strategy) = request.capacity_provider_strategy {
            let capacity = Capacity::asked_for(cluster, None, Some(strategy))?;
            settings.launch_type = capacity.launch_type;
            settings.capacity_provider_strategy = capacity.strategy;
        }
        if let Some(enable) = request.enable_execute_command {
            settings.enable_execute_command = enable;
        }
        if let Some(enable) = request.enable_ecs_managed_tags {
            settings.enable_ecs_managed_tags = enable;
        }
        settings.availability_zone_rebalancing = request
            .availability_zone_rebalancing
            .or(settings.availability_zone_rebalancing);
        let name = request
            .task_definition
            .unwrap_or_else(|| settings.task_definition.clone());
        let changes = name != current.task_definition;
        let mut revision = None;
        if rolls {
            let definition = if changes {
                self.active_definition(&name)?
            } else {
                let found = crate::platform::definitions::find(&self.store, &name)?;
                found.ok_or_else(EcsError::no_definition)?.definition
            };
            settings.task_definition = definition.task_definition_arn.clone().unwrap_or_default();
            let differs = settings.task_definition != current.task_definition
                || settings.load_balancers != current.load_balancers
                || settings.network_configuration != current.network_configuration
                || settings.platform_version != current.platform_version;
            if differs || request.force_new_deployment == Some(true) {
                revision = Some(self.revision(&definition, &settings)?);
            }
        }
        let desired_count = request.desired_count.map(u32::try_from).transpose();
        let desired_count = desired_count
            .map_err(|_| EcsError::Parameter("Desired count must not be negative.".into()))?;
        let configuration = for_scheduler(
            &settings.deployment_configuration,
            settings.health_check_grace_period_seconds,
        );
        let update = ServiceUpdate {
            revision,
            desired_count,
            configuration: Some(configuration),
        };
        Ok((settings, update))
    }

    /// What the scheduler needs to know of a task definition and its load balancing; an error where
    /// the service cannot run it.
    fn revision(
        &self,
        definition: &wire::TaskDefinition,
        settings: &ServiceSettings,
    ) -> Result<Revision, EcsError> {
        check_network(definition, settings.network_configuration.as_ref())?;
        check_platform_version(settings.platform_version.as_ref())?;
        let target_groups = settings
            .load_balancers
            .iter()
            .map(|balancer| self.target_group(definition, balancer))
            .collect::<Result<_, _>>()?;
        Ok(Revision {
            target_groups,
            ..task_revision(definition)
        })
    }

    fn target_group(
        &self,
        definition: &wire::TaskDefinition,
        balancer: &wire::LoadBalancer,
    ) -> Result<TargetGroup, EcsError> {
        let arn = balancer.target_group_arn.as_deref().unwrap_or_default();
        let container = balancer.container_name.as_deref().unwrap_or_default();
        let port = balancer.container_port.unwrap_or_default();
        if !self.platform.parts().balancing.has_target_group(arn) {
            return Err(EcsError::Parameter(format!(
                "The target group with targetGroupArn {arn} does not exist."
            )));
        }
        if !self.platform.parts().balancing.is_in_use(arn) {
            return Err(EcsError::Parameter(format!(
                "The target group with targetGroupArn {arn} does not have an associated load \
                 balancer."
            )));
        }
        // The target groups of this platform are all of addresses.
        if definition.network_mode != Some(wire::NetworkMode::Awsvpc) {
            let mode = definition.network_mode.as_ref();
            return Err(EcsError::Parameter(format!(
                "The provided target group {arn} has target type ip, which is incompatible with \
                 the {} network mode specified in the task definition.",
                mode.map_or("bridge", wire::NetworkMode::as_str)
            )));
        }
        let mut containers = definition.container_definitions.iter().flatten();
        let found = containers.find(|one| one.name.as_deref() == Some(container));
        let found = found.ok_or_else(|| {
            EcsError::Parameter(format!(
                "The container {container} does not exist in the task definition."
            ))
        })?;
        let mut mappings = found.port_mappings.iter().flatten();
        if !mappings.any(|mapping| mapping.container_port == Some(port)) {
            return Err(EcsError::Parameter(format!(
                "The container {container} did not have a container port {port} defined."
            )));
        }
        Ok(TargetGroup {
            arn: TargetGroupArn::new(arn),
            container: container.to_owned(),
            port: u16::try_from(port).unwrap_or_default(),
        })
    }
}

impl ServiceRecord {
    /// The settings as the primary deployment has them: a rollback brought an older revision back,
    /// and an update starts from that one.
    fn current_settings(&self) -> ServiceSettings {
        let mut settings = self.settings.clone();
        if let Some(revision) = self.revisions.get(&self.scheduler.primary().id.number()) {
            settings
                .task_definition
                .clone_from(&revision.task_definition);
            settings.load_balancers.clone_from(&revision.load_balancers);
            settings
                .network_configuration
                .clone_from(&revision.network_configuration);
            settings
                .platform_version
                .clone_from(&revision.platform_version);
        }
        settings
    }

    /// Hands out the first commands of a scheduler that was just created.
    fn begin(&mut self, now: EpochMillis) -> Vec<seaway_scheduler::Command> {
        self.note_revision(now);
        vec![seaway_scheduler::Command::WakeAfter(Duration::ZERO)]
    }

    /// Keeps what the newest deployment runs: a service revision never changes.
    fn note_revision(&mut self, now: EpochMillis) {
        let number = self.scheduler.primary().id.number();
        let settings = &self.settings;
        self.revisions
            .entry(number)
            .or_insert_with(|| RevisionRecord {
                created_at: now,
                task_definition: settings.task_definition.clone(),
                load_balancers: settings.load_balancers.clone(),
                network_configuration: settings.network_configuration.clone(),
                launch_type: settings.launch_type.clone(),
                capacity_provider_strategy: settings.capacity_provider_strategy.clone(),
                platform_version: settings.platform_version.clone(),
                digests: BTreeMap::new(),
            });
    }
}

/// A task definition as the scheduler sees it, without load balancing.
pub(super) fn task_revision(definition: &wire::TaskDefinition) -> Revision {
    let containers = definition.container_definitions.iter().flatten();
    let container = |one: &wire::ContainerDefinition| Container {
        name: one.name.clone().unwrap_or_default(),
        essential: one.essential != Some(false),
        health_check: one.health_check.is_some(),
        stop_timeout: one
            .stop_timeout
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(STOP_TIMEOUT, Duration::from_secs),
    };
    Revision {
        task_definition: definition.task_definition_arn.clone().unwrap_or_default(),
        containers: containers.map(container).collect(),
        target_groups: vec![],
    }
}
