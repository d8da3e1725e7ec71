//! One poll of many rollouts, in few calls.
//!
//! Each poll describes the services, ten in a call. Records of service deployments are asked for
//! only where the service itself does not tell how the rollout stands, tasks and targets only for
//! rollouts that have not succeeded. Tasks that stopped are described once per process.

pub(crate) mod state;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types as sdk;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{Counts, PlatformEvent, Progress, RolloutId, RolloutState};
use seaway_core::time::Timestamp;
use seaway_ports::PortError;

use crate::connect::Session;
use crate::parallel;
use crate::services::{count, is_same_rollout};
use crate::targets::{self, Targets};
use crate::tasks::{self, Wanted, timestamp};
use state::{Evidence, Reading};

/// One rollout of a poll.
struct Followed<'a> {
    name: &'a ServiceName,
    rollout: &'a RolloutId,
    service: sdk::Service,
    record: Option<sdk::ServiceDeployment>,
}

impl Session {
    pub(crate) async fn progress(
        &self,
        rollouts: &BTreeMap<ServiceName, RolloutId>,
    ) -> Result<BTreeMap<ServiceName, Observed<Progress>>, PortError> {
        let names: Vec<String> = rollouts.keys().map(ToString::to_string).collect();
        let mut described = self.describe(&names).await;
        let mut seen = BTreeMap::new();
        let mut followed = vec![];
        for (name, rollout) in rollouts {
            match described.remove(name.as_str()) {
                Some(Observed::Known(service)) => followed.push(Followed {
                    name,
                    rollout,
                    service,
                    record: None,
                }),
                Some(Observed::Unknown(reason)) => {
                    seen.insert(name.clone(), Observed::Unknown(reason));
                }
                Some(Observed::Absent) | None => {
                    seen.insert(name.clone(), Observed::Absent);
                }
            }
        }
        let followed = self.with_records(followed, &mut seen).await;
        for (name, progress) in self.looked_into(followed).await? {
            seen.insert(name, progress);
        }
        Ok(seen)
    }

    /// Adds the records of those rollouts whose services do not tell how they stand.
    async fn with_records<'a>(
        &self,
        followed: Vec<Followed<'a>>,
        failed: &mut BTreeMap<ServiceName, Observed<Progress>>,
    ) -> Vec<Followed<'a>> {
        let (mut complete, unclear): (Vec<_>, Vec<_>) = followed
            .into_iter()
            .partition(|f| state::is_plain(&f.service, f.rollout));
        let look_up = async |one: Followed<'a>| {
            let record = self.record(one.name, one.rollout).await;
            (one, record)
        };
        let calls = unclear.into_iter().map(look_up).collect();
        for (one, record) in parallel::all(calls).await {
            match record {
                Ok(record) => complete.push(Followed { record, ..one }),
                Err(error) => {
                    failed.insert(one.name.clone(), Observed::Unknown(error.to_string()));
                }
            }
        }
        complete
    }

    /// The service deployment of a rollout; none when ECS no longer, or not yet, lists it.
    pub(crate) async fn record(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<Option<sdk::ServiceDeployment>, PortError> {
        let briefs = self.service_deployments(service, &[]).await?;
        let of_rollout = |brief: &&sdk::ServiceDeploymentBrief| {
            let target = brief.target_service_revision_arn().unwrap_or_default();
            is_same_rollout(target, rollout)
        };
        // The newest one: a deployment that is restored later is recorded with the one that failed.
        let Some(arn) = briefs
            .iter()
            .find(of_rollout)
            .and_then(|brief| brief.service_deployment_arn())
        else {
            return Ok(None);
        };
        let described = self.describe_service_deployments(&[arn.to_owned()]).await?;
        Ok(described.into_iter().next())
    }

    async fn looked_into(
        &self,
        followed: Vec<Followed<'_>>,
    ) -> Result<Vec<(ServiceName, Observed<Progress>)>, PortError> {
        let read: Vec<(Followed<'_>, Option<Reading>)> = followed
            .into_iter()
            .map(|one| {
                let reading = one.reading();
                (one, reading)
            })
            .collect();
        let unfinished = || {
            read.iter().filter(|(_, reading)| {
                let state = reading.as_ref().map(|reading| &reading.state);
                state.is_some_and(|state| *state != RolloutState::Succeeded)
            })
        };
        let names: Vec<&ServiceName> = unfinished().map(|(one, _)| one.name).collect();
        let tasks = self.tasks_of(&names, Wanted::LiveAndStopped).await?;
        let groups: BTreeSet<String> = unfinished()
            .filter(|(one, _)| one.tasks(&tasks).any(|task| task.started_at().is_some()))
            .flat_map(|(one, _)| targets::groups(&one.service).map(str::to_owned))
            .collect();
        let targets = self.targets(groups).await;
        let progress = |(one, reading): &(Followed<'_>, Option<Reading>)| {
            let progress = match reading {
                Some(reading) => Observed::Known(one.progress(reading, &tasks, &targets)),
                None => Observed::Unknown(format!("ECS does not show the rollout {}", one.rollout)),
            };
            (one.name.clone(), progress)
        };
        Ok(read.iter().map(progress).collect())
    }
}

impl Followed<'_> {
    fn reading(&self) -> Option<Reading> {
        state::read(Evidence {
            rollout: self.rollout,
            service: &self.service,
            record: self.record.as_ref(),
        })
    }

    /// The rollout's own tasks: `startedBy` is its deployment's id.
    fn tasks<'t>(&'t self, tasks: &'t [sdk::Task]) -> impl Iterator<Item = &'t sdk::Task> {
        let own = |task: &&sdk::Task| task.started_by() == Some(&self.rollout.0);
        tasks.iter().filter(own)
    }

    fn progress(&self, reading: &Reading, tasks: &[sdk::Task], targets: &Targets) -> Progress {
        let of_target = |task| targets::of_task(&self.service, task, targets);
        let seen = self
            .tasks(tasks)
            .map(|task| tasks::seen(task, of_target(task)));
        Progress {
            rollout: self.rollout.clone(),
            state: reading.state.clone(),
            reason: reading.reason.clone(),
            new: state::own(&self.service, self.rollout).map_or_else(Counts::default, counts),
            old: self.old(),
            events: events(&self.service, self.began()),
            tasks: seen.collect(),
        }
    }

    fn old(&self) -> Counts {
        let others = self.service.deployments().iter();
        others
            .filter(|deployment| deployment.id() != Some(&self.rollout.0))
            .map(counts)
            .fold(Counts::default(), |sum, one| Counts {
                desired: sum.desired + one.desired,
                running: sum.running + one.running,
                pending: sum.pending + one.pending,
                failed: sum.failed + one.failed,
            })
    }

    fn began(&self) -> Option<Timestamp> {
        let own = state::own(&self.service, self.rollout);
        let record = self.record.as_ref();
        own.and_then(|deployment| deployment.created_at())
            .or_else(|| record.and_then(|record| record.created_at()))
            .and_then(timestamp)
    }
}

fn counts(deployment: &sdk::Deployment) -> Counts {
    Counts {
        desired: count(deployment.desired_count()),
        running: count(deployment.running_count()),
        pending: count(deployment.pending_count()),
        failed: count(deployment.failed_tasks()),
    }
}

/// Events since the rollout began, oldest first; none when it is not known when that was.
fn events(service: &sdk::Service, began: Option<Timestamp>) -> Vec<PlatformEvent> {
    let Some(began) = began else { return vec![] };
    let mut events: Vec<PlatformEvent> = service
        .events()
        .iter()
        .filter_map(event)
        .filter(|event| event.at >= began)
        .collect();
    // ECS lists the newest first; a stable sort keeps the order of those of one moment.
    events.reverse();
    events.sort_by_key(|event| event.at);
    events
}

pub(crate) fn event(event: &sdk::ServiceEvent) -> Option<PlatformEvent> {
    Some(PlatformEvent {
        id: event.id()?.to_owned(),
        at: event.created_at().and_then(timestamp)?,
        message: event.message().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::primitives::DateTime;

    #[test]
    fn events_from_before_the_rollout_are_left_out_and_the_rest_is_in_order() {
        let event = |id: &str, at| {
            sdk::ServiceEvent::builder()
                .id(id)
                .created_at(DateTime::from_secs(at))
                .build()
        };
        let service = sdk::Service::builder()
            .events(event("d", 30))
            .events(event("c", 20))
            .events(event("b", 20))
            .events(event("a", 10))
            .build();
        let began = Timestamp::from_second(20).ok();
        let ids: Vec<String> = events(&service, began).into_iter().map(|e| e.id).collect();
        assert_eq!(ids, ["b", "c", "d"]);
        assert!(events(&service, None).is_empty());
    }
}
