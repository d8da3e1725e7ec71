//! Service deployments and service revisions: how a service came to be what it is.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{
    Millis, MonitorStatus, Request, RevisionCounts, ServiceDeployment, ServiceDeploymentId,
    ServiceDeploymentStatus,
};

use super::Ecs;
use super::error::EcsError;
use super::names::{cluster_arn, revision_arn, service_deployment_arn, service_key, service_part};
use super::paging::part;
use super::{int, missing, moment, time};
use crate::clock::EpochMillis;
use crate::platform::records::{ArchivedDeployment, RevisionRecord, ServiceKey, ServiceRecord};
use crate::platform::revision_key;
use crate::store::StoreError;

/// Most service deployments that one call may describe.
const DESCRIBED_AT_ONCE: usize = 20;
/// A page of service deployments where the request names no size.
const PAGE: i32 = 20;

impl Ecs {
    pub(super) fn list_deployments(
        &self,
        request: wire::ListServiceDeploymentsRequest,
    ) -> Result<wire::ListServiceDeploymentsResponse, EcsError> {
        let key = service_key(request.cluster.as_deref(), &request.service);
        let mut all = self.deployments_of(&key)?;
        let after = request.created_at.as_ref().and_then(|range| range.after);
        let before = request.created_at.as_ref().and_then(|range| range.before);
        let wanted = request.status.unwrap_or_default();
        all.retain(|(one, _)| {
            let at = one.created_at.0;
            (wanted.is_empty() || wanted.contains(&status(one.status)))
                && after.is_none_or(|after| at >= after.as_millis())
                && before.is_none_or(|before| at <= before.as_millis())
        });
        // Newest first.
        let key_of = |(one, _): &(ServiceDeployment, _)| {
            format!("{:020}/{}", one.created_at.0, one.id.as_str())
        };
        all.sort_by_cached_key(|one| std::cmp::Reverse(key_of(one)));
        let part = part(
            request.next_token.as_deref(),
            request.max_results.or(Some(PAGE)),
        );
        let (all, next_token) = part.of_descending(all, key_of)?;
        Ok(wire::ListServiceDeploymentsResponse {
            service_deployments: Some(all.iter().map(|(one, _)| brief(&key, one)).collect()),
            next_token,
        })
    }

    pub(super) fn describe_deployments(
        &self,
        request: wire::DescribeServiceDeploymentsRequest,
    ) -> Result<wire::DescribeServiceDeploymentsResponse, EcsError> {
        at_most(&request.service_deployment_arns)?;
        let (mut found, mut failures) = (vec![], vec![]);
        for arn in request.service_deployment_arns {
            let part = service_part(&arn, "service-deployment");
            let part = part.map(|(key, id)| (key, id.to_owned()));
            let (key, id) = part.ok_or_else(|| invalid_arn(&arn))?;
            let all = self.deployments_of(&key);
            let one = match all {
                Ok(all) => all.into_iter().find(|(one, _)| one.id.as_str() == id),
                Err(EcsError::ServiceNotFound) => None,
                Err(error) => return Err(error),
            };
            match one {
                Some((one, configuration)) => found.push(whole(&key, one, configuration)),
                None => failures.push(missing(arn)),
            }
        }
        Ok(wire::DescribeServiceDeploymentsResponse {
            service_deployments: Some(found),
            failures: Some(failures),
        })
    }

    pub(super) fn stop_deployment(
        &self,
        request: wire::StopServiceDeploymentRequest,
        now: EpochMillis,
    ) -> Result<wire::StopServiceDeploymentResponse, EcsError> {
        if request.stop_type == Some(wire::StopServiceDeploymentStopType::Abort) {
            return Err(EcsError::Unsupported(
                "The stop type ABORT is not supported.".into(),
            ));
        }
        let arn = request.service_deployment_arn;
        let (key, id) =
            service_part(&arn, "service-deployment").ok_or_else(|| invalid_arn(&arn))?;
        let service_deployment = ServiceDeploymentId::new(id);
        self.platform.change(|book| {
            let changed = book.change_service(&key, |record| {
                let request = Request::RollBack { service_deployment };
                let commands = record.scheduler.request(Millis(now.0), request)?;
                Ok::<_, EcsError>(((), commands))
            });
            changed.unwrap_or(Err(EcsError::ServiceDeploymentNotFound))
        })?;
        Ok(wire::StopServiceDeploymentResponse {
            service_deployment_arn: Some(arn),
        })
    }

    pub(super) fn describe_revisions(
        &self,
        request: wire::DescribeServiceRevisionsRequest,
    ) -> Result<wire::DescribeServiceRevisionsResponse, EcsError> {
        at_most(&request.service_revision_arns)?;
        let (mut found, mut failures) = (vec![], vec![]);
        for arn in request.service_revision_arns {
            let (key, number) =
                service_part(&arn, "service-revision").ok_or_else(|| invalid_arn(&arn))?;
            let revision = match number.parse() {
                Ok(number) => self.revision_of(&key, number)?,
                Err(_) => None,
            };
            match revision {
                Some(revision) => found.push(revision),
                None => failures.push(missing(arn)),
            }
        }
        Ok(wire::DescribeServiceRevisionsResponse {
            service_revisions: Some(found),
            failures: Some(failures),
        })
    }

    /// A revision, at hand or put away.
    fn revision_of(
        &self,
        key: &ServiceKey,
        number: u64,
    ) -> Result<Option<wire::ServiceRevision>, EcsError> {
        let put_away = self
            .store
            .read::<_, StoreError>(|view| view.get(&revision_key(key, number)))?;
        let book = self.platform.book();
        Ok(book.service(key).and_then(|service| {
            let revision = service.revisions.get(&number).or(put_away.as_ref())?;
            Some(revision_view(service, number, revision))
        }))
    }

    /// Every service deployment on record, each with the configuration it ran under.
    fn deployments_of(
        &self,
        key: &ServiceKey,
    ) -> Result<Vec<(ServiceDeployment, wire::DeploymentConfiguration)>, EcsError> {
        let mut all: Vec<_> = {
            let book = self.platform.book();
            let service = book.service(key).ok_or(EcsError::ServiceNotFound)?;
            let configuration = &service.settings.deployment_configuration;
            let current = service.scheduler.service_deployments().iter();
            current
                .map(|one| (one.clone(), configuration.clone()))
                .collect()
        };
        let archived = self
            .store
            .read::<_, StoreError>(|view| view.list::<ArchivedDeployment>(&format!("{key}/")))?;
        all.extend(
            archived
                .into_iter()
                .map(|(_, one)| (one.deployment, one.configuration)),
        );
        Ok(all)
    }
}

fn at_most(arns: &[String]) -> Result<(), EcsError> {
    if arns.len() > DESCRIBED_AT_ONCE {
        let text = format!("At most {DESCRIBED_AT_ONCE} ARNs can be described at once.");
        return Err(EcsError::Parameter(text));
    }
    Ok(())
}

fn invalid_arn(arn: &str) -> EcsError {
    EcsError::Parameter(format!("The specified ARN is not valid: {arn}"))
}

fn brief(key: &ServiceKey, one: &ServiceDeployment) -> wire::ServiceDeploymentBrief {
    wire::ServiceDeploymentBrief {
        service_deployment_arn: Some(service_deployment_arn(key, one.id.as_str())),
        service_arn: Some(key.arn()),
        cluster_arn: Some(cluster_arn(&key.cluster)),
        status: Some(status(one.status)),
        status_reason: one.status_reason.clone(),
        target_service_revision_arn: Some(revision_arn(key, one.target.revision.number())),
        created_at: moment(one.created_at),
        started_at: one.started_at.and_then(moment),
        finished_at: one.finished_at.and_then(moment),
    }
}

fn whole(
    key: &ServiceKey,
    one: ServiceDeployment,
    configuration: wire::DeploymentConfiguration,
) -> wire::ServiceDeployment {
    let summary = |counts: &RevisionCounts| wire::ServiceRevisionSummary {
        arn: Some(revision_arn(key, counts.revision.number())),
        requested_task_count: Some(int(counts.requested)),
        running_task_count: Some(int(counts.running)),
        pending_task_count: Some(int(counts.pending)),
        ..wire::ServiceRevisionSummary::default()
    };
    wire::ServiceDeployment {
        service_deployment_arn: Some(service_deployment_arn(key, one.id.as_str())),
        service_arn: Some(key.arn()),
        cluster_arn: Some(cluster_arn(&key.cluster)),
        status: Some(status(one.status)),
        status_reason: one.status_reason.clone(),
        source_service_revisions: Some(one.sources.iter().map(summary).collect()),
        target_service_revision: Some(summary(&one.target)),
        deployment_configuration: Some(configuration),
        deployment_circuit_breaker: Some(wire::ServiceDeploymentCircuitBreaker {
            status: Some(monitor(one.circuit_breaker.status)),
            failure_count: Some(int(one.circuit_breaker.failure_count)),
            threshold: Some(int(one.circuit_breaker.threshold)),
        }),
        alarms: Some(wire::ServiceDeploymentAlarms {
            status: Some(monitor(one.alarms.status)),
            alarm_names: Some(one.alarms.names.clone()),
            triggered_alarm_names: Some(one.alarms.triggered.clone()),
        }),
        rollback: one.rollback.as_ref().map(|rollback| wire::Rollback {
            reason: Some(rollback.reason.clone()),
            started_at: moment(rollback.started_at),
            service_revision_arn: Some(revision_arn(key, rollback.revision.number())),
        }),
        created_at: moment(one.created_at),
        started_at: one.started_at.and_then(moment),
        finished_at: one.finished_at.and_then(moment),
        stopped_at: one.stopped_at.and_then(moment),
        updated_at: moment(one.updated_at),
        ..wire::ServiceDeployment::default()
    }
}

fn revision_view(
    service: &ServiceRecord,
    number: u64,
    revision: &RevisionRecord,
) -> wire::ServiceRevision {
    let tasks = service.scheduler.tasks().iter();
    let of_revision = tasks.filter(|task| task.deployment.is_some_and(|d| d.number() == number));
    let mut images: Vec<wire::ContainerImage> = of_revision
        .flat_map(|task| &task.containers)
        .filter_map(|container| {
            Some(wire::ContainerImage {
                container_name: Some(container.name.clone()),
                image_digest: Some(container.image_digest.clone()?),
                image: None,
            })
        })
        .collect();
    images.dedup();
    let balancers = revision.load_balancers.iter();
    let resolved = balancers.map(|balancer| wire::ServiceRevisionLoadBalancer {
        target_group_arn: balancer.target_group_arn.clone(),
        production_listener_rule: None,
    });
    wire::ServiceRevision {
        service_revision_arn: Some(revision_arn(&service.key, number)),
        service_arn: Some(service.key.arn()),
        cluster_arn: Some(cluster_arn(&service.key.cluster)),
        task_definition: Some(revision.task_definition.clone()),
        load_balancers: Some(revision.load_balancers.clone()),
        network_configuration: revision.network_configuration.clone(),
        launch_type: revision.launch_type.clone(),
        capacity_provider_strategy: revision.capacity_provider_strategy.clone(),
        platform_version: revision.platform_version.clone(),
        container_images: Some(images),
        created_at: time(revision.created_at),
        resolved_configuration: Some(wire::ResolvedConfiguration {
            load_balancers: Some(resolved.collect()),
            ..wire::ResolvedConfiguration::default()
        }),
        ..wire::ServiceRevision::default()
    }
}

fn status(status: ServiceDeploymentStatus) -> wire::ServiceDeploymentStatus {
    use ServiceDeploymentStatus as Here;
    use wire::ServiceDeploymentStatus as There;
    match status {
        Here::Pending => There::Pending,
        Here::InProgress => There::InProgress,
        Here::Successful => There::Successful,
        Here::Stopped => There::Stopped,
        Here::StopRequested => There::StopRequested,
        Here::RollbackRequested => There::RollbackRequested,
        Here::RollbackInProgress => There::RollbackInProgress,
        Here::RollbackSuccessful => There::RollbackSuccessful,
        Here::RollbackFailed => There::RollbackFailed,
    }
}

fn monitor(status: MonitorStatus) -> wire::ServiceDeploymentRollbackMonitorsStatus {
    use wire::ServiceDeploymentRollbackMonitorsStatus as There;
    match status {
        MonitorStatus::Triggered => There::Triggered,
        MonitorStatus::Monitoring => There::Monitoring,
        MonitorStatus::MonitoringComplete => There::MonitoringComplete,
        MonitorStatus::Disabled => There::Disabled,
    }
}
