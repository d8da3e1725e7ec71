//! The planner's rules, each by its behaviour.

use serde_json::json;

use super::*;
use crate::desired::Desired;
use crate::desired::WatchRules;
use crate::live::{Live, LiveRollout, LiveService};
use crate::name::JobName;
use crate::observed::Observed;
use crate::rollout::Counts;
use crate::time::Seconds;

fn name(text: &str) -> ServiceName {
    text.parse().expect("a valid name")
}

fn image(content: &str) -> ImageRef {
    ImageRef {
        repository: "registry/shop".into(),
        digest: Digest::of(content.as_bytes()),
    }
}

fn service(text: &str, content: &str) -> DesiredService {
    let image = image(content);
    let body = json!({"containerDefinitions": [{
        "name": text,
        "image": image.to_string(),
        "environment": [{"name": "LOG_LEVEL", "value": "info"}],
    }]});
    DesiredService {
        name: name(text),
        image,
        revision: Document::new(body),
        registered: None,
        settings: Document::new(json!({"maximumPercent": 200})),
        check: Some(Document::new(json!({"path": "/health"}))),
        count: 2,
        autoscaled: false,
        before: vec![],
        watch: WatchRules {
            timeout: Seconds(900),
            grace: Seconds(30),
            decided: None,
            port: Some(8000),
            health_path: Some("/health".into()),
        },
        independent: false,
    }
}

fn desired(services: impl IntoIterator<Item = DesiredService>) -> Desired {
    let services = services.into_iter().map(|s| (s.name.clone(), s)).collect();
    Desired {
        infrastructure: None,
        services,
        jobs: BTreeMap::new(),
    }
}

/// A platform on which `service` was deployed and came to rest.
fn settled(service: &DesiredService) -> LiveService {
    LiveService {
        revision: RevisionId(format!("{}:1", service.name)),
        document: Some(service.revision.clone()),
        settings: Some(service.settings.digest.clone()),
        check: service.check.as_ref().map(|check| check.digest.clone()),
        image: Some(service.image.clone()),
        declared_count: Some(service.count),
        counts: Counts {
            desired: service.count,
            running: service.count,
            ..Counts::default()
        },
        rollout: LiveRollout::Completed,
    }
}

fn live(services: impl IntoIterator<Item = (ServiceName, Observed<LiveService>)>) -> Live {
    let services: BTreeMap<_, _> = services.into_iter().collect();
    let images = services
        .values()
        .filter_map(|s| s.known()?.image.clone())
        .collect();
    Live {
        infrastructure: Observed::Absent,
        services,
        images,
    }
}

fn nothing() -> Live {
    live([])
}

fn policy(goal: Goal) -> Policy {
    Policy {
        goal,
        only: None,
        orphans: Orphans::Keep,
    }
}

fn decide(desired: &Desired, live: &Live) -> Plan {
    plan(desired, live, &policy(Goal::Deploy))
}

fn reasons_of(plan: &Plan, service: &str) -> Vec<Reason> {
    match &plan.services[service] {
        Decision::Deploy { reasons } => reasons.clone(),
        other => panic!("{service} is not deployed but {other:?}"),
    }
}

fn known(service: &DesiredService) -> (ServiceName, Observed<LiveService>) {
    (service.name.clone(), Observed::Known(settled(service)))
}

#[test]
fn a_service_that_is_not_there_is_created_with_its_count() {
    let plan = decide(&desired([service("api", "one")]), &nothing());
    assert_eq!(reasons_of(&plan, "api"), [Reason::New]);
    let [push, roll] = plan.actions.as_slice() else {
        panic!("{:?}", plan.actions)
    };
    assert!(matches!(push.step, Step::Push { .. }));
    let Step::Roll(roll) = &roll.step else {
        panic!("{roll:?}")
    };
    assert_eq!((roll.kind, roll.count), (RollKind::Create, Some(2)));
}

#[test]
fn planning_again_after_applying_is_empty() {
    let api = service("api", "one");
    let plan = decide(&desired([api.clone()]), &live([known(&api)]));
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(
        plan.services["api"],
        Decision::Skip {
            because: SkipReason::Unchanged
        }
    );
}

#[test]
fn a_new_image_is_pushed_and_named_as_the_only_reason() {
    let old = service("api", "one");
    let new = service("api", "two");
    let plan = decide(&desired([new.clone()]), &live([known(&old)]));
    let expected = Reason::Image {
        from: Some(old.image.digest),
        to: new.image.digest,
    };
    assert_eq!(reasons_of(&plan, "api"), [expected]);
    assert_eq!(plan.actions.len(), 2);
}

#[test]
fn a_changed_variable_is_named_without_its_value() {
    let old = service("api", "one");
    let mut new = old.clone();
    let mut body = new.revision.body.clone();
    body["containerDefinitions"][0]["environment"][0]["value"] = json!("hunter2");
    new.revision = Document::new(body);
    let plan = decide(&desired([new]), &live([known(&old)]));
    let reasons = reasons_of(&plan, "api");
    let [Reason::Configuration { fields }] = reasons.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(
        fields.as_slice(),
        ["containerDefinitions.api.environment.LOG_LEVEL.value"]
    );
    assert!(
        !serde_json::to_string(&plan.services)
            .expect("JSON")
            .contains("hunter2")
    );
}

#[test]
fn an_autoscaled_count_is_never_reset() {
    let mut api = service("api", "one");
    api.autoscaled = true;
    let mut there = settled(&api);
    there.counts.desired = 7;
    api.count = 3;
    let plan = decide(
        &desired([api.clone()]),
        &live([(api.name.clone(), Observed::Known(there))]),
    );
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn a_count_changed_by_hand_stays_until_the_manifest_changes_it() {
    let mut api = service("api", "one");
    let mut there = settled(&api);
    there.counts.desired = 5;
    let live = live([(api.name.clone(), Observed::Known(there))]);
    assert!(decide(&desired([api.clone()]), &live).is_empty());
    api.count = 4;
    let plan = decide(&desired([api]), &live);
    assert_eq!(reasons_of(&plan, "api"), [Reason::Count { from: 5, to: 4 }]);
    assert!(matches!(
        plan.actions[0].step,
        Step::Configure { count: Some(4), .. }
    ));
}

#[test]
fn what_is_unknown_is_blocked_and_never_removed() {
    let api = service("api", "one");
    let unknown = Observed::Unknown("throttled".into());
    let live = live([(name("api"), unknown.clone()), (name("gone"), unknown)]);
    let everything = Policy {
        orphans: Orphans::Remove,
        ..policy(Goal::Deploy)
    };
    let plan = plan(&desired([api]), &live, &everything);
    assert_eq!(plan.blocked().count(), 2);
    assert!(plan.is_empty());
}

#[test]
fn a_service_without_manifest_is_removed_only_when_asked() {
    let old = service("old", "one");
    let live = live([known(&old)]);
    let none = desired([]);
    assert_eq!(decide(&none, &live).services["old"], Decision::Orphan);
    let prune = Policy {
        orphans: Orphans::Remove,
        ..policy(Goal::Deploy)
    };
    let plan = plan(&none, &live, &prune);
    assert!(matches!(plan.actions[0].step, Step::Remove { .. }));
}

#[test]
fn what_was_not_asked_for_is_no_orphan() {
    let (api, web) = (service("api", "one"), service("web", "one"));
    let live = live([known(&api), known(&web)]);
    let only = Some(BTreeSet::from([name("api")]));
    let scale = Policy {
        only,
        ..policy(Goal::Scale { count: 5 })
    };
    let plan = plan(&desired([api]), &live, &scale);
    let skipped = Decision::Skip {
        because: SkipReason::NotSelected,
    };
    assert_eq!(plan.services["web"], skipped);
}

#[test]
fn jobs_run_once_and_before_any_service_rolls() {
    let mut api = service("api", "one");
    let mut web = service("web", "one");
    let migrate: JobName = "migrate".parse().expect("a valid name");
    api.before = vec![migrate.clone()];
    web.before = vec![migrate.clone()];
    let job = DesiredJob {
        name: migrate.clone(),
        service: api.name.clone(),
        image: api.image.clone(),
        revision: api.revision.clone(),
        timeout: Seconds(60),
    };
    let mut wanted = desired([api, web]);
    wanted.jobs.insert(migrate, job);
    let plan = decide(&wanted, &nothing());
    let phases: Vec<Phase> = plan.actions.iter().map(|a| a.step.phase()).collect();
    assert_eq!(
        phases,
        [Phase::Push, Phase::Jobs, Phase::Services, Phase::Services]
    );
}

#[test]
fn an_unfinished_rollout_of_the_same_revision_is_followed() {
    let api = service("api", "one");
    let mut there = settled(&api);
    there.rollout = LiveRollout::InProgress;
    let plan = decide(
        &desired([api.clone()]),
        &live([(api.name, Observed::Known(there))]),
    );
    let Step::Roll(roll) = &plan.actions[0].step else {
        panic!("{plan:?}")
    };
    assert_eq!(roll.kind, RollKind::Follow);
    assert_eq!(reasons_of(&plan, "api"), [Reason::Unfinished]);
}

#[test]
fn a_first_release_that_failed_gets_its_tasks_back() {
    let api = service("api", "one");
    let mut there = settled(&api);
    there.rollout = LiveRollout::Failed;
    there.counts = Counts::default();
    let plan = decide(
        &desired([api.clone()]),
        &live([(api.name, Observed::Known(there))]),
    );
    let Step::Roll(roll) = &plan.actions[0].step else {
        panic!("{plan:?}")
    };
    assert_eq!((roll.kind, roll.count), (RollKind::Force, Some(2)));
}

#[test]
fn a_service_that_was_given_up_gets_its_tasks_back_even_where_they_are_autoscaled() {
    for rollout in [LiveRollout::InProgress, LiveRollout::Completed] {
        let mut api = service("api", "one");
        api.autoscaled = true;
        let mut there = settled(&api);
        there.rollout = rollout;
        there.declared_count = Some(0);
        there.counts = Counts::default();
        let plan = decide(
            &desired([api.clone()]),
            &live([(api.name, Observed::Known(there))]),
        );
        let Step::Roll(roll) = &plan.actions[0].step else {
            panic!("{plan:?}")
        };
        assert_eq!((roll.kind, roll.count), (RollKind::Force, Some(2)));
    }
}

#[test]
fn a_changed_setting_does_not_hide_an_unfinished_rollout() {
    let mut api = service("api", "one");
    let mut there = settled(&api);
    there.rollout = LiveRollout::InProgress;
    api.settings = Document::new(json!({"maximumPercent": 150}));
    api.before = vec!["migrate".parse().expect("a valid name")];
    let plan = decide(
        &desired([api.clone()]),
        &live([(api.name, Observed::Known(there))]),
    );
    let [action] = plan.actions.as_slice() else {
        panic!("{plan:?}")
    };
    let Step::Roll(roll) = &action.step else {
        panic!("{plan:?}")
    };
    assert_eq!(roll.kind, RollKind::Update);
    assert_eq!(roll.service.registered, Some(RevisionId("api:1".into())));
}

#[test]
fn what_is_only_configured_keeps_its_revision() {
    let mut api = service("api", "one");
    let there = settled(&api);
    api.settings = Document::new(json!({"maximumPercent": 150}));
    let plan = decide(
        &desired([api.clone()]),
        &live([(api.name, Observed::Known(there))]),
    );
    let Step::Configure { service, .. } = &plan.actions[0].step else {
        panic!("{plan:?}")
    };
    assert_eq!(service.registered, Some(RevisionId("api:1".into())));
}

#[test]
fn going_back_registers_nothing_and_needs_the_image() {
    let old = service("api", "one");
    let new = service("api", "two");
    let mut wanted = desired([old.clone()]);
    let registered = Some(RevisionId("api:1".into()));
    wanted
        .services
        .get_mut("api")
        .expect("api")
        .registered
        .clone_from(&registered);
    let mut there = live([(
        new.name.clone(),
        Observed::Known(LiveService {
            revision: RevisionId("api:2".into()),
            ..settled(&new)
        }),
    )]);
    let goal = policy(Goal::Rollback { to: ReleaseId(1) });
    let blocked = plan(&wanted, &there, &goal);
    assert!(matches!(
        blocked.blocked().next(),
        Some((_, Block::ImageGone { .. }))
    ));
    there.images.insert(old.image);
    let plan = plan(&wanted, &there, &goal);
    let Step::Roll(roll) = &plan.actions[0].step else {
        panic!("{plan:?}")
    };
    assert_eq!(roll.service.registered, registered);
    assert_eq!(roll.kind, RollKind::Update);
}

#[test]
fn the_order_of_decisions_does_not_change_a_plan() {
    let one = desired([service("api", "one"), service("web", "two")]);
    let other = desired([service("web", "two"), service("api", "one")]);
    assert_eq!(
        decide(&one, &nothing()).digest(),
        decide(&other, &nothing()).digest()
    );
}

#[test]
fn another_health_check_is_proved_by_fresh_tasks_of_the_same_revision() {
    let before = service("api", "one");
    let mut after = before.clone();
    after.check = Some(Document::new(json!({"path": "/ready"})));
    let plan = decide(&desired([after.clone()]), &live([known(&before)]));
    assert_eq!(reasons_of(&plan, "api"), [Reason::HealthCheck]);
    let [action] = plan.actions.as_slice() else {
        panic!("{:?}", plan.actions)
    };
    let Step::Roll(roll) = &action.step else {
        panic!("{action:?}")
    };
    assert_eq!((roll.kind, roll.count), (RollKind::Force, None));
}

#[test]
fn a_change_of_the_count_leaves_the_health_check_alone() {
    let before = service("api", "one");
    let mut other = before.clone();
    other.check = Some(Document::new(json!({"path": "/ready"})));
    let goal = policy(Goal::Scale { count: 3 });
    let plan = plan(&desired([other]), &live([known(&before)]), &goal);
    assert_eq!(reasons_of(&plan, "api"), [Reason::Count { from: 2, to: 3 }]);
}

#[test]
fn where_terraform_owns_the_health_check_it_is_no_reason() {
    let mut service = service("api", "one");
    service.check = None;
    let mut seen = settled(&service);
    seen.check = Some(Digest::of(b"somebody's"));
    let live = live([(service.name.clone(), Observed::Known(seen))]);
    assert!(decide(&desired([service]), &live).is_empty());
}

#[test]
fn an_undo_takes_the_declared_count_back() {
    let before = service("api", "one");
    let mut released = before.clone();
    released.count = 5;
    let undo = policy(Goal::Undo {
        release: ReleaseId(2),
    });
    let plan = plan(&desired([before]), &live([known(&released)]), &undo);
    assert_eq!(reasons_of(&plan, "api"), [Reason::Count { from: 5, to: 2 }]);
}
