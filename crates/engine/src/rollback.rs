//! Back to what a release recorded, without a build.

use std::collections::BTreeSet;

use seaway_core::desired::{Desired, RevisionId};
use seaway_core::name::ServiceName;
use seaway_core::plan::{Goal, Orphans, Policy};
use seaway_core::release::{Deployed, Release, ReleaseId};
use seaway_core::rollback;

use crate::deploy::release;
use crate::error::EngineError;
use crate::guard::Confirm;
use crate::prepare;
use crate::session::{Completed, Session};

/// Where to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTarget {
    /// The newest release that ended with other contents than what runs now.
    Previous,
    /// What ran at the end of this release.
    Release(ReleaseId),
    /// One service: to `revision`, or to its newest recorded revision that is not the current one.
    Service {
        service: ServiceName,
        revision: Option<String>,
    },
}

impl RollbackTarget {
    /// The one service that goes back, where it is one.
    fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service { service, .. } => Some(service),
            Self::Previous | Self::Release(_) => None,
        }
    }
}

/// Goes back. Services that did not exist then are left alone and shown.
pub async fn rollback(
    session: &Session,
    target: &RollbackTarget,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let (desired, goal) = resolve(session, target).await?;
    let policy = Policy {
        goal,
        only: target
            .service()
            .map(|service| BTreeSet::from([service.clone()])),
        orphans: Orphans::Keep,
    };
    release(session, &desired, &policy, confirm).await
}

async fn resolve(
    session: &Session,
    target: &RollbackTarget,
) -> Result<(Desired, Goal), EngineError> {
    match target {
        RollbackTarget::Previous => {
            let releases = prepare::releases(session).await?;
            prepare::refuse_cut_off(&releases)?;
            let current = prepare::recorded(&releases);
            let previous = rollback::previous(&releases, &current);
            let found = previous.and_then(|release| Some((release.id, release.after()?)));
            let (to, after) = found.ok_or(EngineError::NothingBefore)?;
            Ok((rollback::desired(after), Goal::Rollback { to }))
        }
        RollbackTarget::Release(id) => {
            // However old it is.
            let environment = &session.environment.name;
            let found = session.ports.ledger.read(environment, *id).await?;
            let found = found.ok_or_else(|| EngineError::UnknownRelease {
                environment: environment.clone(),
                release: *id,
            })?;
            let after = found
                .after()
                .ok_or(EngineError::ReleaseNotEnded { release: *id })?;
            Ok((rollback::desired(after), Goal::Rollback { to: *id }))
        }
        RollbackTarget::Service { service, revision } => {
            let releases = prepare::releases(session).await?;
            let deployed = recorded_revision(&releases, service, revision.as_deref())?;
            let goal = Goal::RollbackService {
                to: deployed.revision.clone(),
            };
            Ok((rollback::desired_service(service, deployed), goal))
        }
    }
}

fn recorded_revision<'a>(
    releases: &'a [Release],
    service: &ServiceName,
    wanted: Option<&str>,
) -> Result<&'a Deployed, EngineError> {
    let current = prepare::recorded(releases);
    let current = current
        .services
        .get(service)
        .map(|deployed| &deployed.revision);
    let is_wanted = |revision: &RevisionId| match wanted {
        Some(wanted) => names_revision(revision, wanted),
        None => Some(revision) != current,
    };
    releases
        .iter()
        .filter_map(Release::after)
        .filter_map(|after| after.services.get(service))
        .find(|deployed| is_wanted(&deployed.revision))
        .ok_or_else(|| match wanted {
            Some(revision) => EngineError::UnknownRevision {
                service: service.clone(),
                revision: revision.to_owned(),
            },
            None => EngineError::NothingBefore,
        })
}

/// A revision may be given in full, as `family:7`, or as its number alone.
fn names_revision(revision: &RevisionId, wanted: &str) -> bool {
    let number = revision.short().rsplit(':').next();
    revision.0 == wanted || revision.short() == wanted || number == Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_found_by_arn_family_and_number() {
        let revision = RevisionId("arn:aws:ecs:r:1:task-definition/shop-local-api:7".into());
        for wanted in [revision.0.as_str(), "shop-local-api:7", "7"] {
            assert!(names_revision(&revision, wanted), "{wanted}");
        }
        assert!(!names_revision(&revision, "17"));
    }
}
