//! Follows rollouts to their ends: one batched poll for all, faster while something happens.
//!
//! The platform's circuit breaker is not waited for: as soon as the evidence shows that a rollout
//! cannot succeed, its cause is named and the rollback is asked for.

mod one;
mod pace;
mod retreat;

use std::collections::BTreeMap;

use seaway_core::diagnosis::Look;
use seaway_core::event::RolloutEnd;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::Progress;
use seaway_ports::PortError;

use crate::act::{Making, Others};
use crate::infrastructure;
use crate::roll::Started;
use one::Watched;
use pace::{Outlook, Pace};

/// Follows every rollout until it ended; `None` when the person stops following.
pub(crate) async fn to_the_end(
    making: &Making,
    started: Vec<Started>,
    others: Others,
) -> Result<Option<BTreeMap<ServiceName, RolloutEnd>>, PortError> {
    let session = &making.session;
    let mut ends = BTreeMap::new();
    let mut open: BTreeMap<ServiceName, Watched> = BTreeMap::new();
    for one in started {
        let name = one.service.name.clone();
        match Watched::new(one) {
            Ok(watched) => drop(open.insert(name, watched)),
            Err(end) => drop(ends.insert(name, *end)),
        }
    }
    let mut pace = Pace::default();
    while !open.is_empty() {
        let asked = open
            .iter()
            .map(|(name, one)| (name.clone(), one.rollout.clone()))
            .collect();
        let asked_at = session.ports.clock.now();
        match session.ports.rollouts.progress(&asked).await {
            Ok(seen) => {
                let at = Look {
                    asked: asked_at,
                    answered: session.ports.clock.now(),
                };
                let outlook = look(making, &mut open, &mut ends, Poll { at, seen }).await?;
                pace.after(outlook, session.ports.clock.now());
            }
            Err(error) if error.is_passing() => pace.slow_down(),
            Err(error) => return Err(error),
        }
        if others == Others::GoBack
            && let Some(failed) = first_failure(&open, &ends)
        {
            infrastructure::take_back(making).await?;
            for one in open.values_mut().filter(|one| !one.service.independent) {
                one.give_way(making, &failed).await?;
            }
        }
        match making.record.flush().await {
            // The events are kept and written with the next ones.
            Err(error) if error.is_passing() => tracing::warn!(%error, "events"),
            flushed => flushed?,
        }
        if open.is_empty() {
            break;
        }
        tokio::select! {
            () = session.ports.clock.sleep(pace.wait()) => {}
            () = session.interrupt.wait() => return Ok(None),
        }
    }
    Ok(Some(ends))
}

/// What a poll saw, and when.
struct Poll {
    at: Look,
    seen: BTreeMap<ServiceName, Observed<Progress>>,
}

/// Hands each rollout what was seen of it.
async fn look(
    making: &Making,
    open: &mut BTreeMap<ServiceName, Watched>,
    ends: &mut BTreeMap<ServiceName, RolloutEnd>,
    poll: Poll,
) -> Result<Outlook, PortError> {
    let mut outlook = Outlook::default();
    for (name, observed) in poll.seen {
        let Some(one) = open.get_mut(&name) else {
            continue;
        };
        let looked = match observed {
            Observed::Known(progress) => one.look(making, &progress, poll.at).await?,
            Observed::Absent => one.vanished(making),
            // It may be known at the next poll.
            Observed::Unknown(reason) => {
                tracing::debug!(%name, reason, "progress unknown");
                continue;
            }
        };
        outlook = outlook.and(looked.outlook);
        if let Some(end) = looked.end {
            open.remove(&name);
            ends.insert(name, end);
        }
    }
    Ok(outlook)
}

/// A service of the release that failed or is going back, for the sake of which the others go
/// back, too.
fn first_failure(
    open: &BTreeMap<ServiceName, Watched>,
    ends: &BTreeMap<ServiceName, RolloutEnd>,
) -> Option<ServiceName> {
    let bad = |end: &RolloutEnd| {
        matches!(
            end,
            RolloutEnd::Failed { .. } | RolloutEnd::RolledBack { .. }
        )
    };
    let ended = ends.iter().find(|(_, end)| bad(end)).map(|(name, _)| name);
    let failing = open
        .iter()
        .find(|(_, one)| one.is_failing())
        .map(|(name, _)| name);
    ended.or(failing).cloned()
}
