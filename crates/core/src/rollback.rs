//! Desired state out of the record: going back needs no working tree and no build.

use std::collections::BTreeMap;

use crate::desired::{Desired, DesiredService};
use crate::name::ServiceName;
use crate::release::{Deployed, Release, ReleaseId, Snapshot};

/// The environment as `snapshot` recorded it.
pub fn desired(snapshot: &Snapshot) -> Desired {
    let services = snapshot
        .services
        .iter()
        .map(|(name, deployed)| (name.clone(), again(deployed)));
    Desired {
        infrastructure: None,
        services: services.collect(),
        jobs: BTreeMap::new(),
    }
}

/// One service as it was recorded.
pub fn desired_service(name: &ServiceName, deployed: &Deployed) -> Desired {
    Desired {
        infrastructure: None,
        services: BTreeMap::from([(name.clone(), again(deployed))]),
        jobs: BTreeMap::new(),
    }
}

/// The newest release before `current` that ended with other contents: what a plain `rollback`
/// goes back to. `releases` are in order of their numbers, newest first.
pub fn previous<'a>(releases: &'a [Release], current: &Snapshot) -> Option<&'a Release> {
    releases.iter().find(|release| {
        let succeeded = release.outcome() == Some(crate::release::Outcome::Succeeded);
        let other = |after: &Snapshot| differs(after, current);
        succeeded && release.after().is_some_and(other)
    })
}

/// The snapshot of the named release.
pub fn named(releases: &[Release], id: ReleaseId) -> Option<&Release> {
    releases.iter().find(|release| release.id == id)
}

fn differs(one: &Snapshot, other: &Snapshot) -> bool {
    let documents = |snapshot: &Snapshot| -> BTreeMap<ServiceName, _> {
        let digest = |(name, deployed): (&ServiceName, &Deployed)| {
            (name.clone(), deployed.service.revision.digest.clone())
        };
        snapshot.services.iter().map(digest).collect()
    };
    documents(one) != documents(other)
}

fn again(deployed: &Deployed) -> DesiredService {
    DesiredService {
        registered: Some(deployed.revision.clone()),
        ..deployed.service.clone()
    }
}
