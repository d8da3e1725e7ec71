//! The infrastructure of before comes back when a release fails that had provisioned another.
//!
//! Services go back to tasks that expect the routes and names of then, so this happens as soon as
//! the failure is certain and before others are taken back.

use std::collections::BTreeMap;

use seaway_core::desired::{Desired, Document};
use seaway_core::live::Live;
use seaway_core::plan::{Action, Goal, Plan, Step};
use seaway_core::release::{Applied, Snapshot};
use seaway_core::rollback::leaves_behind;
use seaway_ports::PortError;

use crate::act::{Making, Prepared};
use crate::supply;

/// What became of the infrastructure of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// The release provisioned no other, or it is not on record what was there before.
    NotNeeded,
    Done,
    /// That of the release stays.
    Failed,
}

/// Provisions the recorded infrastructure again, once for each release, its intent first.
pub(crate) async fn take_back(making: &Making) -> Result<TakenBack, PortError> {
    let take_back = || async {
        match replaced(making) {
            Some(document) => provision(making, document).await,
            None => Ok(TakenBack::NotNeeded),
        }
    };
    making.taken_back.get_or_try_init(take_back).await.copied()
}

/// What was there before, if the release has put another in its place.
fn replaced(making: &Making) -> Option<&Document> {
    let before = making.before.infrastructure.as_ref()?;
    let provisioned = making.infrastructure.as_ref()?;
    (before.digest != provisioned.digest).then_some(before)
}

async fn provision(making: &Making, document: &Document) -> Result<TakenBack, PortError> {
    let action = Action {
        id: making.next_id(),
        step: Step::Provision {
            document: document.clone(),
        },
    };
    let plan = Plan {
        goal: Goal::Undo {
            release: making.record.release,
        },
        services: BTreeMap::new(),
        actions: vec![action.clone()],
    };
    making.record.retreat(&plan).await?;
    making.intend(&[&action]).await?;
    match supply::provision(&making.session, document).await {
        Prepared::Failed(error) => {
            making.record.failed(action.id, &error).await?;
            Ok(TakenBack::Failed)
        }
        Prepared::Ready | Prepared::Detached => {
            making.record.done(action.id, Applied::Nothing).await?;
            Ok(TakenBack::Done)
        }
    }
}

/// The infrastructure that a plan provisions.
pub(crate) fn of(plan: &Plan) -> Option<&Document> {
    plan.actions.iter().find_map(|action| match &action.step {
        Step::Provision { document } => Some(document),
        _ => None,
    })
}

/// What the record does not say yet of the infrastructure. That of a release that was cut off half
/// way is not what ran before: its services never proved themselves in it.
pub(crate) fn running<'a>(
    recorded: &Snapshot,
    cut_off: Option<&'a Desired>,
    desired: &'a Desired,
    live: &Live,
) -> Option<&'a Document> {
    let unproven = cut_off.is_some_and(|cut_off| !runs(recorded, cut_off));
    if unproven && recorded.infrastructure.is_some() {
        return None;
    }
    let candidates = [Some(desired), cut_off].into_iter().flatten();
    candidates
        .filter_map(|desired| desired.infrastructure.as_ref())
        .find(|document| live.infrastructure.known() == Some(&document.digest))
}

/// Every service that was desired runs like that.
fn runs(snapshot: &Snapshot, desired: &Desired) -> bool {
    desired.services.values().all(|service| {
        let deployed = snapshot.services.get(&service.name);
        deployed.is_some_and(|deployed| {
            deployed.service.revision.digest == service.revision.digest
                && !leaves_behind(&deployed.service, service)
        })
    })
}
