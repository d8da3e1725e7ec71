//! Removes services that the manifest no longer names, after everything else succeeded.

use seaway_core::event::{EventKind, ServiceEvent, Subject};
use seaway_core::plan::{Phase, Plan, Step};
use seaway_core::release::{Applied, Outcome, Snapshot};
use seaway_ports::{PortError, PortErrorKind};

use crate::act::Making;
use crate::persist::persist;

/// Takes every removal of `plan`; one that is refused fails the release and keeps no other.
pub(crate) async fn removals(
    making: &Making,
    plan: &Plan,
    after: &mut Snapshot,
) -> Result<Outcome, PortError> {
    let ports = &making.session.ports;
    let mut outcome = Outcome::Succeeded;
    for action in Making::of(plan, Phase::Removals) {
        let Step::Remove { service } = &action.step else {
            continue;
        };
        making.intend(&[action]).await?;
        let tell = |event| {
            let subject = Subject::Service(service.clone());
            making
                .session
                .events
                .emit(subject, EventKind::Service(event));
        };
        match persist(&*ports.clock, || ports.rollouts.remove(service)).await {
            Err(error) if error.kind != PortErrorKind::NotFound => {
                let error = error.to_string();
                tell(ServiceEvent::Failed {
                    error: error.clone(),
                });
                making.record.failed(action.id, &error).await?;
                outcome = Outcome::Failed;
            }
            _ => {
                tell(ServiceEvent::Removed);
                making.record.done(action.id, Applied::Nothing).await?;
                after.services.remove(service);
            }
        }
    }
    Ok(outcome)
}
