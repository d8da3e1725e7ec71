//! One screenful about each service of the environment.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use aws_sdk_ecs::types as sdk;
use seaway_core::desired::RevisionId;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{RolloutId, TaskSeen};
use seaway_ports::{PortError, PortErrorKind, ServiceStatus};

use crate::connect::Session;
use crate::observe::counts;
use crate::progress::event;
use crate::tags;
use crate::targets::{self, Targets};
use crate::tasks::{self, Wanted};

impl Session {
    pub(crate) async fn status(&self) -> Result<Vec<ServiceStatus>, PortError> {
        let services = self.own_services().await?;
        let names: Vec<&ServiceName> = services.iter().map(|(name, _)| name).collect();
        let groups: BTreeSet<String> = services
            .iter()
            .flat_map(|(_, service)| targets::groups(service).map(str::to_owned))
            .collect();
        let revisions = services.iter().filter_map(|(_, s)| s.task_definition());
        let revisions: BTreeSet<String> = revisions.map(str::to_owned).collect();
        let (tasks, targets, definitions) = futures::join!(
            self.tasks_of(&names, Wanted::Live),
            self.targets(groups),
            self.definitions(revisions),
        );
        let tasks = tasks?;
        let status = |(name, service): &(ServiceName, sdk::Service)| {
            let revision = service.task_definition().unwrap_or_default();
            let definition = definitions.get(revision).and_then(|d| d.as_ref().ok());
            ServiceStatus {
                name: name.clone(),
                revision: RevisionId(revision.to_owned()),
                image: definition.and_then(|definition| definition.image()),
                counts: counts(service),
                rollouts: rollouts(service),
                targets: targets::tally(service, &targets),
                tasks: tasks_of(service, &tasks, &targets),
                last_event: service.events().first().and_then(event),
            }
        };
        Ok(services.iter().map(status).collect())
    }

    /// Services that carry Seaway's tags or were described in vain; the latter are an error here,
    /// because a status without them would be wrong.
    async fn own_services(&self) -> Result<Vec<(ServiceName, sdk::Service)>, PortError> {
        let names = self.service_names().await?;
        let mut services = vec![];
        for (name, service) in self.describe(&names).await {
            let service = match service {
                Observed::Known(service) => service,
                Observed::Absent => continue,
                Observed::Unknown(reason) => {
                    let what = format!("describe the service {name}");
                    return Err(PortError::new(PortErrorKind::Unavailable, what, reason));
                }
            };
            let is_own = tags::value(service.tags(), tags::SERVICE).is_some();
            if let (true, Ok(name)) = (is_own, ServiceName::try_from(name)) {
                services.push((name, service));
            }
        }
        Ok(services)
    }
}

/// Each deployment's state and reason, newest first.
fn rollouts(service: &sdk::Service) -> Vec<(RolloutId, String, Option<String>)> {
    let mut deployments: Vec<&sdk::Deployment> = service.deployments().iter().collect();
    deployments.sort_by_key(|deployment| {
        let is_newest = deployment.status() == Some("PRIMARY");
        let at = deployment
            .created_at()
            .map(|at| (at.secs(), at.subsec_nanos()));
        (!is_newest, Reverse(at))
    });
    let shown = |deployment: &&sdk::Deployment| {
        let state = deployment.rollout_state().map_or("UNKNOWN", |s| s.as_str());
        let reason = deployment.rollout_state_reason().map(str::to_owned);
        Some((
            RolloutId(deployment.id()?.to_owned()),
            state.to_owned(),
            reason,
        ))
    };
    deployments.iter().filter_map(shown).collect()
}

fn tasks_of(service: &sdk::Service, tasks: &[sdk::Task], targets: &Targets) -> Vec<TaskSeen> {
    tasks
        .iter()
        .filter(|task| tasks::service_of(task) == service.service_name())
        .map(|task| tasks::seen(task, targets::of_task(service, task, targets)))
        .collect()
}
