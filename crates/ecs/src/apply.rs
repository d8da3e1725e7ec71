//! Carrying out what a plan says about one service. Nothing is decided here.

use std::collections::HashMap;

use aws_sdk_ecs::types as sdk;
use aws_sdk_elasticloadbalancingv2::types as elb;
use seaway_core::desired::{DesiredService, Document, RevisionId};
use seaway_core::name::ServiceName;
use seaway_core::rollout::RolloutId;
use seaway_ports::{Change, Checks, FreshTasks, PortError, PortErrorKind, Rolled, Token};

use crate::checks::checks_of;
use crate::connect::{Place, Session};
use crate::convert;
use crate::document::{self, Attachment, Settings};
use crate::error::{During as _, incomplete, invalid};
use crate::names::last_part;
use crate::services::primary;
use crate::tags;

/// States of a rollout that ended well: there is something to go back to.
const ENDED_WELL: [sdk::ServiceDeploymentStatus; 2] = [
    sdk::ServiceDeploymentStatus::Successful,
    sdk::ServiceDeploymentStatus::RollbackSuccessful,
];

impl Session {
    pub(crate) async fn create(
        &self,
        service: &DesiredService,
        revision: &RevisionId,
        tasks: u32,
        token: &Token,
    ) -> Result<Rolled, PortError> {
        let what = format!("create the service {}", service.name);
        if self.place == Place::Aws {
            let message = "Terraform creates the services of this environment";
            return Err(invalid(what, message)
                .with_hint("apply the stack that holds the service, then deploy again"));
        }
        let settings: Settings = document::read("settings", &service.settings)?;
        let network = settings.network_configuration.as_ref();
        let network = network.map(convert::network).transpose();
        self.change_check(service).await?;
        let answer = self
            .ecs
            .create_service()
            .cluster(self.identity.cluster())
            .service_name(service.name.as_str())
            .task_definition(&revision.0)
            .desired_count(signed(tasks))
            .client_token(&token.0)
            .launch_type(sdk::LaunchType::Fargate)
            .deployment_configuration(convert::deployment(&settings.deployment_configuration))
            .set_health_check_grace_period_seconds(settings.health_check_grace_period_seconds)
            .set_load_balancers(self.attachments(&settings.load_balancers).await?)
            .set_network_configuration(network.map_err(|error| invalid(&what, error))?)
            .propagate_tags(sdk::PropagateTags::Service)
            .set_tags(Some(self.service_tags(service)))
            .send()
            .await
            .during(&what)?;
        let created = answer
            .service()
            .ok_or_else(|| incomplete(&what, "service"))?;
        Ok(Rolled {
            rollout: rollout(created, &what)?,
            first: true,
            checks: Checks::Enforced,
        })
    }

    /// Moves a service. Repeated with the same revision it starts no second rollout, except where
    /// fresh tasks are wanted always.
    pub(crate) async fn update(&self, change: &Change<'_>) -> Result<Rolled, PortError> {
        let service = change.service;
        let what = format!("update the service {}", service.name);
        let settings: Settings = document::read("settings", &service.settings)?;
        let network = settings.network_configuration.as_ref();
        let network = network.map(convert::network).transpose();
        let force = change.fresh == FreshTasks::Always;
        self.change_check(service).await?;
        // The grace period is left alone here: checks may be suspended, now or since a command that
        // was cut off.
        let answer = self
            .ecs
            .update_service()
            .cluster(self.identity.cluster())
            .service(service.name.as_str())
            .task_definition(&change.revision.0)
            .set_desired_count(change.count.map(signed))
            .set_force_new_deployment(force.then_some(true))
            .deployment_configuration(convert::deployment(&settings.deployment_configuration))
            .set_load_balancers(self.attachments(&settings.load_balancers).await?)
            .set_network_configuration(network.map_err(|error| invalid(&what, error))?)
            .send()
            .await
            .during(&what)?;
        let updated = answer
            .service()
            .ok_or_else(|| incomplete(&what, "service"))?;
        let rollout = rollout_of(updated, change.revision, &what)?;
        let checks = checks_of(updated);
        let grace = settings.health_check_grace_period_seconds.unwrap_or(0);
        let live_grace = updated.health_check_grace_period_seconds().unwrap_or(0);
        if checks == Checks::Enforced && grace != live_grace {
            self.set_grace(&service.name, grace).await?;
        }
        // Only now that fresh tasks are on their way is there something that proves the check.
        let proved = service.check.as_ref();
        self.mark(service, updated, (checks, proved)).await?;
        Ok(Rolled {
            rollout,
            first: self.is_first(&service.name, updated).await?,
            checks,
        })
    }

    /// Sends only what starts no rollout (ECS-SEMANTICS, "What makes a deployment").
    pub(crate) async fn configure(
        &self,
        service: &DesiredService,
        tasks: Option<u32>,
    ) -> Result<(), PortError> {
        let what = format!("configure the service {}", service.name);
        let settings: Settings = document::read("settings", &service.settings)?;
        let checks = self.enforce_check(service).await?;
        let grace = settings.health_check_grace_period_seconds;
        let answer = self
            .ecs
            .update_service()
            .cluster(self.identity.cluster())
            .service(service.name.as_str())
            .set_desired_count(tasks.map(signed))
            .deployment_configuration(convert::deployment(&settings.deployment_configuration))
            .set_health_check_grace_period_seconds(grace.filter(|_| checks == Checks::Enforced))
            .send()
            .await
            .during(&what)?;
        let updated = answer
            .service()
            .ok_or_else(|| incomplete(&what, "service"))?;
        self.mark(service, updated, (checks, None)).await
    }

    pub(crate) async fn scale(&self, service: &ServiceName, tasks: u32) -> Result<(), PortError> {
        self.ecs
            .update_service()
            .cluster(self.identity.cluster())
            .service(service.as_str())
            .desired_count(signed(tasks))
            .send()
            .await
            .during(format!("scale the service {service} to {tasks}"))?;
        Ok(())
    }

    /// Removes a service with its tasks, and on this machine the route to it, which elsewhere is
    /// Terraform's; one that is gone already counts as removed.
    pub(crate) async fn remove(&self, service: &ServiceName) -> Result<(), PortError> {
        let removed = self
            .ecs
            .delete_service()
            .cluster(self.identity.cluster())
            .service(service.as_str())
            .force(true)
            .send()
            .await
            .during(format!("remove the service {service}"));
        match removed {
            Err(error) if error.kind != PortErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match self.place {
            Place::Local => self.remove_route(service).await,
            Place::Aws => Ok(()),
        }
    }

    pub(crate) async fn newest(&self, service: &ServiceName) -> Result<Rolled, PortError> {
        let described = self.described(service).await?;
        let what = format!("find the newest rollout of {service}");
        Ok(Rolled {
            rollout: rollout(&described, &what)?,
            first: self.is_first(service, &described).await?,
            checks: checks_of(&described),
        })
    }

    /// Whether no earlier rollout of the service ever completed.
    pub(crate) async fn is_first(
        &self,
        name: &ServiceName,
        service: &sdk::Service,
    ) -> Result<bool, PortError> {
        let newest = primary(service).and_then(|deployment| deployment.id());
        let completed = |deployment: &sdk::Deployment| {
            deployment.id() != newest
                && deployment.rollout_state() == Some(&sdk::DeploymentRolloutState::Completed)
        };
        if service.deployments().iter().any(completed) {
            return Ok(false);
        }
        let newest = RolloutId(newest.unwrap_or_default().to_owned());
        let ended_well = self.service_deployments(name, &ENDED_WELL).await?;
        let earlier = |brief: &sdk::ServiceDeploymentBrief| {
            let target = brief.target_service_revision_arn().unwrap_or_default();
            !crate::services::is_same_rollout(target, &newest)
        };
        Ok(!ended_well.iter().any(earlier))
    }

    /// Records on the service what was applied. The declared count is recorded only once it is the
    /// service's: a count that was not applied would pass for one that somebody changed since. The
    /// settings are not applied before checks are enforced; `proved` is the check that its newest rollout
    /// is to pass.
    async fn mark(
        &self,
        service: &DesiredService,
        updated: &sdk::Service,
        (checks, proved): (Checks, Option<&Document>),
    ) -> Result<(), PortError> {
        let what = format!("tag the service {}", service.name);
        let arn = updated.service_arn();
        let arn = arn.ok_or_else(|| incomplete(&what, "ARN"))?;
        let mut marks = self.service_tags(service);
        if updated.desired_count() != signed(service.count) {
            marks.retain(|mark| mark.key() != Some(tags::COUNT));
        }
        if checks == Checks::Suspended {
            marks.retain(|mark| mark.key() != Some(tags::SETTINGS));
        }
        if let (Checks::Suspended, Some(check)) = (checks, proved) {
            marks.push(tags::tag(tags::CHECK, check.digest.as_str()));
        }
        self.ecs
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(marks))
            .send()
            .await
            .during(what)?;
        Ok(())
    }

    fn service_tags(&self, service: &DesiredService) -> Vec<sdk::Tag> {
        vec![
            tags::tag(tags::PROJECT, self.identity.project.as_str()),
            tags::tag(tags::ENVIRONMENT, self.identity.environment.as_str()),
            tags::tag(tags::SERVICE, service.name.as_str()),
            tags::tag(tags::SETTINGS, service.settings.digest.as_str()),
            tags::tag(tags::COUNT, service.count.to_string()),
        ]
    }

    /// Attachments with the ARNs of their target groups; none where Terraform owns them.
    async fn attachments(
        &self,
        wanted: &[Attachment],
    ) -> Result<Option<Vec<sdk::LoadBalancer>>, PortError> {
        if self.place == Place::Aws {
            return Ok(None);
        }
        if wanted.is_empty() {
            return Ok(Some(vec![]));
        }
        let names = wanted.iter().map(|a| a.target_group_name.clone());
        let groups = self.target_groups(names.collect()).await?;
        let attach = |attachment: &Attachment| {
            let name = &attachment.target_group_name;
            let arn = groups.get(name).and_then(|group| group.target_group_arn());
            let missing = || {
                let what = format!("find the target group {name}");
                PortError::new(PortErrorKind::NotFound, what, "it is not there")
            };
            Ok(sdk::LoadBalancer::builder()
                .target_group_arn(arn.ok_or_else(missing)?)
                .container_name(&attachment.container_name)
                .container_port(attachment.container_port)
                .build())
        };
        wanted
            .iter()
            .map(attach)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Target groups by name, as far as they are there.
    pub(crate) async fn target_groups(
        &self,
        names: Vec<String>,
    ) -> Result<HashMap<String, elb::TargetGroup>, PortError> {
        let answer = self
            .balancing
            .describe_target_groups()
            .set_names(Some(names.clone()))
            .send()
            .await
            .during(format!("find the target group {}", names.join(", ")))?;
        let named = |group: elb::TargetGroup| Some((group.target_group_name()?.to_owned(), group));
        let groups = answer.target_groups.unwrap_or_default();
        Ok(groups.into_iter().filter_map(named).collect())
    }
}

fn rollout(service: &sdk::Service, what: &str) -> Result<RolloutId, PortError> {
    let id = primary(service).and_then(|deployment| deployment.id());
    id.map(|id| RolloutId(id.to_owned()))
        .ok_or_else(|| incomplete(what, "primary deployment"))
}

/// The newest rollout, if it is one of `revision`. Another one's end must never pass for the end of
/// the rollout that was asked for.
fn rollout_of(
    service: &sdk::Service,
    revision: &RevisionId,
    what: &str,
) -> Result<RolloutId, PortError> {
    let newest = primary(service).and_then(|deployment| deployment.task_definition());
    let newest = newest.map(last_part);
    if newest == Some(last_part(&revision.0)) {
        return rollout(service, what);
    }
    let message = format!(
        "no rollout of {} was started: the newest one is of {}",
        revision.short(),
        newest.unwrap_or("nothing")
    );
    Err(PortError::new(PortErrorKind::Conflict, what, message))
}

fn signed(tasks: u32) -> i32 {
    i32::try_from(tasks).unwrap_or(i32::MAX)
}
