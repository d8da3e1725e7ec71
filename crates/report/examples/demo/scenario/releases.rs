//! How releases go, well and badly.

use seaway_core::diagnosis::{Cause, CauseKind};
use seaway_core::event::{
    BuildEvent, Event, EventKind, LockEvent, ReleaseEvent, RolloutEnd, RolloutEvent, ServiceEvent,
};
use seaway_core::plan::{Decision, Goal, Reason, RollKind};
use seaway_core::release::{Entry, Intent, Outcome, Release, ReleaseId, Snapshot, Stamped};
use seaway_core::rollout::RolloutId;

use super::plans::{empty_plan, later, new_image, noon, origin, plan_of, revision, roll};
use super::script::Script;

/// Built, rolled, succeeded.
pub(crate) fn success() -> Vec<Event> {
    let mut script = Script::new();
    script
        .prepared()
        .platform("api", "has started 1 tasks: (task 1a2b3c4d5e6f7081).")
        .counts("api", (1, 1, 0), 2)
        .counts("catalog", (1, 1, 0), 1)
        .wait(900)
        .counts("api", (2, 0, 0), 1)
        .counts("catalog", (2, 0, 0), 0)
        .wait(200)
        .succeeds("catalog")
        .wait(400)
        .counts("api", (2, 0, 0), 0)
        .platform("api", "has reached a steady state.")
        .succeeds("api")
        .ended(Outcome::Succeeded);
    script.events
}

/// The new api crashes at its start: it goes back, and catalog with it.
pub(crate) fn failure() -> Vec<Event> {
    let reason = "Essential container in task exited (exit code 3)";
    let cause = Cause {
        kind: CauseKind::CrashOnStart { exit_code: Some(3) },
        evidence: reason.into(),
        since: later(6_000),
        tasks: vec!["1a2b3c4d5e6f7081".into(), "99aa88bb77cc66dd".into()],
    };
    let log = vec![
        "starting api 2.0.0".into(),
        "\u{1b}[31mFATAL\u{1b}[0m DATABASE_URL is not a URL: \u{1b}]0;owned\u{7}\"\"".into(),
    ];
    let end = RolloutEnd::RolledBack {
        to: Some(revision("api", 6)),
        cause: Some(cause.clone()),
        reason: Some("rolled back by request".into()),
    };
    let failed = |tasks: &[&str]| RolloutEvent::TasksFailed {
        reason: reason.into(),
        tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        log: log.clone(),
    };
    let why = cause.title();
    let mut script = Script::new();
    script
        .prepared()
        .counts("catalog", (2, 0, 0), 0)
        .succeeds("catalog")
        .counts("api", (0, 1, 1), 2)
        .rollout("api", failed(&["1a2b3c4d5e6f7081"]))
        .wait(700)
        .counts("api", (0, 1, 2), 2)
        .rollout("api", failed(&["1a2b3c4d5e6f7081", "99aa88bb77cc66dd"]))
        .rollout(
            "api",
            RolloutEvent::CauseNamed {
                cause,
                after_ms: 180,
            },
        )
        .rollout(
            "api",
            RolloutEvent::RollbackRequested { why, after_ms: 240 },
        )
        .wait(900)
        .counts("api", (0, 0, 2), 2)
        .rollout("api", RolloutEvent::Ended { end })
        .rollout(
            "catalog",
            RolloutEvent::RollbackRequested {
                why: "api failed".into(),
                after_ms: 0,
            },
        )
        .rolls("catalog", 3, RollKind::Update)
        .wait(800)
        .counts("catalog", (2, 0, 0), 0)
        .succeeds("catalog")
        .ended(Outcome::RolledBack);
    script.events
}

/// Waits for another command; then a third one takes its place.
pub(crate) fn superseded() -> Vec<Event> {
    let (holder, purpose) = ("bob@desk".to_owned(), "restart".to_owned());
    let since = noon() - std::time::Duration::from_secs(130);
    let by = Some(RolloutId("ecs-svc/9".into()));
    let mut script = Script::new();
    script
        .lock(LockEvent::Waiting {
            holder,
            purpose,
            since,
        })
        .wait(4_000)
        .lock(LockEvent::Acquired)
        .started(plan_of(
            Goal::Restart,
            vec![(
                "api",
                Decision::Deploy {
                    reasons: vec![Reason::Restart],
                },
            )],
            vec![roll("api", RollKind::Force)],
        ))
        .rolls("api", 7, RollKind::Force)
        .wait(300)
        .counts("api", (1, 1, 0), 2)
        .wait(500)
        .rollout(
            "api",
            RolloutEvent::Ended {
                end: RolloutEnd::Superseded { by },
            },
        )
        .ended(Outcome::Superseded);
    script.events
}

/// The very first release fails: there is nothing to go back to.
pub(crate) fn first_failure() -> Vec<Event> {
    let evidence = "Health checks failed with these codes: [503]";
    let cause = Cause {
        kind: CauseKind::NeverHealthy {
            path: Some("/health".into()),
        },
        evidence: evidence.into(),
        since: later(30_000),
        tasks: vec!["1a2b3c4d5e6f7081".into()],
    };
    let end = RolloutEnd::Failed {
        cause: Some(cause.clone()),
        reason: None,
    };
    let mut script = Script::new();
    script
        .started(plan_of(
            Goal::Deploy,
            vec![(
                "api",
                Decision::Deploy {
                    reasons: vec![Reason::New],
                },
            )],
            vec![roll("api", RollKind::Create)],
        ))
        .rolls("api", 1, RollKind::Create)
        .counts("api", (2, 0, 0), 0)
        .wait(30_200)
        .rollout(
            "api",
            RolloutEvent::CauseNamed {
                cause,
                after_ms: 200,
            },
        )
        .service("api", ServiceEvent::GivenUp)
        .wait(1_000)
        .counts("api", (0, 0, 0), 0)
        .rollout("api", RolloutEvent::Ended { end })
        .ended(Outcome::Failed);
    script.events
}

/// A build that does not compile.
pub(crate) fn build_failure() -> Vec<Event> {
    let mut script = Script::new();
    let command = Some("cargo build --release --bin api".to_owned());
    let error = "`cargo build --release --bin api` ended with exit code 101".to_owned();
    script
        .build("api", BuildEvent::Started { command })
        .wait(700)
        .build(
            "api",
            BuildEvent::Output {
                line: "error[E0308]: mismatched types".into(),
            },
        )
        .build(
            "api",
            BuildEvent::Output {
                line: "  --> src/main.rs:7:5".into(),
            },
        )
        .wait(100)
        .build("api", BuildEvent::Failed { error });
    script.events
}

/// A hundred services at once.
pub(crate) fn fleet() -> Vec<Event> {
    let names: Vec<String> = (1..=100)
        .map(|number| format!("service-{number:03}"))
        .collect();
    let services = names
        .iter()
        .map(|name| (name.as_str(), new_image(name)))
        .collect();
    let steps = names
        .iter()
        .map(|name| roll(name, RollKind::Update))
        .collect();
    let mut script = Script::new();
    script
        .started(plan_of(Goal::Deploy, services, steps))
        .wait(200);
    for name in &names {
        script
            .rolls(name, 2, RollKind::Update)
            .counts(name, (0, 2, 0), 2)
            .wait(10);
    }
    for name in &names {
        script.wait(60).counts(name, (1, 1, 0), 1);
    }
    for name in &names {
        script.wait(60).counts(name, (2, 0, 0), 0).succeeds(name);
    }
    script.ended(Outcome::Succeeded);
    script.events
}

/// The release whose events these are, as the ledger keeps it.
pub(crate) fn recorded(id: u32, events: Vec<Event>) -> Release {
    let started = events.iter().find_map(|event| match &event.kind {
        EventKind::Release(ReleaseEvent::Started { plan, .. }) => Some(plan.as_ref().clone()),
        _ => None,
    });
    let outcome = events.iter().find_map(|event| match &event.kind {
        EventKind::Release(ReleaseEvent::Ended { outcome, .. }) => Some(*outcome),
        _ => None,
    });
    let last = events.last().map_or_else(noon, |event| event.at);
    let mut entries = vec![Stamped {
        at: last,
        entry: Entry::Events { events },
    }];
    if let Some(outcome) = outcome {
        let after = Snapshot::default();
        entries.push(Stamped {
            at: last,
            entry: Entry::Ended { outcome, after },
        });
    }
    let intent = Intent {
        environment: "local".parse().expect("a name"),
        origin: origin(),
        nonce: "nonce".into(),
        plan: started.unwrap_or_else(empty_plan),
        before: Snapshot::default(),
    };
    Release {
        id: ReleaseId(id),
        started_at: noon(),
        intent,
        entries,
    }
}
