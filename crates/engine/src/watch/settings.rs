//! Settings follow the revision: what a rollout changed around its tasks is made to fit the
//! revision that runs after it.

use seaway_core::desired::DesiredService;
use seaway_core::event::RolloutEnd;
use seaway_core::plan::{Decision, Reason};
use seaway_core::release::Deployed;
use seaway_core::rollback::{checks_differ, leaves_behind};
use seaway_ports::{Checks, PortError};

use crate::act::Making;
use crate::persist::persist;

/// Once a rollout ended: enforces checks again that the new tasks have passed, or brings back the
/// settings and the count from before.
pub(super) async fn follow(
    making: &Making,
    service: &DesiredService,
    checks: Checks,
    end: &RolloutEnd,
) -> Result<(), PortError> {
    match end {
        RolloutEnd::Succeeded if checks == Checks::Suspended => {
            configure(making, service, None).await
        }
        RolloutEnd::RolledBack { .. } => take_back(making, service, checks).await,
        _ => Ok(()),
    }
}

/// Puts the health check from before in force for tasks that a rollback keeps or brings back: they
/// may not pass that of the revision that failed. Where nobody answers, [`follow`] does it.
pub(super) async fn restore_check(
    making: &Making,
    service: &DesiredService,
) -> Result<(), PortError> {
    let Some(before) = before(making, service) else {
        return Ok(());
    };
    match put_back(making, before, service).await {
        Err(error) if error.is_passing() => {
            tracing::debug!(%error, "the health check");
            Ok(())
        }
        put_back => put_back,
    }
}

/// Takes back what was changed around a rollout that could not be started. Its own error is what is
/// told; what fails here, too, is found by the next plan.
pub(crate) async fn never_started(making: &Making, service: &DesiredService) {
    if let Err(error) = take_back(making, service, Checks::Enforced).await {
        tracing::warn!(%error, name = %service.name, "settings from before");
    }
}

/// Brings back the settings and the count from before.
async fn take_back(
    making: &Making,
    service: &DesiredService,
    checks: Checks,
) -> Result<(), PortError> {
    let Some(before) = before(making, service) else {
        return Ok(());
    };
    let count = count_before(making, service);
    let is_left_behind = checks == Checks::Suspended || leaves_behind(before, service);
    if count.is_none() && !is_left_behind {
        return Ok(());
    }
    put_back(making, before, service).await?;
    configure(making, before, count).await
}

async fn configure(
    making: &Making,
    settled: &DesiredService,
    count: Option<u32>,
) -> Result<(), PortError> {
    making.verify().await?;
    let ports = &making.session.ports;
    persist(&*ports.clock, || ports.rollouts.configure(settled, count)).await
}

async fn put_back(
    making: &Making,
    before: &DesiredService,
    service: &DesiredService,
) -> Result<(), PortError> {
    if !checks_differ(before, service) {
        return Ok(());
    }
    making.verify().await?;
    let ports = &making.session.ports;
    persist(&*ports.clock, || ports.rollouts.restore_check(before)).await
}

fn before<'a>(making: &'a Making, service: &DesiredService) -> Option<&'a DesiredService> {
    let deployed: &Deployed = making.before.services.get(&service.name)?;
    Some(&deployed.service)
}

/// The count that this release changed.
fn count_before(making: &Making, service: &DesiredService) -> Option<u32> {
    let Some(Decision::Deploy { reasons }) = making.plan.services.get(&service.name) else {
        return None;
    };
    reasons.iter().find_map(|reason| match reason {
        Reason::Count { from, .. } => Some(*from),
        _ => None,
    })
}
