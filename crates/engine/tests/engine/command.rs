//! One command of a person, on a world in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use seaway_core::environment::Environment;
use seaway_core::event::Event;
use seaway_core::plan::{Goal, Orphans, Plan, Policy};
use seaway_core::release::{Origin, Outcome, Source};
use seaway_engine::{
    Answer, Completed, Confirm, EngineError, Events, Interrupt, Interrupter, Occasion, Ports,
    Resumption, RollbackTarget, Session,
};
use seaway_testkit::{Client, World, lines};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A command that runs, or ran.
pub(crate) struct Command {
    pub(crate) client: Client,
    pub(crate) session: Session,
    pub(crate) interrupter: Interrupter,
    pub(crate) asked: Asked,
    events: UnboundedReceiver<Event>,
}

impl Command {
    /// A command of ann's.
    pub(crate) fn new(world: &World, environment: Environment) -> Self {
        Self::of("ann", world, environment)
    }

    pub(crate) fn of(person: &str, world: &World, environment: Environment) -> Self {
        let client = world.client();
        let (sender, events) = unbounded_channel();
        let (interrupter, interrupt): (Interrupter, Interrupt) = Interrupter::new();
        let session = Session {
            environment: Arc::new(environment),
            ports: ports(&client, world),
            events: Events::new(sender, world.clock()),
            interrupt,
            origin: Origin {
                by: person.to_owned(),
                source: Source::Unversioned,
            },
            pid: 1,
        };
        Self {
            client,
            session,
            interrupter,
            asked: Asked::default(),
            events,
        }
    }

    pub(crate) async fn deploy(&self) -> Result<Completed, EngineError> {
        self.deploy_with(&policy()).await
    }

    pub(crate) async fn deploy_with(&self, policy: &Policy) -> Result<Completed, EngineError> {
        seaway_engine::deploy(&self.session, policy, &self.asked).await
    }

    pub(crate) async fn rollback(&self, target: RollbackTarget) -> Result<Completed, EngineError> {
        seaway_engine::rollback(&self.session, &target, &self.asked).await
    }

    pub(crate) async fn resume(&self, resumption: Resumption) -> Result<Completed, EngineError> {
        seaway_engine::resume(&self.session, resumption, &self.asked).await
    }

    /// What it told since it was asked last.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let mut events = vec![];
        while let Ok(event) = self.events.try_recv() {
            events.push(event);
        }
        lines(&events)
    }
}

fn ports(client: &Client, world: &World) -> Ports {
    let client = Arc::new(client.clone());
    Ports {
        rollouts: client.clone(),
        jobs: client.clone(),
        logs: client.clone(),
        infrastructure: client.clone(),
        renderer: client.clone(),
        builder: client.clone(),
        registry: client.clone(),
        ledger: client.clone(),
        locks: client,
        clock: world.clock(),
    }
}

/// A plain `deploy`.
pub(crate) fn policy() -> Policy {
    Policy {
        goal: Goal::Deploy,
        only: None,
        orphans: Orphans::Keep,
    }
}

/// Deploys and expects the outcome.
pub(crate) async fn deployed(
    world: &World,
    environment: Environment,
    expected: Outcome,
) -> Vec<String> {
    let mut command = Command::new(world, environment);
    let completed = command.deploy().await.expect("carried out");
    let told = command.told();
    assert_eq!(outcome(&completed), Some(expected), "{told:#?}");
    assert_fair(world);
    told
}

/// A second look at the environment finds nothing to do, and everything is in order.
pub(crate) async fn assert_settled(world: &World, environment: Environment) {
    assert_planned_empty(world, environment).await;
    assert_fair(world);
}

/// A second look at the environment finds nothing to do.
pub(crate) async fn assert_planned_empty(world: &World, environment: Environment) {
    let command = Command::new(world, environment);
    let plan = seaway_engine::plan_deploy(&command.session, &policy()).await;
    let plan = plan.expect("planned");
    assert!(plan.is_empty(), "planning again: {plan:?}");
}

/// No rule of ledger and lock was broken, and the lock is free.
pub(crate) fn assert_fair(world: &World) {
    assert_eq!(world.violations(), Vec::<String>::new());
    assert!(world.lock_is_free(), "the lock is still held");
}

pub(crate) fn outcome(completed: &Completed) -> Option<Outcome> {
    match completed {
        Completed::Ended { outcome, .. } => Some(*outcome),
        Completed::NothingToDo { .. } | Completed::Detached { .. } => None,
    }
}

/// What runs, as `api=v1 x2`.
pub(crate) fn running(world: &World) -> Vec<String> {
    let shown = |(name, what)| format!("{name}={what}");
    world.running().into_iter().map(shown).collect()
}

pub(crate) fn named(services: &[&str]) -> BTreeSet<seaway_core::name::ServiceName> {
    let parsed = |name: &&str| name.parse().expect("a name");
    services.iter().map(parsed).collect()
}

/// Somebody who says yes and remembers what was asked.
#[derive(Default)]
pub(crate) struct Asked {
    occasions: Mutex<Vec<Occasion>>,
}

impl Asked {
    pub(crate) fn occasions(&self) -> Vec<Occasion> {
        self.occasions.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Confirm for Asked {
    async fn confirm(&self, _plan: &Plan, occasion: Occasion) -> Answer {
        self.occasions.lock().expect("not poisoned").push(occasion);
        Answer::Confirmed
    }
}
