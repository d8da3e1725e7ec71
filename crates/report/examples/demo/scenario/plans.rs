//! The shop's services and what can be planned with them.

use seaway_core::desired::{DesiredJob, DesiredService, Document, RevisionId, WatchRules};
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::name::ServiceName;
use seaway_core::plan::{
    Action, ActionId, Block, Decision, Goal, Plan, Reason, Roll, RollKind, SkipReason, Step,
};
use seaway_core::release::{Origin, ReleaseId, Source};
use seaway_core::time::{Seconds, Timestamp};

/// 2026-11-21 12:03:11Z, when every release here begins.
pub(crate) fn noon() -> Timestamp {
    "2026-11-21T12:03:11Z".parse().expect("a time")
}

/// So long after [`noon`].
pub(crate) fn later(milliseconds: u64) -> Timestamp {
    noon() + std::time::Duration::from_millis(milliseconds)
}

/// Who deploys, from a working tree with changes.
pub(super) fn origin() -> Origin {
    let id = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d".into();
    Origin {
        by: "alice@laptop".into(),
        source: Source::Dirty { id },
    }
}

pub(super) fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

pub(super) fn image(service: &str, version: u32) -> ImageRef {
    ImageRef {
        repository: format!("registry.seaway.internal/shop/{service}"),
        digest: Digest::of(format!("{service} {version}").as_bytes()),
    }
}

pub(super) fn revision(service: &str, number: u32) -> RevisionId {
    RevisionId(format!(
        "arn:aws:ecs:local:0:task-definition/shop-local-{service}:{number}"
    ))
}

pub(super) fn desired(service: &str) -> DesiredService {
    DesiredService {
        name: name(service),
        image: image(service, 2),
        revision: Document::new(serde_json::Value::Null),
        registered: None,
        settings: Document::new(serde_json::Value::Null),
        check: None,
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

pub(super) fn roll(service: &str, kind: RollKind) -> Step {
    let service = desired(service);
    Step::Roll(Box::new(Roll {
        service,
        kind,
        count: None,
        from: None,
    }))
}

pub(super) fn new_image(service: &str) -> Decision {
    let (from, to) = (Some(image(service, 1).digest), image(service, 2).digest);
    Decision::Deploy {
        reasons: vec![Reason::Image { from, to }],
    }
}

pub(super) fn plan_of(goal: Goal, services: Vec<(&str, Decision)>, steps: Vec<Step>) -> Plan {
    let services = services
        .into_iter()
        .map(|(text, decision)| (name(text), decision))
        .collect();
    let action = |(index, step)| Action {
        id: ActionId(index),
        step,
    };
    Plan {
        goal,
        services,
        actions: (0..).zip(steps).map(action).collect(),
    }
}

/// Two services change, one does not; a job runs before.
pub(crate) fn plan() -> Plan {
    let job = DesiredJob {
        name: "migrate".parse().expect("a name"),
        service: name("api"),
        image: image("api", 2),
        revision: Document::new(serde_json::Value::Null),
        timeout: Seconds(600),
    };
    let mut api = new_image("api");
    if let Decision::Deploy { reasons } = &mut api {
        reasons.push(Reason::Configuration {
            fields: vec!["env LOG_LEVEL".into()],
        });
    }
    let steps = vec![
        Step::Push {
            service: name("api"),
            image: image("api", 2),
        },
        Step::Push {
            service: name("catalog"),
            image: image("catalog", 2),
        },
        Step::Provision {
            document: Document::new(serde_json::Value::Null),
        },
        Step::RunJob { job: Box::new(job) },
        roll("api", RollKind::Update),
        roll("catalog", RollKind::Update),
    ];
    let unchanged = Decision::Skip {
        because: SkipReason::Unchanged,
    };
    let services = vec![
        ("api", api),
        ("catalog", new_image("catalog")),
        ("worker", unchanged),
    ];
    plan_of(Goal::Deploy, services, steps)
}

/// One of everything that can be decided.
pub(crate) fn motley_plan() -> Plan {
    let count = Decision::Deploy {
        reasons: vec![Reason::Settings, Reason::Count { from: 2, to: 3 }],
    };
    let unknown = Block::Unknown {
        reason: "DescribeServices was throttled\u{1b}[2J".into(),
    };
    let services = vec![
        ("api", count),
        (
            "catalog",
            Decision::Deploy {
                reasons: vec![Reason::New],
            },
        ),
        ("legacy", Decision::Orphan),
        ("old", Decision::Remove),
        ("store", Decision::Blocked { on: unknown }),
        (
            "web",
            Decision::Blocked {
                on: Block::ImageGone {
                    image: image("web", 1),
                },
            },
        ),
        (
            "worker",
            Decision::Skip {
                because: SkipReason::NotSelected,
            },
        ),
    ];
    let steps = vec![
        roll("catalog", RollKind::Create),
        Step::Configure {
            service: Box::new(desired("api")),
            count: Some(3),
        },
        Step::Remove {
            service: name("old"),
        },
    ];
    plan_of(Goal::Rollback { to: ReleaseId(11) }, services, steps)
}

/// Everything is as it should be.
pub(crate) fn empty_plan() -> Plan {
    let unchanged = || Decision::Skip {
        because: SkipReason::Unchanged,
    };
    plan_of(
        Goal::Deploy,
        vec![("api", unchanged()), ("catalog", unchanged())],
        vec![],
    )
}
