//! A release as it is written down: one call per event.

use seaway_core::event::{
    BuildEvent, Event, EventKind, InfrastructureEvent, JobEvent, LockEvent, ReleaseEvent,
    RolloutEnd, RolloutEvent, ServiceEvent, Subject, VERSION,
};
use seaway_core::plan::{Plan, RollKind};
use seaway_core::release::{Outcome, ReleaseId};
use seaway_core::rollout::{Counts, RolloutId};

use super::plans::{image, later, name, origin, plan, revision};

/// Events with their times.
pub(super) struct Script {
    pub(super) events: Vec<Event>,
    now: u64,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            events: vec![],
            now: 0,
        }
    }

    pub(super) fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.now += milliseconds;
        self
    }

    pub(super) fn emit(&mut self, subject: Subject, kind: EventKind) -> &mut Self {
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

    pub(super) fn release(&mut self, event: ReleaseEvent) -> &mut Self {
        self.emit(Subject::Release, EventKind::Release(event))
    }

    pub(super) fn started(&mut self, plan: Plan) -> &mut Self {
        let environment = "local".parse().expect("a name");
        let (id, plan) = (ReleaseId(12), Box::new(plan));
        self.release(ReleaseEvent::Started {
            id,
            environment,
            origin: origin(),
            plan,
        })
    }

    pub(super) fn ended(&mut self, outcome: Outcome) -> &mut Self {
        self.release(ReleaseEvent::Ended {
            id: ReleaseId(12),
            outcome,
        })
    }

    pub(super) fn lock(&mut self, event: LockEvent) -> &mut Self {
        self.emit(Subject::Release, EventKind::Lock(event))
    }

    pub(super) fn build(&mut self, service: &str, event: BuildEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Build(event))
    }

    pub(super) fn rollout(&mut self, service: &str, event: RolloutEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Rollout(event))
    }

    pub(super) fn service(&mut self, service: &str, event: ServiceEvent) -> &mut Self {
        self.emit(Subject::Service(name(service)), EventKind::Service(event))
    }

    pub(super) fn job(&mut self, event: JobEvent) -> &mut Self {
        let migrate = "migrate".parse().expect("a name");
        self.emit(Subject::Job(migrate), EventKind::Job(event))
    }

    pub(super) fn rolls(&mut self, service: &str, number: u32, how: RollKind) -> &mut Self {
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
    pub(super) fn counts(&mut self, service: &str, new: (u32, u32, u32), old: u32) -> &mut Self {
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

    pub(super) fn platform(&mut self, service: &str, message: &str) -> &mut Self {
        let message = format!("(service shop-local-{service}) {message}");
        self.rollout(service, RolloutEvent::Platform { message })
    }

    pub(super) fn succeeds(&mut self, service: &str) -> &mut Self {
        self.rollout(
            service,
            RolloutEvent::Ended {
                end: RolloutEnd::Succeeded,
            },
        )
    }

    /// The shop is built.
    pub(super) fn built(&mut self) -> &mut Self {
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
    pub(super) fn prepared(&mut self) -> &mut Self {
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
