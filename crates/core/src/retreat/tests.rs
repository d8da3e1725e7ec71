//! Who goes back, who is left alone, and what the release is called then.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::desired::{Document, RevisionId, WatchRules};
use crate::digest::{Digest, ImageRef};
use crate::plan::{Action, ActionId, Goal, Roll, RollKind};
use crate::release::Deployed;
use crate::time::Seconds;

fn name(text: &str) -> ServiceName {
    text.parse().expect("a valid name")
}

fn names(texts: &[&str]) -> BTreeSet<ServiceName> {
    texts.iter().map(|text| name(text)).collect()
}

/// A service; one called `solo` is independent.
fn service(text: &str) -> DesiredService {
    DesiredService {
        name: name(text),
        image: ImageRef {
            repository: "registry/shop".into(),
            digest: Digest::of(text.as_bytes()),
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
        independent: text == "solo",
    }
}

fn before(texts: &[&str]) -> Snapshot {
    let deployed = |text: &&str| Deployed {
        revision: RevisionId(format!("{text}:1")),
        service: service(text),
    };
    Snapshot {
        services: texts
            .iter()
            .map(|text| (name(text), deployed(text)))
            .collect(),
        ..Snapshot::default()
    }
}

/// A plan that rolls all of them; those that did not run before are new.
fn plan_of(texts: &[&str], before: &Snapshot) -> Plan {
    let rolled = |(id, text): (u32, &&str)| Action {
        id: ActionId(id),
        step: Step::Roll(Box::new(Roll {
            service: service(text),
            kind: RollKind::Update,
            count: None,
            from: None,
        })),
    };
    let decision = |text: &&str| {
        let is_new = !before.services.contains_key(*text);
        let reason = if is_new {
            Reason::New
        } else {
            Reason::Settings
        };
        let reasons = vec![reason];
        (name(text), Decision::Deploy { reasons })
    };
    Plan {
        goal: Goal::Deploy,
        services: texts.iter().map(decision).collect(),
        actions: (0..).zip(texts).map(rolled).collect(),
    }
}

fn rolled_back() -> RolloutEnd {
    RolloutEnd::RolledBack {
        to: None,
        cause: None,
        reason: None,
    }
}

fn ends(succeeded: &[&str], went_back: &[&str]) -> Ends {
    let good = succeeded
        .iter()
        .map(|text| (name(text), RolloutEnd::Succeeded));
    let bad = went_back.iter().map(|text| (name(text), rolled_back()));
    good.chain(bad).collect()
}

#[test]
fn what_succeeded_beside_a_failure_goes_back_unless_it_is_independent() {
    let before = before(&["api", "solo", "web"]);
    let plan = plan_of(&["api", "new", "solo", "web"], &before);
    let ends = ends(&["new", "solo", "web"], &["api"]);
    assert_eq!(failed(&ends), Some(&name("api")));
    assert_eq!(outcome(&ends), Outcome::RolledBack);
    assert_eq!(to_take_back(&plan, &before, &ends), names(&["new", "web"]));
}

#[test]
fn a_first_release_has_nothing_to_go_back_to() {
    let nothing = Snapshot::default();
    let plan = plan_of(&["api", "web"], &nothing);
    let ends = ends(&["web"], &["api"]);
    assert_eq!(to_take_back(&plan, &nothing, &ends), names(&[]));
}

#[test]
fn one_that_failed_makes_the_release_failed_and_a_superseded_one_neither() {
    let failure = RolloutEnd::Failed {
        cause: None,
        reason: None,
    };
    let mut ends: Ends = BTreeMap::from([(name("api"), RolloutEnd::Superseded { by: None })]);
    assert_eq!((failed(&ends), outcome(&ends)), (None, Outcome::Superseded));
    ends.insert(name("web"), rolled_back());
    assert_eq!(outcome(&ends), Outcome::RolledBack);
    ends.insert(name("worker"), failure);
    assert_eq!(outcome(&ends), Outcome::Failed);
}

#[test]
fn a_way_back_that_was_cut_off_is_the_same_way() {
    let before = before(&["api", "solo", "web"]);
    let plan = plan_of(&["api", "new", "solo", "web"], &before);
    let left = remainder(&plan, &before, &names(&["api"]));
    assert_eq!(left.back, names(&["api", "new", "web"]));
    assert_eq!(left.followed, names(&["solo"]));
    assert_eq!(left.outcome, Outcome::RolledBack);
}

#[test]
fn an_independent_service_that_failed_itself_goes_back() {
    let before = before(&["api", "solo"]);
    let plan = plan_of(&["api", "solo"], &before);
    let left = remainder(&plan, &before, &names(&["solo"]));
    assert_eq!(left.back, names(&["api", "solo"]));
}

#[test]
fn a_new_service_that_failed_is_followed_until_it_is_given_up() {
    let before = before(&["api"]);
    let plan = plan_of(&["api", "new"], &before);
    let left = remainder(&plan, &before, &names(&["new"]));
    assert_eq!(left.back, names(&["api"]));
    assert_eq!(left.followed, names(&["new"]));
    assert_eq!(left.outcome, Outcome::Failed);
}
