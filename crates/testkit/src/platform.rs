//! Services and their rollouts as a port.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use seaway_core::desired::{DesiredService, RevisionId};
use seaway_core::digest::ImageRef;
use seaway_core::environment::Environment;
use seaway_core::live::{Live, LiveRollout, LiveService};
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{Counts, Progress, RolloutId};
use seaway_ports::{
    Change, Checks, FreshTasks, PortError, PortErrorKind, RollbackAnswer, Rolled, Rollouts,
    ServiceStatus, Token,
};

use crate::audit::Act;
use crate::client::Client;
use crate::fault::Behaviour;
use crate::progress::progress;
use crate::service::{RunningService, Stage};
use crate::world::State;

#[async_trait]
impl Rollouts for Client {
    async fn observe(&self, _environment: &Environment) -> Result<Live, PortError> {
        self.call("observe", |state| Ok(state.live())).await
    }

    async fn register(&self, service: &DesiredService) -> Result<RevisionId, PortError> {
        self.call(format!("register {}", service.name), |state| {
            state.audit(self.number, &Act::Roll(&service.name));
            Ok(state.registered(service))
        })
        .await
    }

    async fn create(
        &self,
        service: &DesiredService,
        revision: &RevisionId,
        count: u32,
        _token: &Token,
    ) -> Result<Rolled, PortError> {
        self.call(format!("create {}", service.name), |state| {
            state.audit(self.number, &Act::Roll(&service.name));
            if let Some(running) = state.services.get(&service.name) {
                return Ok(rolled(running));
            }
            let (behaviour, now) = (state.behaviour(&service.image), state.now);
            let mut running = RunningService::new(service, count, now);
            running.begin(revision, behaviour, now);
            let answer = rolled(&running);
            state.services.insert(service.name.clone(), running);
            Ok(answer)
        })
        .await
    }

    async fn update(&self, change: &Change<'_>) -> Result<Rolled, PortError> {
        let name = &change.service.name;
        self.call(format!("update {name}"), |state| {
            state.audit(self.number, &Act::Roll(name));
            let image = state
                .document(change.revision)
                .map(|document| &document.image);
            let image = image.unwrap_or(&change.service.image).clone();
            let (behaviour, now) = (state.behaviour(&image), state.now);
            let running = state.service(name)?;
            running.applied = change.service.clone();
            running.judge_by(change.service);
            if let Some(count) = change.count {
                running.count(count, now);
            }
            let differs = running.primary_revision() != change.revision;
            if differs || change.fresh == FreshTasks::Always {
                running.begin(change.revision, behaviour, now);
            }
            let check = change.service.check.as_ref();
            running.proved = check.map(|check| check.digest.clone());
            Ok(rolled(running))
        })
        .await
    }

    async fn restore_check(&self, service: &DesiredService) -> Result<(), PortError> {
        self.call(format!("restore_check {}", service.name), |state| {
            state.audit(self.number, &Act::Configure(&service.name));
            state.service(&service.name)?.judge_by(service);
            Ok(())
        })
        .await
    }

    async fn configure(
        &self,
        service: &DesiredService,
        count: Option<u32>,
    ) -> Result<(), PortError> {
        self.call(format!("configure {}", service.name), |state| {
            state.audit(self.number, &Act::Configure(&service.name));
            let now = state.now;
            let running = state.service(&service.name)?;
            running.applied = service.clone();
            running.checks = Checks::Enforced;
            if let Some(count) = count {
                running.count(count, now);
            }
            Ok(())
        })
        .await
    }

    async fn scale(&self, service: &ServiceName, count: u32) -> Result<(), PortError> {
        self.call(format!("scale {service}"), |state| {
            state.audit(self.number, &Act::Configure(service));
            let now = state.now;
            state.service(service)?.count(count, now);
            Ok(())
        })
        .await
    }

    async fn newest(&self, service: &ServiceName) -> Result<Rolled, PortError> {
        self.call(format!("newest {service}"), |state| {
            Ok(rolled(state.service(service)?))
        })
        .await
    }

    async fn progress(
        &self,
        rollouts: &BTreeMap<ServiceName, RolloutId>,
    ) -> Result<BTreeMap<ServiceName, Observed<Progress>>, PortError> {
        self.call("progress", |state| {
            let seen = |(name, id): (&ServiceName, &RolloutId)| {
                let service = state.services.get(name);
                let found = service.and_then(|service| Some((service, service.rollout(id)?)));
                let seen = found.map_or(Observed::Absent, |(service, rollout)| {
                    Observed::Known(progress(service, rollout, state.now))
                });
                (name.clone(), seen)
            };
            Ok(rollouts.iter().map(seen).collect())
        })
        .await
    }

    async fn request_rollback(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<RollbackAnswer, PortError> {
        self.call(format!("request_rollback {service}"), |state| {
            state.audit(self.number, &Act::Configure(service));
            let now = state.now;
            let running = state.service(service)?;
            let stage = running
                .rollout(rollout)
                .map(|rollout| rollout.stage.clone());
            Ok(match stage {
                Some(Stage::InProgress) if running.roll_back(now) => RollbackAnswer::Accepted,
                Some(Stage::InProgress) => RollbackAnswer::NothingBefore,
                Some(Stage::RollingBack | Stage::RolledBack { .. }) => RollbackAnswer::Accepted,
                _ => RollbackAnswer::AlreadyOver,
            })
        })
        .await
    }

    async fn remove(&self, service: &ServiceName) -> Result<(), PortError> {
        self.call(format!("remove {service}"), |state| {
            state.audit(self.number, &Act::Remove(service));
            state.services.remove(service);
            Ok(())
        })
        .await
    }

    async fn status(&self) -> Result<Vec<ServiceStatus>, PortError> {
        self.call("status", |state| {
            let status = |(name, service): (&ServiceName, &RunningService)| {
                let primary = service.primary();
                let seen = progress(service, primary, state.now);
                ServiceStatus {
                    name: name.clone(),
                    revision: primary.revision.clone(),
                    image: state.document(&primary.revision).map(|d| d.image.clone()),
                    counts: seen.new,
                    rollouts: vec![(primary.id.clone(), format!("{:?}", seen.state), seen.reason)],
                    targets: None,
                    tasks: seen.tasks,
                    last_event: seen.events.last().cloned(),
                }
            };
            Ok(state.services.iter().map(status).collect())
        })
        .await
    }
}

impl State {
    fn live(&self) -> Live {
        let observed = |(name, service): (&ServiceName, &RunningService)| {
            let observed = if self.unreadable.contains(name) {
                Observed::Unknown("hidden by the test".to_owned())
            } else {
                Observed::Known(self.live_service(service))
            };
            (name.clone(), observed)
        };
        let infrastructure = self.infrastructure.as_ref();
        let infrastructure = infrastructure.map(|document| document.digest.clone());
        Live {
            infrastructure: infrastructure.map_or(Observed::Absent, Observed::Known),
            services: self.services.iter().map(observed).collect(),
            images: BTreeSet::new(),
        }
    }

    fn live_service(&self, service: &RunningService) -> LiveService {
        let primary = service.primary();
        let document = self.document(&primary.revision);
        LiveService {
            revision: primary.revision.clone(),
            document: document.map(|document| document.revision.clone()),
            settings: match service.checks {
                Checks::Enforced => Some(service.applied.settings.digest.clone()),
                Checks::Suspended => None,
            },
            // A lenient check is another one than the one that is wanted.
            check: match service.checks {
                Checks::Enforced => service.check.as_ref().map(|check| check.digest.clone()),
                Checks::Suspended => service.proved.clone(),
            },
            image: document.map(|document| document.image.clone()),
            declared_count: Some(service.applied.count),
            counts: Counts {
                desired: service.desired,
                running: progress(service, primary, self.now).new.running,
                ..Counts::default()
            },
            rollout: match primary.stage {
                Stage::Completed => LiveRollout::Completed,
                Stage::Failed => LiveRollout::Failed,
                _ => LiveRollout::InProgress,
            },
        }
    }

    fn registered(&mut self, service: &DesiredService) -> RevisionId {
        let same = |known: &&(RevisionId, DesiredService)| {
            known.1.name == service.name && known.1.revision.digest == service.revision.digest
        };
        if let Some((id, _)) = self.revisions.iter().find(same) {
            return id.clone();
        }
        let of_family = |known: &&(RevisionId, DesiredService)| known.1.name == service.name;
        let number = self.revisions.iter().filter(of_family).count() + 1;
        let id = RevisionId(format!("{}:{number}", service.name));
        self.revisions.push((id.clone(), service.clone()));
        id
    }

    fn service(&mut self, name: &ServiceName) -> Result<&mut RunningService, PortError> {
        self.services.get_mut(name).ok_or_else(|| {
            let what = format!("find the service {name}");
            PortError::new(PortErrorKind::NotFound, what, "there is no such service")
        })
    }

    fn behaviour(&self, image: &ImageRef) -> Behaviour {
        self.behaviours
            .get(&image.digest)
            .copied()
            .unwrap_or_default()
    }
}

fn rolled(service: &RunningService) -> Rolled {
    Rolled {
        rollout: service.primary().id.clone(),
        first: service.is_first(),
        checks: service.checks,
    }
}
