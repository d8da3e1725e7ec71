//! Carries out a plan, phase by phase.
//!
//! The phases follow each other: images, infrastructure, jobs, services, removals. A failure in
//! one keeps the later ones from starting, so that old tasks go on serving.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use seaway_core::desired::Document;
use seaway_core::event::{EventKind, ReleaseEvent, RolloutEnd, Subject};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, ActionId, Phase, Plan, Step};
use seaway_core::release::{Applied, Deployed, Outcome, Snapshot};
use seaway_ports::PortError;
use tokio::sync::OnceCell;

use crate::error::EngineError;
use crate::infrastructure::TakenBack;
use crate::lock::HeldLock;
use crate::persist::persist;
use crate::record::Record;
use crate::session::Session;
use crate::{infrastructure, jobs, remove, retreat, roll, supply, watch};

/// Calls that change something under way at the same time.
const SIDE_BY_SIDE: usize = 16;

/// A release that is being made.
pub(crate) struct Making {
    pub(crate) session: Session,
    pub(crate) lock: HeldLock,
    pub(crate) record: Record,
    pub(crate) plan: Plan,
    /// What ran before it.
    pub(crate) before: Snapshot,
    /// In force once everything is provisioned.
    pub(crate) infrastructure: Option<Document>,
    /// Whether a failure brought the infrastructure of before back.
    pub(crate) taken_back: OnceCell<TakenBack>,
    /// Where it was cut off.
    pub(crate) stage: Stage,
}

/// What is left of a release when it is begun or taken up.
pub(crate) enum Stage {
    /// The actions of its plan.
    Forward,
    /// The way back; its plan holds only what is followed to its end meanwhile.
    Back(WayBack),
}

/// What was left of the way back when a release was cut off on it.
pub(crate) struct WayBack {
    pub(crate) services: BTreeSet<ServiceName>,
    /// How the release ends if all of them get there.
    pub(crate) outcome: Outcome,
    /// The first number that no recorded action has.
    pub(crate) next_id: ActionId,
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
        if let Stage::Back(way) = &self.stage {
            return retreat::go_on(self, way).await;
        }
        for phase in [Phase::Push, Phase::Provision, Phase::Jobs] {
            match self.preparation(phase).await {
                Ok(Prepared::Ready) => {}
                Ok(Prepared::Failed(_)) => {
                    let after = self.unprepared(phase).await?;
                    return Ok(End::Outcome(Outcome::Failed, after));
                }
                Ok(Prepared::Detached) => return Ok(End::Detached),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(ends) = self.services(&self.plan, Others::GoBack).await? else {
            return Ok(End::Detached);
        };
        if ends.values().all(|end| *end == RolloutEnd::Succeeded) {
            let mut after = self.snapshot(&ends);
            let outcome = remove::removals(self, &self.plan, &mut after).await?;
            return Ok(End::Outcome(outcome, after));
        }
        retreat::after_failure(self, &ends).await
    }

    /// What runs after a phase before the rollouts failed.
    async fn unprepared(&self, failed: Phase) -> Result<Snapshot, PortError> {
        if failed > Phase::Push {
            infrastructure::take_back(self).await?;
        }
        Ok(match failed {
            Phase::Push | Phase::Provision => self.before.clone(),
            _ => self.snapshot(&BTreeMap::new()),
        })
    }

    /// The first number that none of the release's actions has.
    pub(crate) fn next_id(&self) -> ActionId {
        match &self.stage {
            Stage::Forward => self.plan.next_id(),
            Stage::Back(way) => way.next_id,
        }
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
        self.verify().await?;
        self.record.begun(actions).await
    }

    /// Fails when the environment is no longer ours; asked before every act.
    pub(crate) async fn verify(&self) -> Result<(), PortError> {
        let clock = &*self.session.ports.clock;
        persist(clock, || self.lock.verify()).await
    }

    async fn preparation(&self, phase: Phase) -> Result<Prepared, PortError> {
        let actions = Self::of(&self.plan, phase);
        if actions.is_empty() {
            return Ok(Prepared::Ready);
        }
        if self.session.interrupt.is_set() {
            return Ok(Prepared::Detached);
        }
        for action in actions {
            // One by one: what was not reached is not on record as begun.
            self.intend(&[action]).await?;
            let done = match &action.step {
                Step::Push { service, image } => supply::push(&self.session, service, image).await,
                Step::Provision { document } => supply::provision(&self.session, document).await,
                Step::RunJob { job } => jobs::run_to_end(self, action.id, job).await?,
                Step::Roll(_) | Step::Configure { .. } | Step::Remove { .. } => continue,
            };
            match done {
                Prepared::Ready => self.record.done(action.id, Applied::Nothing).await?,
                Prepared::Failed(error) => {
                    self.record.failed(action.id, &error).await?;
                    return Ok(Prepared::Failed(error));
                }
                Prepared::Detached => return Ok(Prepared::Detached),
            }
        }
        Ok(Prepared::Ready)
    }

    /// Starts all rollouts of `plan` and follows them to their ends; `None`: no longer followed.
    pub(crate) async fn services(
        &self,
        plan: &Plan,
        others: Others,
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
        // All of them come to their ends before an error stops the release: a call that is dropped
        // half-way may or may not have taken effect.
        let started: Vec<_> = stream::iter(starts)
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        let started = started.into_iter().collect::<Result<_, _>>()?;
        Ok(watch::to_the_end(self, started, others).await?)
    }

    /// What runs after the rollouts ended: the new where they succeeded, the old elsewhere.
    pub(crate) fn snapshot(&self, ends: &BTreeMap<ServiceName, RolloutEnd>) -> Snapshot {
        let mut after = self.before.clone();
        if self.taken_back.get() != Some(&TakenBack::Done) {
            after.infrastructure.clone_from(&self.infrastructure);
        }
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
}

/// What becomes of the other services when one of a plan fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    GoBack,
    /// The plan itself takes something back.
    Stay,
}

/// How an action before the rollouts ended.
pub(crate) enum Prepared {
    Ready,
    /// It failed for this reason, and an event said so.
    Failed(String),
    Detached,
}
