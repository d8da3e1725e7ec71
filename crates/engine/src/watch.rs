//! Follows rollouts to their ends: one batched poll for all, faster while something happens.
//!
//! The platform's circuit breaker is not waited for: as soon as the evidence shows that a rollout
//! cannot succeed, its cause is named and the rollback is asked for.

mod one;
mod pace;
mod retreat;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::desired::DesiredService;
use seaway_core::diagnosis::Look;
use seaway_core::event::RolloutEnd;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::retreat::failed;
use seaway_core::rollout::Progress;
use seaway_ports::{Checks, PortError, PortErrorKind};

use crate::act::{Making, Others};
use crate::infrastructure;
use crate::roll::Started;
use crate::silence::Silence;
use one::Watched;
use pace::{Lack, Outlook, Pace};
pub(crate) use settings::never_started;

/// Follows every rollout until it ended; `None` when the person stops following.
pub(crate) async fn to_the_end(
    making: &Making,
    started: Vec<Started>,
    others: Others,
) -> Result<Option<BTreeMap<ServiceName, RolloutEnd>>, PortError> {
    let session = &making.session;
    let mut following = Following::new(started);
    let mut pace = Pace::default();
    let mut silence = Silence::default();
    while !following.is_over() {
        match following.look(making).await? {
            Seen::Nothing { reason, lack } => {
                silence.lasts(session, &reason)?;
                pace.slow_down(lack);
            }
            Seen::Something(outlook) => {
                silence.ends(session);
                pace.after(outlook, session.ports.clock.now());
            }
        }
        if others == Others::GoBack
            && let Some(failed) = first_failure(&following)
        {
            infrastructure::take_back(making).await?;
            let dependent = |one: &&mut Watched| !one.service.independent;
            for one in following.open.values_mut().filter(dependent) {
                one.give_way(making, &failed).await?;
            }
        }
        match making.record.flush().await {
            // The events are kept and written with the next ones.
            Err(error) if error.is_passing() => tracing::warn!(%error, "events"),
            flushed => flushed?,
        }
        if following.is_over() {
            break;
        }
        tokio::select! {
            () = session.ports.clock.sleep(pace.wait()) => {}
            () = session.interrupt.wait() => return Ok(None),
        }
    }
    Ok(Some(following.ends))
}

/// The rollouts of a plan, on their way and ended.
struct Following {
    open: BTreeMap<ServiceName, Watched>,
    ends: BTreeMap<ServiceName, RolloutEnd>,
    /// Ended, but their settings do not fit yet.
    unsettled: BTreeMap<ServiceName, (DesiredService, RolloutEnd)>,
    /// Those whose health check was changed under tasks that ran.
    suspended: BTreeSet<ServiceName>,
}

/// What one poll of all of them saw.
enum Seen {
    Something(Outlook),
    /// The platform told of none of them.
    Nothing {
        reason: String,
        lack: Lack,
    },
}

impl Seen {
    /// What a passing failure leaves to see.
    fn nothing(error: &PortError) -> Self {
        Self::Nothing {
            reason: error.to_string(),
            lack: match error.kind {
                PortErrorKind::Throttled => Lack::Throttled,
                _ => Lack::Unanswered,
            },
        }
    }
}

impl Following {
    fn new(started: Vec<Started>) -> Self {
        let mut following = Self {
            open: BTreeMap::new(),
            ends: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            suspended: BTreeSet::new(),
        };
        for one in started {
            let name = one.service.name.clone();
            if one.aim.checks() == Checks::Suspended {
                following.suspended.insert(name.clone());
            }
            match Watched::new(one) {
                Ok(watched) => drop(following.open.insert(name, watched)),
                Err(end) => drop(following.ends.insert(name, *end)),
            }
        }
        following
    }

    fn is_over(&self) -> bool {
        self.open.is_empty() && self.unsettled.is_empty()
    }

    /// One poll, and what follows from it.
    async fn look(&mut self, making: &Making) -> Result<Seen, PortError> {
        let seen = match self.open.is_empty() {
            true => Seen::Something(Outlook::default()),
            false => self.poll(making).await?,
        };
        Ok(self.settle(making).await?.unwrap_or(seen))
    }

    /// Makes settings fit what ended; what was seen instead, if that has to be tried again.
    async fn settle(&mut self, making: &Making) -> Result<Option<Seen>, PortError> {
        while let Some((name, (service, end))) = self.unsettled.pop_first() {
            let checks = if self.suspended.contains(&name) {
                Checks::Suspended
            } else {
                Checks::Enforced
            };
            match settings::follow(making, &service, checks, &end).await {
                Ok(()) => drop(self.ends.insert(name, end)),
                Err(error) if error.is_passing() => {
                    self.unsettled.insert(name, (service, end));
                    return Ok(Some(Seen::nothing(&error)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn poll(&mut self, making: &Making) -> Result<Seen, PortError> {
        let asked = self
            .open
            .iter()
            .map(|(name, one)| (name.clone(), one.rollout.clone()))
            .collect();
        let ports = &making.session.ports;
        let asked_at = ports.clock.now();
        let observed = match ports.rollouts.progress(&asked).await {
            Ok(observed) => observed,
            Err(error) if error.is_passing() => return Ok(Seen::nothing(&error)),
            Err(error) => return Err(error),
        };
        let at = Look {
            asked: asked_at,
            answered: ports.clock.now(),
        };
        let mut seen: Option<Outlook> = None;
        let mut hidden = String::new();
        for (name, observed) in observed {
            let progress = match observed {
                Observed::Known(progress) => Some(progress),
                Observed::Absent => None,
                // It may be known at the next poll.
                Observed::Unknown(reason) => {
                    hidden = reason;
                    continue;
                }
            };
            let look = progress.as_ref().map(|progress| (progress, at));
            let outlook = self.take_in(making, &name, look).await?;
            seen = Some(seen.unwrap_or_default().and(outlook));
        }
        Ok(match seen {
            Some(outlook) => Seen::Something(outlook),
            // It answers, and may well be asked for too much.
            None => Seen::Nothing {
                reason: hidden,
                lack: Lack::Throttled,
            },
        })
    }

    /// Hands one rollout what was seen of it, none if its service is gone.
    async fn take_in(
        &mut self,
        making: &Making,
        name: &ServiceName,
        look: Option<(&Progress, Look)>,
    ) -> Result<Outlook, PortError> {
        let Some(one) = self.open.get_mut(name) else {
            return Ok(Outlook::default());
        };
        let looked = match look {
            Some((progress, at)) => one.look(making, progress, at).await?,
            None => one.vanished(making),
        };
        let Some(end) = looked.end else {
            return Ok(looked.outlook);
        };
        if let Some(one) = self.open.remove(name) {
            self.unsettled.insert(name.clone(), (one.service, end));
        }
        Ok(looked.outlook)
    }
}

/// A service of the release that failed or is going back, for the sake of which the others go
/// back, too.
fn first_failure(following: &Following) -> Option<ServiceName> {
    let failing = || {
        let mut open = following.open.iter();
        open.find(|(_, one)| one.is_failing()).map(|(name, _)| name)
    };
    failed(&following.ends).or_else(failing).cloned()
}
