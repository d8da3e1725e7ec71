//! Starts one service's rollout.

use seaway_core::desired::{DesiredService, RevisionId};
use seaway_core::event::{EventKind, RolloutEvent, ServiceEvent, Subject};
use seaway_core::live::LiveRollout;
use seaway_core::plan::{Action, ActionId, Decision, Reason, Roll, RollKind, Step};
use seaway_core::release::{Applied, ReleaseId};
use seaway_core::rollout::RolloutId;
use seaway_core::time::Timestamp;
use seaway_ports::{Change, Checks, FreshTasks, PortError, Rolled, Token};

use crate::act::Making;
use crate::persist::persist;
use crate::watch;

/// A rollout on its way, or the reason why it is not.
pub(crate) struct Started {
    pub(crate) service: DesiredService,
    pub(crate) began: Timestamp,
    pub(crate) aim: Aim,
}

/// What is waited for.
pub(crate) enum Aim {
    /// The rollout ends.
    Rollout {
        rollout: RolloutId,
        first: bool,
        checks: Checks,
    },
    /// So many tasks run.
    Count { rollout: RolloutId, count: u32 },
    /// Nothing: it was done at once.
    Nothing,
    /// It could not even be started.
    Failed { error: String },
}

impl Aim {
    /// Whether failing health checks end the service's tasks meanwhile.
    pub(crate) fn checks(&self) -> Checks {
        match self {
            Self::Rollout { checks, .. } => *checks,
            _ => Checks::Enforced,
        }
    }
}

/// Takes the action and says what to wait for. An error means that the whole release must stop;
/// a service that cannot be started is a [`Aim::Failed`].
pub(crate) async fn start(
    making: &Making,
    action: &Action,
    service: &DesiredService,
) -> Result<Started, PortError> {
    let began = making.session.ports.clock.now();
    let started = |aim| Started {
        service: service.clone(),
        began,
        aim,
    };
    making.verify().await?;
    let outcome = match &action.step {
        Step::Roll(roll) => begin(making, roll, action.id).await,
        Step::Configure { service, count } => configure(making, service, *count).await,
        _ => return Ok(started(Aim::Nothing)),
    };
    match outcome {
        Ok((aim, applied)) => {
            making.record.done(action.id, applied).await?;
            Ok(started(aim))
        }
        Err(error) => {
            let text = error.to_string();
            let event = EventKind::Service(ServiceEvent::Failed {
                error: text.clone(),
            });
            making
                .session
                .events
                .emit(Subject::Service(service.name.clone()), event);
            making.record.failed(action.id, &text).await?;
            watch::never_started(making, service).await;
            Ok(started(Aim::Failed { error: text }))
        }
    }
}

/// The service an action of the services phase is about.
pub(crate) fn service_of(step: &Step) -> Option<&DesiredService> {
    match step {
        Step::Roll(roll) => Some(&roll.service),
        Step::Configure { service, .. } => Some(service),
        _ => None,
    }
}

/// The token that makes a repetition of the action harmless.
pub(crate) fn token(release: ReleaseId, action: ActionId, nonce: &str) -> Token {
    let mut token = format!("seaway-{release}-{}-{nonce}", action.0);
    token.truncate(32);
    Token(token)
}

async fn begin(making: &Making, roll: &Roll, id: ActionId) -> Result<(Aim, Applied), PortError> {
    let ports = &making.session.ports;
    let rollouts = &ports.rollouts;
    let service = &roll.service;
    let served = served_before(making, roll).await;
    let revision = match &service.registered {
        Some(revision) => revision.clone(),
        None => persist(&*ports.clock, || rollouts.register(service)).await?,
    };
    let rolled = match roll.kind {
        RollKind::Create => create(making, id, roll, &revision).await?,
        RollKind::Update => {
            change(making, roll, &revision, FreshTasks::WhereRevisionDiffers).await?
        }
        RollKind::Force => change(making, roll, &revision, FreshTasks::Always).await?,
        RollKind::Follow => persist(&*ports.clock, || rollouts.newest(&service.name)).await?,
    };
    let applied = Applied::Rolled {
        revision: revision.clone(),
        rollout: Some(rolled.rollout.clone()),
    };
    making.record.remember(&service.name, &revision);
    making.session.events.emit(
        Subject::Service(service.name.clone()),
        EventKind::Rollout(RolloutEvent::Started {
            rollout: rolled.rollout.clone(),
            revision,
            how: roll.kind,
        }),
    );
    let aim = Aim::Rollout {
        rollout: rolled.rollout,
        first: rolled.first || !served,
        checks: rolled.checks,
    };
    Ok((aim, applied))
}

/// Whether something of the service ran well before this rollout. The record says so: a platform
/// counts the tasks of a first release that was given up as completed once none of them is left,
/// and would go back to them. Only a service that was never on record is looked at.
async fn served_before(making: &Making, roll: &Roll) -> bool {
    let name = &roll.service.name;
    if making.before.services.contains_key(name) {
        return true;
    }
    let from_nothing =
        |reason: &Reason| matches!(reason, Reason::New | Reason::Count { from: 0, .. });
    let planned = match making.plan.services.get(name) {
        Some(Decision::Deploy { reasons }) => reasons.iter().any(from_nothing),
        _ => false,
    };
    if planned || roll.kind == RollKind::Create {
        return false;
    }
    // The rollout is under way already: only the platform knows what it took the place of.
    if roll.kind == RollKind::Follow {
        return true;
    }
    let session = &making.session;
    match session.ports.rollouts.observe(&session.environment).await {
        Ok(live) => live
            .service(name)
            .known()
            .is_none_or(|live| live.rollout == LiveRollout::Completed && live.counts.running > 0),
        Err(error) => {
            tracing::debug!(%error, %name, "what ran before");
            true
        }
    }
}

async fn create(
    making: &Making,
    id: ActionId,
    roll: &Roll,
    revision: &RevisionId,
) -> Result<Rolled, PortError> {
    let count = roll.count.unwrap_or(roll.service.count);
    let token = token(making.record.release, id, &making.record.nonce);
    let ports = &making.session.ports;
    let create = || {
        ports
            .rollouts
            .create(&roll.service, revision, count, &token)
    };
    persist(&*ports.clock, create).await
}

async fn change(
    making: &Making,
    roll: &Roll,
    revision: &RevisionId,
    fresh: FreshTasks,
) -> Result<Rolled, PortError> {
    let change = Change {
        service: &roll.service,
        revision,
        count: roll.count,
        fresh,
    };
    let ports = &making.session.ports;
    persist(&*ports.clock, || ports.rollouts.update(&change)).await
}

async fn configure(
    making: &Making,
    service: &DesiredService,
    count: Option<u32>,
) -> Result<(Aim, Applied), PortError> {
    let ports = &making.session.ports;
    let rollouts = &ports.rollouts;
    persist(&*ports.clock, || rollouts.configure(service, count)).await?;
    if let Some(revision) = &service.registered {
        making.record.remember(&service.name, revision);
    }
    let subject = Subject::Service(service.name.clone());
    making
        .session
        .events
        .emit(subject, EventKind::Service(ServiceEvent::Configured));
    let Some(count) = count else {
        return Ok((Aim::Nothing, Applied::Nothing));
    };
    let newest = persist(&*ports.clock, || rollouts.newest(&service.name)).await?;
    let rollout = newest.rollout;
    Ok((Aim::Count { rollout, count }, Applied::Nothing))
}
