//! What services need before they roll: their images in the registry, the infrastructure around
//! them.

use seaway_core::desired::Document;
use seaway_core::digest::ImageRef;
use seaway_core::event::{BuildEvent, EventKind, InfrastructureEvent, Subject};
use seaway_core::name::ServiceName;

use crate::act::Prepared;
use crate::persist::persist;
use crate::session::Session;

/// Sends an image to the registry.
pub(crate) async fn push(session: &Session, service: &ServiceName, image: &ImageRef) -> Prepared {
    let tell = |event| {
        session
            .events
            .emit(Subject::Service(service.clone()), EventKind::Build(event));
    };
    let ports = &session.ports;
    match persist(&*ports.clock, || ports.registry.push(image)).await {
        Ok(()) => {
            tell(BuildEvent::Pushed {
                image: image.clone(),
            });
            Prepared::Ready
        }
        Err(error) => {
            let error = error.to_string();
            tell(BuildEvent::Failed {
                error: error.clone(),
            });
            Prepared::Failed(error)
        }
    }
}

/// Makes the infrastructure be as the document says.
pub(crate) async fn provision(session: &Session, document: &Document) -> Prepared {
    let tell = |event| {
        session
            .events
            .emit(Subject::Release, EventKind::Infrastructure(event));
    };
    tell(InfrastructureEvent::Started);
    let ports = &session.ports;
    match persist(&*ports.clock, || ports.infrastructure.provision(document)).await {
        Ok(changed) => {
            tell(InfrastructureEvent::Ready { changed });
            Prepared::Ready
        }
        Err(error) => {
            let error = error.to_string();
            tell(InfrastructureEvent::Failed {
                error: error.clone(),
            });
            Prepared::Failed(error)
        }
    }
}
