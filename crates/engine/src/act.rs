//! Carries out a plan, phase by phase.
//!
//! The phases follow each other: images, infrastructure, jobs, services, removals. A failure in
//! one keeps the later ones from starting, so that old tasks go on serving.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use seaway_core::desired::Document;
use seaway_core::digest::ImageRef;
use seaway_core::event::{BuildEvent, EventKind, InfrastructureEvent, RolloutEnd, ServiceEvent};
use seaway_core::event::{ReleaseEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, Phase, Plan, Step};
use seaway_core::release::{Applied, Deployed, Outcome, Snapshot};
use seaway_ports::PortError;

use crate::error::EngineError;
use crate::lock::HeldLock;
use crate::record::Record;
use crate::session::Session;
use crate::{jobs, retreat, roll, watch};

/// Calls that change something under way at the same time.
const SIDE_BY_SIDE: usize = 16;

/// A release that is being made.
pub(crate) struct Making {
    pub(crate) session: Session,
    pub(crate) lock: Arc<HeldLock>,
    pub(crate) record: Record,
    pub(crate) plan: Plan,
    /// What ran before it.
    pub(crate) before: Snapshot,
}

/// How carrying out a plan ended.
pub(crate) enum End {
    Outcome(Outcome, Snapshot),
    /// The person stopped following.
    Detached,
}

impl Making {
    /// Carries the plan out and closes the record, unless the person stops following.
    pub(crate) async fn carry_out(&self) -> Result<End, EngineError> {
        let end = self.phases().await?;
        let tell = |event| {
            self.session
                .events
                .emit(Subject::Release, EventKind::Release(event))
        };
        match &end {
            End::Outcome(outcome, after) => {
                tell(ReleaseEvent::Ended {
                    id: self.record.release,
                    outcome: *outcome,
                });
                self.record.ended(*outcome, after).await?;
            }
            End::Detached => {
                tell(ReleaseEvent::Interrupted);
                self.record.flush().await?;
            }
        }
        Ok(end)
    }

    async fn phases(&self) -> Result<End, EngineError> {
        for phase in [Phase::Push, Phase::Provision, Phase::Jobs] {
            match self.preparation(phase).await {
                Ok(Prepared::Ready) => {}
                Ok(Prepared::Failed) => {
                    return Ok(End::Outcome(Outcome::Failed, self.before.clone()));
                }
                Ok(Prepared::Detached) => return Ok(End::Detached),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(ends) = self.services(&self.plan).await? else {
            return Ok(End::Detached);
        };
        let mut after = self.snapshot(&ends);
        let outcome = if ends.values().all(|end| *end == RolloutEnd::Succeeded) {
            Outcome::Succeeded
        } else {
            match retreat::after_failure(self, &ends).await? {
                Some(retreated) => {
                    after = retreated;
                    judge(&ends)
                }
                None => return Ok(End::Detached),
            }
        };
        if outcome == Outcome::Succeeded {
            self.removals(&mut after).await?;
        }
        Ok(End::Outcome(outcome, after))
    }

    /// The actions of one phase.
    pub(crate) fn of(plan: &Plan, phase: Phase) -> Vec<&Action> {
        plan.actions
            .iter()
            .filter(|action| action.step.phase() == phase)
            .collect()
    }

    /// Puts the actions on record, if the environment is still ours.
    pub(crate) async fn intend(&self, actions: &[&Action]) -> Result<(), PortError> {
        self.lock.verify().await?;
        self.record.begun(actions).await
    }

    async fn preparation(&self, phase: Phase) -> Result<Prepared, PortError> {
        let actions = Self::of(&self.plan, phase);
        if actions.is_empty() {
            return Ok(Prepared::Ready);
        }
        if self.session.interrupt.is_set() {
            return Ok(Prepared::Detached);
        }
        self.intend(&actions).await?;
        for action in actions {
            let done = match &action.step {
                Step::Push { service, image } => self.push(service, image).await,
                Step::Provision { document } => self.provision(document).await,
                Step::RunJob { job } => jobs::run_to_end(self, action.id, job).await,
                Step::Roll(_) | Step::Configure { .. } | Step::Remove { .. } => continue,
            }?;
            match done {
                Prepared::Ready => self.record.done(action.id, Applied::Nothing).await?,
                Prepared::Failed => {
                    self.record.failed(action.id, "see the events").await?;
                    return Ok(Prepared::Failed);
                }
                Prepared::Detached => return Ok(Prepared::Detached),
            }
        }
        Ok(Prepared::Ready)
    }

    async fn push(&self, service: &ServiceName, image: &ImageRef) -> Result<Prepared, PortError> {
        let tell = |event| {
            self.session
                .events
                .emit(Subject::Service(service.clone()), EventKind::Build(event));
        };
        match self.session.ports.registry.push(image).await {
            Ok(()) => {
                tell(BuildEvent::Pushed {
                    image: image.clone(),
                });
                Ok(Prepared::Ready)
            }
            Err(error) => {
                tell(BuildEvent::Failed {
                    error: error.to_string(),
                });
                Ok(Prepared::Failed)
            }
        }
    }

    async fn provision(&self, document: &Document) -> Result<Prepared, PortError> {
        let tell = |event| {
            self.session
                .events
                .emit(Subject::Release, EventKind::Infrastructure(event))
        };
        tell(InfrastructureEvent::Started);
        match self.session.ports.infrastructure.provision(document).await {
            Ok(changed) => {
                tell(InfrastructureEvent::Ready { changed });
                Ok(Prepared::Ready)
            }
            Err(error) => {
                tell(InfrastructureEvent::Failed {
                    error: error.to_string(),
                });
                Ok(Prepared::Failed)
            }
        }
    }

    /// Starts all rollouts of `plan` and follows them to their ends; `None`: no longer followed.
    pub(crate) async fn services(
        &self,
        plan: &Plan,
    ) -> Result<Option<BTreeMap<ServiceName, RolloutEnd>>, EngineError> {
        let actions = Self::of(plan, Phase::Services);
        if actions.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        if self.session.interrupt.is_set() {
            return Ok(None);
        }
        self.intend(&actions).await?;
        let starts: Vec<_> = actions
            .into_iter()
            .filter_map(|action| Some((action, roll::service_of(&action.step)?)))
            .map(|(action, service)| roll::start(self, action, service))
            .collect();
        let started = stream::iter(starts)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        Ok(watch::to_the_end(self, started).await?)
    }

    /// What runs after the rollouts ended: the new where they succeeded, the old elsewhere.
    pub(crate) fn snapshot(&self, ends: &BTreeMap<ServiceName, RolloutEnd>) -> Snapshot {
        let mut after = self.before.clone();
        for action in &self.plan.actions {
            let Some(service) = roll::service_of(&action.step) else {
                continue;
            };
            if ends.get(&service.name) != Some(&RolloutEnd::Succeeded) {
                continue;
            }
            if let Some(revision) = self.record.revision(&service.name) {
                let deployed = Deployed {
                    revision,
                    service: service.clone(),
                };
                after.services.insert(service.name.clone(), deployed);
            }
        }
        after
    }

    async fn removals(&self, after: &mut Snapshot) -> Result<(), PortError> {
        let actions = Self::of(&self.plan, Phase::Removals);
        if actions.is_empty() {
            return Ok(());
        }
        self.intend(&actions).await?;
        for action in actions {
            let Step::Remove { service } = &action.step else {
                continue;
            };
            self.session.ports.rollouts.remove(service).await?;
            let event = EventKind::Service(ServiceEvent::Removed);
            self.session
                .events
                .emit(Subject::Service(service.clone()), event);
            self.record.done(action.id, Applied::Nothing).await?;
            after.services.remove(service);
        }
        Ok(())
    }
}

/// How an action before the rollouts ended.
pub(crate) enum Prepared {
    Ready,
    /// It failed and an event said why.
    Failed,
    Detached,
}

/// The outcome of a release in which not everything succeeded, after the others went back.
fn judge(ends: &BTreeMap<ServiceName, RolloutEnd>) -> Outcome {
    let any = |matches: fn(&RolloutEnd) -> bool| ends.values().any(matches);
    if any(|end| matches!(end, RolloutEnd::Failed { .. })) {
        Outcome::Failed
    } else if any(|end| matches!(end, RolloutEnd::RolledBack { .. })) {
        Outcome::RolledBack
    } else {
        Outcome::Superseded
    }
}
