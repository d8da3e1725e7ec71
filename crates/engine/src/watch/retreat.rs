//! Has a rollout taken back that cannot succeed, or that another one's failure takes with it.
//!
//! Every request is repeated at the next poll while the platform does not answer it.

use seaway_core::diagnosis::{diagnose, explain};
use seaway_core::event::{EventKind, RolloutEvent, ServiceEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_core::rollout::{Progress, Retreat, RolloutState};
use seaway_core::time::Timestamp;
use seaway_ports::{PortError, RollbackAnswer};

use super::one::Watched;
use super::settings;
use crate::act::Making;

impl Watched {
    /// Names the cause once it is certain, and has the rollout taken back.
    pub(super) async fn judge(
        &mut self,
        making: &Making,
        progress: &Progress,
    ) -> Result<(), PortError> {
        if self.retreat == Retreat::GivingUp {
            return self.give_up(making).await;
        }
        if self.retreat != Retreat::No || self.count.is_some() {
            return Ok(());
        }
        if progress.state == RolloutState::RollingBack && self.retreat_began.is_none() {
            // The platform was faster.
            making.record.goes_back(&self.service.name).await?;
            self.going_back_since(making);
            settings::restore_check(making, &self.service).await?;
        }
        if self.cause.is_none() {
            self.name_cause(making, progress);
        }
        let Some(cause) = &self.cause else {
            return Ok(());
        };
        // What the platform goes back to may be no better: nothing of the service ever ran well.
        let over = matches!(
            progress.state,
            RolloutState::Succeeded | RolloutState::Superseded { .. }
        );
        if self.first && !over {
            return self.give_up(making).await;
        }
        if progress.state != RolloutState::InProgress {
            return Ok(());
        }
        let (why, since) = (cause.title(), cause.since);
        self.ask_for_rollback(making, &why, Some(since)).await
    }

    /// Goes back because another service of the release failed.
    pub(super) async fn give_way(
        &mut self,
        making: &Making,
        failed: &ServiceName,
    ) -> Result<(), PortError> {
        let own = self.service.name == *failed || self.cause.is_some();
        if own || self.retreat != Retreat::No || self.first || self.count.is_some() {
            return Ok(());
        }
        self.ask_for_rollback(making, &format!("{failed} failed"), None)
            .await
    }

    /// Nothing to go back to: no task of a bad first revision keeps crashing. The count that the
    /// manifest asked for is forgotten, too, so that the next deploy sets it again.
    pub(super) async fn give_up(&mut self, making: &Making) -> Result<(), PortError> {
        making.verify().await?;
        making.record.goes_back(&self.service.name).await?;
        // Whatever is answered: a rollout without tasks may look like one that succeeded.
        self.retreat = Retreat::GivingUp;
        self.retreat_began = None;
        self.going_back_since(making);
        let mut service = self.service.clone();
        service.count = 0;
        let rollouts = &making.session.ports.rollouts;
        match rollouts.configure(&service, Some(0)).await {
            Err(error) if error.is_passing() => return Ok(()),
            configured => configured?,
        }
        self.retreat = Retreat::GivenUp;
        let subject = Subject::Service(service.name);
        making
            .session
            .events
            .emit(subject, EventKind::Service(ServiceEvent::GivenUp));
        Ok(())
    }

    /// Notes when going back began, unless that is known.
    fn going_back_since(&mut self, making: &Making) {
        let now = || making.session.ports.clock.now();
        self.retreat_began.get_or_insert_with(now);
    }

    fn name_cause(&mut self, making: &Making, progress: &Progress) {
        let now = making.session.ports.clock.now();
        let case = self.case(progress, now);
        let cause = match progress.state {
            RolloutState::InProgress => diagnose(&case),
            RolloutState::Succeeded | RolloutState::Superseded { .. } => None,
            _ => explain(&case),
        };
        if let Some(cause) = cause {
            let event = RolloutEvent::CauseNamed {
                after_ms: elapsed(cause.since, now),
                cause: cause.clone(),
            };
            self.tell(making, event);
            self.cause = Some(cause);
        }
    }

    /// `since`: when the evidence came to be.
    async fn ask_for_rollback(
        &mut self,
        making: &Making,
        why: &str,
        since: Option<Timestamp>,
    ) -> Result<(), PortError> {
        making.verify().await?;
        let ports = &making.session.ports;
        let rollouts = &ports.rollouts;
        making.record.goes_back(&self.service.name).await?;
        let answer = rollouts
            .request_rollback(&self.service.name, &self.rollout)
            .await;
        match answer {
            Err(error) if error.is_passing() => {}
            Err(error) => return Err(error),
            Ok(RollbackAnswer::Accepted) => {
                self.asked(making);
                let now = ports.clock.now();
                let event = RolloutEvent::RollbackRequested {
                    why: why.to_owned(),
                    after_ms: since.map_or(0, |since| elapsed(since, now)),
                };
                self.tell(making, event);
                // Not before: tasks that pass the old check would complete the rollout.
                settings::restore_check(making, &self.service).await?;
            }
            Ok(RollbackAnswer::AlreadyOver) => self.asked(making),
            Ok(RollbackAnswer::NothingBefore) if self.cause.is_some() => {
                self.give_up(making).await?;
            }
            // It may well be in order: another one's failure is no reason to stop it.
            Ok(RollbackAnswer::NothingBefore) => self.asked(making),
        }
        Ok(())
    }

    fn asked(&mut self, making: &Making) {
        self.retreat = Retreat::Asked;
        self.going_back_since(making);
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> u64 {
    let milliseconds = now.as_millisecond().saturating_sub(since.as_millisecond());
    u64::try_from(milliseconds).unwrap_or_default()
}
