//! From the manifest to running services.

use std::sync::Arc;

use seaway_core::desired::{Desired, Document};
use seaway_core::digest::Digest;
use seaway_core::event::{EventKind, ReleaseEvent, Subject};
use seaway_core::plan::{Goal, Plan, Policy};
use seaway_core::release::{Intent, Outcome, Snapshot};
use seaway_ports::PortError;
use tokio::sync::OnceCell;

use crate::act::{End, Making, Stage};
use crate::error::EngineError;
use crate::guard::{self, Confirm, Occasion};
use crate::lock::HeldLock;
use crate::prepare;
use crate::record::Record;
use crate::session::{Completed, Session};
use crate::settle;

/// How often a plan may change between confirmation and lock before the command gives up.
const ATTEMPTS: u32 = 3;

/// Builds, observes and plans, and changes nothing but the builder's own store.
pub async fn plan_deploy(session: &Session, policy: &Policy) -> Result<Plan, EngineError> {
    let desired = prepare::desired(session).await?;
    prepare::decide(session, &desired, policy).await
}

/// Deploys the environment: build, plan, confirm, record, act.
///
/// Everything that changes something runs in a task of its own: dropping this future stops the
/// following, never the release.
pub async fn deploy(
    session: &Session,
    policy: &Policy,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let desired = prepare::desired(session).await?;
    release(session, &desired, policy, confirm).await
}

/// Makes a release of `desired`: the way every command goes that changes what runs.
pub(crate) async fn release(
    session: &Session,
    desired: &Desired,
    policy: &Policy,
    confirm: &dyn Confirm,
) -> Result<Completed, EngineError> {
    let mut plan = prepare::decide(session, desired, policy).await?;
    if plan.is_empty() && prepare::cut_off(&prepare::releases(session).await?).is_none() {
        return Ok(Completed::NothingToDo { plan });
    }
    let mut occasion = Occasion::First;
    for _ in 0..ATTEMPTS {
        if !plan.is_empty() {
            guard::ask(session, confirm, &plan, occasion).await?;
        }
        let lock = HeldLock::acquire(session, &purpose(&policy.goal)).await?;
        match under_lock(session, &lock, (desired, policy), &plan).await {
            Ok(Ready::Go(ground)) => return carry_out(session, lock, plan, ground).await,
            Ok(Ready::Changed(newer)) if newer.is_empty() => {
                lock.release().await;
                return Ok(Completed::NothingToDo { plan: newer });
            }
            Ok(Ready::Changed(newer)) => {
                lock.release().await;
                plan = newer;
                occasion = Occasion::Changed;
            }
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        }
    }
    Err(EngineError::PlanKeepsChanging)
}

enum Ready {
    /// The plan still holds.
    Go(Ground),
    Changed(Plan),
}

/// What a plan begins with.
struct Ground {
    /// This runs before it.
    before: Snapshot,
    /// In force once everything is provisioned.
    infrastructure: Option<Document>,
}

/// Plans again now that nobody else can change anything, and closes what was cut off.
async fn under_lock(
    session: &Session,
    lock: &HeldLock,
    wanted: (&Desired, &Policy),
    confirmed: &Plan,
) -> Result<Ready, EngineError> {
    let (desired, policy) = wanted;
    settle::interrupted_jobs(session).await?;
    let live = prepare::live(session, desired).await?;
    let plan = prepare::decide_on(desired, &live, policy)?;
    let releases = prepare::releases(session).await?;
    let before = prepare::running(&releases, desired, &live);
    let holds = plan.digest() == confirmed.digest();
    // Nothing is on record yet; from here on, leaving takes a `resume`.
    session.interrupt.check()?;
    if settle::is_settled_by(&policy.goal, &plan, holds) {
        settle::close_cut_off(session, lock, &releases, (&live, &before)).await?;
    }
    if plan.is_empty() {
        settle::close_undone(session, lock, &policy.goal).await?;
    }
    if holds && !plan.is_empty() {
        let infrastructure = desired.infrastructure.clone();
        return Ok(Ready::Go(Ground {
            infrastructure: infrastructure.or_else(|| before.infrastructure.clone()),
            before,
        }));
    }
    Ok(Ready::Changed(plan))
}

/// Records the intent and carries the plan out, in a task of its own.
async fn carry_out(
    session: &Session,
    lock: HeldLock,
    plan: Plan,
    ground: Ground,
) -> Result<Completed, EngineError> {
    let session = session.clone();
    owned(async move {
        match begin(&session, &lock, plan, ground).await {
            Ok(planned) => make(&session, lock, planned).await,
            Err(error) => {
                lock.release().await;
                Err(error.into())
            }
        }
    })
    .await
}

async fn begin(
    session: &Session,
    lock: &HeldLock,
    plan: Plan,
    ground: Ground,
) -> Result<Planned, PortError> {
    let environment = &session.environment.name;
    let intent = Intent {
        environment: environment.clone(),
        origin: session.origin.clone(),
        nonce: nonce(session),
        plan: plan.clone(),
        before: ground.before.clone(),
    };
    let ledger = &session.ports.ledger;
    let release = ledger.begin(&lock.lease, &intent).await?;
    session.events.emit(
        Subject::Release,
        EventKind::Release(ReleaseEvent::Started {
            id: release,
            environment: environment.clone(),
            origin: session.origin.clone(),
            plan: Box::new(plan.clone()),
        }),
    );
    let record = Record::new(
        (release, intent.nonce),
        lock.lease.clone(),
        Arc::clone(ledger),
        session.events.clone(),
    );
    Ok(Planned {
        record,
        plan,
        before: ground.before,
        infrastructure: ground.infrastructure,
        stage: Stage::Forward,
    })
}

/// A plan with its record, ready to be carried out.
pub(crate) struct Planned {
    pub(crate) record: Record,
    pub(crate) plan: Plan,
    pub(crate) before: Snapshot,
    /// In force once everything is provisioned.
    pub(crate) infrastructure: Option<Document>,
    pub(crate) stage: Stage,
}

/// Carries out and gives the lock back.
pub(crate) async fn make(
    session: &Session,
    lock: HeldLock,
    planned: Planned,
) -> Result<Completed, EngineError> {
    let making = Making {
        session: session.clone(),
        lock,
        record: planned.record,
        plan: planned.plan,
        before: planned.before,
        infrastructure: planned.infrastructure,
        taken_back: OnceCell::new(),
        stage: planned.stage,
    };
    let end = carried_out(&making).await;
    making.lock.release().await;
    let release = making.record.release;
    Ok(match end? {
        End::Outcome(outcome, after) => Completed::Ended {
            release,
            outcome,
            plan: making.plan,
            after,
        },
        End::Detached => Completed::Detached { release },
    })
}

/// Carries out and, where that took another release back, closes its record under the same lock.
async fn carried_out(making: &Making) -> Result<End, EngineError> {
    let end = making.carry_out().await?;
    if let End::Outcome(Outcome::Succeeded, _) = &end {
        settle::close_undone(&making.session, &making.lock, &making.plan.goal).await?;
    }
    Ok(end)
}

/// Runs `work` in a task of its own: whoever stops waiting for it doesn't stop it.
pub(crate) async fn owned<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn nonce(session: &Session) -> String {
    let seed = format!(
        "{} {} {}",
        session.ports.clock.now(),
        session.origin.by,
        session.pid
    );
    Digest::of(seed.as_bytes()).short().to_owned()
}

fn purpose(goal: &Goal) -> String {
    match goal {
        Goal::Deploy => "deploy".into(),
        Goal::Rollback { to } => format!("rollback to {to}"),
        Goal::RollbackService { to } => format!("rollback to {}", to.short()),
        Goal::Restart => "restart".into(),
        Goal::Scale { count } => format!("scale to {count}"),
        Goal::Undo { release } => format!("undo {release}"),
    }
}
