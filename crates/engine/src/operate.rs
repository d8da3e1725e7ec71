//! Operations on what runs: restart and scale, from the record and without a build.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::desired::Desired;
use seaway_core::name::ServiceName;
use seaway_core::plan::{Goal, Orphans, Policy};
use seaway_core::rollback;

use crate::deploy::release;
use crate::error::EngineError;
use crate::guard::Confirm;
use crate::prepare;
use crate::session::{Completed, Session};

/// New tasks of the revisions that run; of all services where none is named.
pub async fn restart(
    session: &Session,
    services: Option<BTreeSet<ServiceName>>,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let desired = running(session, services.iter().flatten()).await?;
    let policy = Policy {
        goal: Goal::Restart,
        only: services,
        orphans: Orphans::Keep,
    };
    release(session, &desired, &policy, confirm).await
}

/// Sets the desired count of one service; it stays until the manifest's own count changes.
pub async fn scale(
    session: &Session,
    service: &ServiceName,
    count: u32,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let desired = running(session, [service]).await?;
    let policy = Policy {
        goal: Goal::Scale { count },
        only: Some(BTreeSet::from([service.clone()])),
        orphans: Orphans::Keep,
    };
    release(session, &desired, &policy, confirm).await
}

/// What runs according to the record; every named service must be part of it.
async fn running<'a>(
    session: &Session,
    named: impl IntoIterator<Item = &'a ServiceName>,
) -> Result<Desired, EngineError> {
    let environment = &session.environment.name;
    let releases = prepare::releases(session).await?;
    if releases.is_empty() {
        return Err(EngineError::NoRelease {
            environment: environment.clone(),
        });
    }
    prepare::refuse_cut_off(&releases)?;
    let mut desired = rollback::desired(&prepare::recorded(&releases));
    for service in named {
        if !desired.services.contains_key(service) {
            return Err(EngineError::UnknownService {
                service: service.clone(),
                environment: environment.clone(),
            });
        }
    }
    desired.jobs = BTreeMap::new();
    desired.infrastructure = None; // It stays as it is.
    Ok(desired)
}
