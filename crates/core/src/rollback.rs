//! Desired state out of the record: going back needs no working tree and no build.

use std::collections::BTreeMap;

use crate::desired::{Desired, DesiredService};
use crate::name::ServiceName;
use crate::release::{Deployed, Release, Snapshot};

/// The environment as `snapshot` recorded it.
pub fn desired(snapshot: &Snapshot) -> Desired {
    let services = snapshot
        .services
        .iter()
        .map(|(name, deployed)| (name.clone(), again(deployed)));
    Desired {
        infrastructure: snapshot.infrastructure.clone(),
        services: services.collect(),
        jobs: BTreeMap::new(),
    }
}

/// One service as it was recorded. The infrastructure belongs to all of them and stays as it is.
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

/// Whether going back to the revision of `before` alone would leave something of `tried` in force.
pub fn leaves_behind(before: &DesiredService, tried: &DesiredService) -> bool {
    before.settings.digest != tried.settings.digest || checks_differ(before, tried)
}

/// Whether the two are judged by different health checks.
pub fn checks_differ(one: &DesiredService, other: &DesiredService) -> bool {
    let check = |service: &DesiredService| service.check.as_ref().map(|c| c.digest.clone());
    check(one) != check(other)
}

fn differs(one: &Snapshot, other: &Snapshot) -> bool {
    let infrastructure = match (&one.infrastructure, &other.infrastructure) {
        (Some(one), Some(other)) => one.digest != other.digest,
        _ => false, // Nothing is on record that could be brought back.
    };
    let revisions = |snapshot: &Snapshot| -> BTreeMap<ServiceName, _> {
        let digest = |(name, deployed): (&ServiceName, &Deployed)| {
            (name.clone(), deployed.service.revision.digest.clone())
        };
        snapshot.services.iter().map(digest).collect()
    };
    let is_judged_otherwise = |(name, one): (&ServiceName, &Deployed)| {
        let other = other.services.get(name);
        other.is_some_and(|other| match (&one.service.check, &other.service.check) {
            (Some(one), Some(other)) => one.digest != other.digest,
            _ => false, // As above.
        })
    };
    infrastructure
        || revisions(one) != revisions(other)
        || one.services.iter().any(is_judged_otherwise)
}

fn again(deployed: &Deployed) -> DesiredService {
    DesiredService {
        registered: Some(deployed.revision.clone()),
        ..deployed.service.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::desired::{Document, RevisionId, WatchRules};
    use crate::digest::{Digest, ImageRef};
    use crate::plan::{Goal, Plan};
    use crate::release::{Entry, Intent, Origin, Outcome, ReleaseId, Source, Stamped};
    use crate::time::{Seconds, Timestamp};

    fn with_route(path: Option<&str>) -> Snapshot {
        let document = |path| Document::new(json!({ "route": path }));
        Snapshot {
            infrastructure: path.map(document),
            ..Snapshot::default()
        }
    }

    fn service() -> DesiredService {
        DesiredService {
            name: "api".parse().expect("a name"),
            image: ImageRef {
                repository: "registry/shop".into(),
                digest: Digest::of(b"image"),
            },
            revision: Document::new(json!({})),
            registered: None,
            settings: Document::new(json!({})),
            check: None,
            count: 1,
            autoscaled: false,
            before: vec![],
            watch: WatchRules {
                timeout: Seconds(60),
                grace: Seconds(0),
                decided: None,
                port: None,
                health_path: None,
            },
            independent: false,
        }
    }

    fn succeeded(number: u32, after: Snapshot) -> Release {
        let at = Timestamp::UNIX_EPOCH;
        let outcome = Outcome::Succeeded;
        Release {
            id: ReleaseId(number),
            started_at: at,
            intent: Intent {
                environment: "local".parse().expect("a name"),
                origin: Origin {
                    by: "ann@host".into(),
                    source: Source::Unversioned,
                },
                nonce: "nonce".into(),
                plan: Plan {
                    goal: Goal::Deploy,
                    services: BTreeMap::new(),
                    actions: vec![],
                },
                before: Snapshot::default(),
            },
            entries: vec![Stamped {
                at,
                entry: Entry::Ended { outcome, after },
            }],
        }
    }

    #[test]
    fn another_health_check_is_other_contents() {
        let judged_by = |path: Option<&str>| {
            let check = path.map(|path| Document::new(json!({ "path": path })));
            let revision = RevisionId("api:1".into());
            let service = DesiredService { check, ..service() };
            let services = BTreeMap::from([(service.name.clone(), Deployed { revision, service })]);
            Snapshot {
                services,
                ..Snapshot::default()
            }
        };
        let now = judged_by(Some("/new"));
        assert!(differs(&judged_by(Some("/old")), &now));
        assert!(!differs(&judged_by(None), &now), "nothing is on record");
    }

    #[test]
    fn another_infrastructure_is_other_contents() {
        let releases = [
            succeeded(3, with_route(Some("/new"))),
            succeeded(2, with_route(None)),
            succeeded(1, with_route(Some("/old"))),
        ];
        let found = previous(&releases, &with_route(Some("/new")));
        assert_eq!(found.map(|release| release.id), Some(ReleaseId(1)));
        assert_eq!(previous(&releases[..2], &with_route(Some("/new"))), None);
    }

    #[test]
    fn the_recorded_infrastructure_is_desired_again() {
        let snapshot = with_route(Some("/old"));
        assert_eq!(desired(&snapshot).infrastructure, snapshot.infrastructure);
    }

    #[test]
    fn a_record_without_infrastructure_is_read() {
        let snapshot: Snapshot =
            serde_json::from_value(json!({"services": {}, "jobs": {}})).expect("an older record");
        assert_eq!(snapshot, Snapshot::default());
    }
}
