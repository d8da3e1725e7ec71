//! Everything before a plan can be confirmed: build, render, observe, plan.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::desired::Desired;
use seaway_core::digest::ImageRef;
use seaway_core::environment::{Environment, Service};
use seaway_core::event::{BuildEvent, EventKind, Subject};
use seaway_core::live::{Live, LiveRollout};
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::plan::{Plan, Policy, Step, plan};
use seaway_core::release::{Deployed, Release, Snapshot};
use seaway_ports::{OutputSink, PortError};

use crate::error::EngineError;
use crate::events::Events;
use crate::infrastructure;
use crate::session::Session;

/// Releases that are looked through for something to go back to.
pub(crate) const REMEMBERED: usize = 100;

/// Builds every image of the environment and renders what should run.
pub(crate) async fn desired(session: &Session) -> Result<Desired, EngineError> {
    let environment = &*session.environment;
    let mut images = BTreeMap::new();
    for (name, service) in &environment.services {
        // A build that is dropped ends, and leaves nothing that counts.
        let image = tokio::select! {
            biased;
            () = session.interrupt.wait() => return Err(EngineError::Interrupted),
            image = build(session, environment, service) => image?,
        };
        images.insert(name.clone(), image);
    }
    Ok(session.ports.renderer.render(environment, &images)?)
}

async fn build(
    session: &Session,
    environment: &Environment,
    service: &Service,
) -> Result<ImageRef, EngineError> {
    let subject = Subject::Service(service.name.clone());
    let tell = |event| {
        session
            .events
            .emit(subject.clone(), EventKind::Build(event))
    };
    let command = match &service.image {
        seaway_core::environment::ImageSource::Bundle(bundle) => bundle.build.clone(),
        seaway_core::environment::ImageSource::Dockerfile { .. } => None,
    };
    tell(BuildEvent::Started { command });
    let output = BuildOutput {
        events: &session.events,
        service: &service.name,
    };
    match session
        .ports
        .builder
        .build(environment, service, &output)
        .await
    {
        Ok(built) => {
            let image = built.image.clone();
            tell(BuildEvent::Built {
                image: built.image,
                files: built.files,
                bytes: built.bytes,
            });
            Ok(image)
        }
        Err(error) => {
            tell(BuildEvent::Failed {
                error: error.message.clone(),
            });
            Err(EngineError::Build(error))
        }
    }
}

struct BuildOutput<'a> {
    events: &'a Events,
    service: &'a ServiceName,
}

impl OutputSink for BuildOutput<'_> {
    fn line(&self, line: &str) {
        let event = BuildEvent::Output {
            line: line.to_owned(),
        };
        self.events.emit(
            Subject::Service(self.service.clone()),
            EventKind::Build(event),
        );
    }
}

/// What is there, the registry's images included.
pub(crate) async fn live(session: &Session, desired: &Desired) -> Result<Live, PortError> {
    let services = desired
        .services
        .values()
        .map(|service| service.image.clone());
    let jobs = desired.jobs.values().map(|job| job.image.clone());
    let images: BTreeSet<ImageRef> = services.chain(jobs).collect();
    let observe = session.ports.rollouts.observe(&session.environment);
    let held = session.ports.registry.held(&images);
    let (live, held) = futures::try_join!(observe, held)?;
    Ok(Live {
        images: held,
        ..live
    })
}

/// Observes and decides.
pub(crate) async fn decide(
    session: &Session,
    desired: &Desired,
    policy: &Policy,
) -> Result<Plan, EngineError> {
    decide_on(desired, &live(session, desired).await?, policy)
}

/// Decides; a plan with a blocked service is an error.
pub(crate) fn decide_on(
    desired: &Desired,
    live: &Live,
    policy: &Policy,
) -> Result<Plan, EngineError> {
    let plan = plan(desired, live, policy);
    if let Some((service, block)) = plan.blocked().next() {
        return Err(EngineError::Blocked {
            service: service.clone(),
            block: block.clone(),
        });
    }
    Ok(plan)
}

/// The releases of the environment, newest first.
pub(crate) async fn releases(session: &Session) -> Result<Vec<Release>, PortError> {
    session
        .ports
        .ledger
        .list(&session.environment.name, REMEMBERED)
        .await
}

/// What runs according to the record: the newest release that ended, and nothing before the first.
pub(crate) fn recorded(releases: &[Release]) -> Snapshot {
    releases
        .iter()
        .find_map(Release::after)
        .cloned()
        .unwrap_or_default()
}

/// What runs now: the record, corrected by the services that were found to be as desired, or as a
/// release wanted them whose record was cut off.
pub(crate) fn running(releases: &[Release], desired: &Desired, live: &Live) -> Snapshot {
    let mut snapshot = recorded(releases);
    let planned_last = cut_off(releases).map(|release| planned(&release.intent.plan));
    let cut_off = planned_last
        .iter()
        .flat_map(|desired| desired.services.values());
    for service in cut_off.chain(desired.services.values()) {
        let Observed::Known(live) = live.service(&service.name) else {
            continue;
        };
        // A first release that was given up is complete without a task; it never ran.
        let is_given_up = live.counts.desired == 0 && service.count > 0;
        let is_as_wanted = !is_given_up
            && live.rollout == LiveRollout::Completed
            && live.document.as_ref().map(|document| &document.digest)
                == Some(&service.revision.digest)
            && live.settings.as_ref() == Some(&service.settings.digest)
            && live.check.as_ref() == service.check.as_ref().map(|check| &check.digest);
        if is_as_wanted {
            let deployed = Deployed {
                revision: live.revision.clone(),
                service: service.clone(),
            };
            snapshot.services.insert(service.name.clone(), deployed);
        }
    }
    let wanted = planned_last.as_ref();
    if let Some(document) = infrastructure::running(&snapshot, wanted, desired, live) {
        snapshot.infrastructure = Some(document.clone());
    }
    snapshot
}

/// The services as a plan moves them, in the infrastructure it provisions.
pub(crate) fn planned(plan: &Plan) -> Desired {
    let services = plan.actions.iter().filter_map(|action| match &action.step {
        Step::Roll(roll) => Some((roll.service.name.clone(), roll.service.clone())),
        Step::Configure { service, .. } => Some((service.name.clone(), (**service).clone())),
        _ => None,
    });
    Desired {
        infrastructure: infrastructure::of(plan).cloned(),
        services: services.collect(),
        jobs: BTreeMap::new(),
    }
}

/// The newest release, if it was cut off.
pub(crate) fn cut_off(releases: &[Release]) -> Option<&Release> {
    releases
        .first()
        .filter(|release| release.outcome().is_none())
}

/// Fails while the newest release is cut off: the record doesn't say then what runs.
pub(crate) fn refuse_cut_off(releases: &[Release]) -> Result<(), EngineError> {
    match cut_off(releases) {
        Some(release) => Err(EngineError::Unfinished {
            release: release.id,
        }),
        None => Ok(()),
    }
}
