//! Recorded releases of a small shop: the demo plays them, the tests compare their text.

use std::collections::BTreeMap;

use seaway_core::desired::{DesiredJob, DesiredService, Document, RevisionId, WatchRules};
use seaway_core::diagnosis::{Cause, CauseKind};
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::event::{
    BuildEvent, Event, EventKind, InfrastructureEvent, JobEvent, LockEvent, ReleaseEvent,
    RolloutEnd, RolloutEvent, ServiceEvent, Subject, VERSION,
};
use seaway_core::name::ServiceName;
use seaway_core::plan::{
    Action, ActionId, Block, Decision, Goal, Plan, Reason, Roll, RollKind, SkipReason, Step,
};
use seaway_core::release::{Entry, Intent, Origin, Outcome, Release, ReleaseId, Snapshot};
use seaway_core::release::{Source, Stamped};
use seaway_core::rollout::{Counts, RolloutId};
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
pub(crate) fn origin() -> Origin {
    let id = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d".into();
    Origin {
        by: "alice@laptop".into(),
        source: Source::Dirty { id },
    }
}

fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

fn image(service: &str, version: u32) -> ImageRef {
    ImageRef {
        repository: format!("registry.seaway.internal/shop/{service}"),
        digest: Digest::of(format!("{service} {version}").as_bytes()),
    }
}

fn revision(service: &str, number: u32) -> RevisionId {
    RevisionId(format!(
        "arn:aws:ecs:local:0:task-definition/shop-local-{service}:{number}"
    ))
}

fn desired(service: &str) -> DesiredService {
    DesiredService {
        name: name(service),
        image: image(service, 2),
        revision: Document::new(serde_json::Value::Null),
        registered: None,
        settings: Document::new(serde_json::Value::Null),
        count: 2,
        autoscaled: false,
        before: vec![],
        watch: WatchRules {
            timeout: Seconds(900),
            grace: Seconds(30),
            port: Some(8000),
            health_path: Some("/health".into()),
        },
        independent: false,
    }
}

fn roll(service: &str, kind: RollKind) -> Step {
    let service = desired(service);
    Step::Roll(Box::new(Roll {
        service,
        kind,
        count: None,
        from: None,
    }))
}

fn new_image(service: &str) -> Decision {
    let (from, to) = (Some(image(service, 1).digest), image(service, 2).digest);
    Decision::Deploy {
        reasons: vec![Reason::Image { from, to }],
    }
}

fn plan_of(goal: Goal, services: Vec<(&str, Decision)>, steps: Vec<Step>) -> Plan {
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

/// Events with their times.
struct Script {
    events: Vec<Event>,
    now: u64,
}

impl Script {
    fn new() -> Self {
        Self {
            events: vec![],
            now: 0,
        }
    }

    fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.now += milliseconds;
        self
    }

    fn emit(&mut self, subject: Subject, kind: EventKind) -> &mut Self {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event {
            version: VERSION,
            seq,
            at: later(self.now),
            subject,
            kind,
        });
        self
    }

    fn release(&mut self, event: ReleaseEvent) -> &mut Self {
        self.emit(Subject::Release, EventKind::Release(event))
    }

    fn started(&mut self, plan: Plan) -> &mut Self {
        let environment = "local".parse().expect("a name");
        let (id, plan) = (ReleaseId(12), Box::new(plan));
        self.release(ReleaseEvent::Started {
            id,
            environment,
            origin: origin(),
            plan,
        })
    }

    fn ended(&mut self, outcome: Outcome) -> &mut Self {
        self.release(ReleaseEvent::Ended {
            id: ReleaseId(12),
            outcome,
        })
    }

    fn lock(&mut self, event: LockEvent) -> &mut Self {
        self.emit(Subject::Release, EventKind::Lock(event))
    }

    fn build(&mut self, service: &str, event: BuildEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Build(event))
    }

    fn rollout(&mut self, service: &str, event: RolloutEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Rollout(event))
    }

    fn service(&mut self, service: &str, event: ServiceEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Service(event))
    }

    fn job(&mut self, event: JobEvent) -> &mut Self {
        let migrate = "migrate".parse().expect("a name");
        self.emit(Subject::Job(migrate), EventKind::Job(event))
    }

    fn rolls(&mut self, service: &str, number: u32, how: RollKind) -> &mut Self {
        let rollout = RolloutId(format!("ecs-svc/{number}"));
        let revision = revision(service, number);
        self.rollout(
            service,
            RolloutEvent::Started {
                rollout,
                revision,
                how,
            },
        )
    }

    /// New tasks running, pending and failed, and old tasks running.
    fn counts(&mut self, service: &str, new: (u32, u32, u32), old: u32) -> &mut Self {
        let new = Counts {
            desired: 2,
            running: new.0,
            pending: new.1,
            failed: new.2,
        };
        let old = Counts {
            desired: old,
            running: old,
            ..Counts::default()
        };
        self.rollout(service, RolloutEvent::Progress { new, old })
    }

    fn platform(&mut self, service: &str, message: &str) -> &mut Self {
        let message = format!("(service shop-local-{service}) {message}");
        self.rollout(service, RolloutEvent::Platform { message })
    }

    fn succeeds(&mut self, service: &str) -> &mut Self {
        self.rollout(
            service,
            RolloutEvent::Ended {
                end: RolloutEnd::Succeeded,
            },
        )
    }

    /// The shop is built.
    fn built(&mut self) -> &mut Self {
        for (service, bytes) in [
            ("api", 4_213_004),
            ("catalog", 3_800_211),
            ("worker", 812_400),
        ] {
            let command = Some(format!("cargo build --release --bin {service}"));
            let line = format!("   Compiling {service} v0.1.0 (/shop/services/{service})");
            self.build(service, BuildEvent::Started { command })
                .wait(400)
                .build(service, BuildEvent::Output { line })
                .wait(900);
            let image = image(service, 2);
            self.build(
                service,
                BuildEvent::Built {
                    image,
                    files: 3,
                    bytes,
                },
            );
        }
        self
    }

    /// Everything before the rollouts.
    fn prepared(&mut self) -> &mut Self {
        self.built().wait(100).started(plan()).wait(50);
        for service in ["api", "catalog"] {
            self.build(
                service,
                BuildEvent::Pushed {
                    image: image(service, 2),
                },
            )
            .wait(80);
        }
        let changed = vec![
            "target group shop-local-api".into(),
            "rule 10: /api/*".into(),
        ];
        let infrastructure = |event| EventKind::Infrastructure(event);
        self.emit(
            Subject::Release,
            infrastructure(InfrastructureEvent::Started),
        )
        .wait(120)
        .emit(
            Subject::Release,
            infrastructure(InfrastructureEvent::Ready { changed }),
        )
        .job(JobEvent::Started {
            task: "task/shop-local/7f3c2a9be01d4c55".into(),
        })
        .wait(600)
        .job(JobEvent::Log {
            line: "applied 0007_prices.sql\tin 12 ms".into(),
        })
        .job(JobEvent::Log {
            line: "schema is at version 7".into(),
        })
        .wait(300)
        .job(JobEvent::Succeeded)
        .rolls("api", 7, RollKind::Update)
        .rolls("catalog", 4, RollKind::Update)
        .counts("api", (0, 1, 0), 2)
        .counts("catalog", (0, 1, 0), 2)
        .wait(500)
    }
}

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
        let after = Snapshot {
            services: BTreeMap::new(),
            jobs: BTreeMap::new(),
        };
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
