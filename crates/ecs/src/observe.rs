//! What is there: the cluster, its services, and the revisions they run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_ecs::types as sdk;
use aws_sdk_elasticloadbalancingv2::types as elb;
use seaway_core::desired::RevisionId;
use seaway_core::digest::Digest;
use seaway_core::environment::Environment;
use seaway_core::live::{Live, LiveRollout, LiveService};
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::Counts;
use seaway_ports::{Checks, PortError};

use crate::checks::{checks_in_force, checks_of};
use crate::connect::{Place, Session};
use crate::definitions::Definition;
use crate::error::During as _;
use crate::services::{count, is_active, primary};
use crate::tags;

/// Target groups by name.
type Groups = BTreeMap<String, elb::TargetGroup>;

impl Session {
    pub(crate) async fn observe(&self, environment: &Environment) -> Result<Live, PortError> {
        let mut live = Live {
            infrastructure: Observed::Absent,
            services: BTreeMap::new(),
            images: BTreeSet::new(),
        };
        let Some(cluster) = self.cluster().await? else {
            return Ok(live);
        };
        let groups = self.groups_in_force().await?;
        if self.place == Place::Aws || self.is_complete(environment, &groups) {
            live.infrastructure = infrastructure(&cluster);
        }
        let names = self.service_names().await?;
        let described = self.describe(&names).await;
        let definitions = self.definitions(revisions(&described)).await;
        let checks = checks_in_force(&groups)?;
        for (name, service) in described {
            let Ok(name) = ServiceName::try_from(name) else {
                continue; // Not from a manifest: such a name cannot be in one.
            };
            let is_named = environment.services.contains_key(&name);
            let Some(mut seen) = seen(service, is_named, &definitions) else {
                continue;
            };
            if let Observed::Known(service) = &mut seen
                && service.check.is_none()
            {
                let group = self.identity.target_group(&name);
                service.check = checks.get(&group).cloned();
            }
            live.services.insert(name, seen);
        }
        Ok(live)
    }

    /// Whether every service of the environment has the target group it needs: one goes with a
    /// service that is removed, whatever was provisioned before.
    fn is_complete(&self, environment: &Environment, groups: &Groups) -> bool {
        let mut balanced = environment.services.values().filter(|s| s.port.is_some());
        balanced.all(|service| groups.contains_key(&self.identity.target_group(&service.name)))
    }

    /// This machine's target groups; none where Terraform owns them.
    async fn groups_in_force(&self) -> Result<Groups, PortError> {
        match self.place {
            Place::Local => self.live_target_groups().await,
            Place::Aws => Ok(Groups::new()),
        }
    }

    pub(crate) async fn cluster(&self) -> Result<Option<sdk::Cluster>, PortError> {
        let name = self.identity.cluster();
        let answer = self
            .ecs
            .describe_clusters()
            .clusters(&name)
            .include(sdk::ClusterField::Tags)
            .send()
            .await
            .during(format!("describe the cluster {name}"))?;
        let active = |cluster: &sdk::Cluster| cluster.status() != Some("INACTIVE");
        Ok(answer.clusters.unwrap_or_default().into_iter().find(active))
    }
}

fn infrastructure(cluster: &sdk::Cluster) -> Observed<Digest> {
    let digest = tags::value(cluster.tags(), tags::INFRASTRUCTURE);
    match digest.and_then(|digest| digest.parse().ok()) {
        Some(digest) => Observed::Known(digest),
        None => Observed::Absent,
    }
}

/// The revisions that running services name, each once.
fn revisions(services: &BTreeMap<String, Observed<sdk::Service>>) -> BTreeSet<String> {
    services
        .values()
        .filter_map(|service| service.known()?.task_definition())
        .map(str::to_owned)
        .collect()
}

type Described = HashMap<String, Result<Arc<Definition>, PortError>>;

/// A service as far as it could be seen; none for what is not Seaway's: neither named in the
/// manifest nor tagged.
fn seen(
    service: Observed<sdk::Service>,
    is_named: bool,
    definitions: &Described,
) -> Option<Observed<LiveService>> {
    let service = match service {
        Observed::Known(service) => service,
        Observed::Absent => return None,
        Observed::Unknown(reason) => return Some(Observed::Unknown(reason)),
    };
    if !is_named && tags::value(service.tags(), tags::SETTINGS).is_none() {
        return None;
    }
    if !is_active(&service) {
        let reason = "it is being removed: wait until its tasks have stopped";
        return Some(Observed::Unknown(reason.into()));
    }
    let revision = service.task_definition().unwrap_or_default();
    Some(match definitions.get(revision) {
        Some(Ok(definition)) => Observed::Known(live(&service, definition)),
        Some(Err(error)) => Observed::Unknown(error.to_string()),
        None => Observed::Unknown("it names no task definition".into()),
    })
}

fn live(service: &sdk::Service, definition: &Definition) -> LiveService {
    let tag = |key| tags::value(service.tags(), key);
    LiveService {
        revision: RevisionId(definition.arn.clone()),
        document: definition.document(),
        settings: tag(tags::SETTINGS).and_then(|digest| digest.parse().ok()),
        // While it is proved, what is in force is more lenient.
        check: tag(tags::CHECK)
            .filter(|_| checks_of(service) == Checks::Suspended)
            .and_then(|digest| digest.parse().ok()),
        image: definition.image(),
        declared_count: tag(tags::COUNT).and_then(|count| count.parse().ok()),
        counts: counts(service),
        rollout: rollout(service),
    }
}

/// All tasks of a service; failures are those of its newest deployment.
pub(crate) fn counts(service: &sdk::Service) -> Counts {
    Counts {
        desired: count(service.desired_count()),
        running: count(service.running_count()),
        pending: count(service.pending_count()),
        failed: primary(service).map_or(0, |deployment| count(deployment.failed_tasks())),
    }
}

fn rollout(service: &sdk::Service) -> LiveRollout {
    match primary(service).and_then(|deployment| deployment.rollout_state()) {
        Some(sdk::DeploymentRolloutState::InProgress) => LiveRollout::InProgress,
        Some(sdk::DeploymentRolloutState::Failed) => LiveRollout::Failed,
        // A deployment without a state is older than rollout states: it has long settled.
        _ => LiveRollout::Completed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: &str) -> sdk::Service {
        sdk::Service::builder()
            .status(status)
            .service_name("api")
            .task_definition("td")
            .desired_count(2)
            .running_count(1)
            .build()
    }

    fn failed(message: &str) -> Described {
        let error = PortError::new(
            seaway_ports::PortErrorKind::Throttled,
            "describe the task definition td",
            message,
        );
        HashMap::from([("td".to_owned(), Err(error))])
    }

    #[test]
    fn a_revision_that_cannot_be_read_makes_its_service_unknown() {
        let seen = seen(
            Observed::Known(service("ACTIVE")),
            true,
            &failed("rate exceeded"),
        );
        let Some(Observed::Unknown(reason)) = seen else {
            panic!("{seen:?}");
        };
        assert!(reason.contains("rate exceeded"), "{reason}");
    }

    #[test]
    fn a_service_that_is_going_is_unknown_and_a_strangers_is_not_seen() {
        let going = seen(Observed::Known(service("DRAINING")), true, &failed("-"));
        assert!(matches!(going, Some(Observed::Unknown(_))), "{going:?}");
        let stranger = seen(Observed::Known(service("ACTIVE")), false, &failed("-"));
        assert_eq!(stranger, None);
    }

    #[test]
    fn a_cluster_without_a_digest_has_no_infrastructure_of_seaways() {
        let digest = Digest::of(b"document");
        let bare = sdk::Cluster::builder().build();
        let tagged = sdk::Cluster::builder()
            .tags(tags::tag(tags::INFRASTRUCTURE, digest.as_str()))
            .build();
        assert_eq!(infrastructure(&bare), Observed::Absent);
        assert_eq!(infrastructure(&tagged), Observed::Known(digest));
    }

    #[test]
    fn the_newest_deployment_says_how_the_rollout_stands() {
        let with = |state: sdk::DeploymentRolloutState| {
            let deployment = sdk::Deployment::builder()
                .status("PRIMARY")
                .rollout_state(state)
                .build();
            sdk::Service::builder().deployments(deployment).build()
        };
        assert_eq!(
            rollout(&with(sdk::DeploymentRolloutState::Failed)),
            LiveRollout::Failed
        );
        assert_eq!(
            rollout(&with(sdk::DeploymentRolloutState::InProgress)),
            LiveRollout::InProgress
        );
        assert_eq!(
            rollout(&with(sdk::DeploymentRolloutState::Completed)),
            LiveRollout::Completed
        );
    }
}
