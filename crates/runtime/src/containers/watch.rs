//! Takes in what the engine tells about the containers of this namespace, and passes it on.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use jiff::Timestamp;

use super::actor::Message;
use super::labels::{CONTAINER, PLATFORM, TASK};
use super::order::Health;
use super::shared::Shared;
use crate::task::{ContainerName, TaskId};

/// What is listened to; Podman asks for `die` by another name than it tells it. The engine takes the
/// beginning of an action's name.
const ACTIONS: [&str; 4] = ["die", "died", "oom", "health_status"];

/// Listens from `since` until the engine is gone.
pub(super) async fn watch(shared: Arc<Shared>, since: Timestamp) {
    let since = format!("{}.{:09}", since.as_second(), since.subsec_nanosecond());
    let own = format!("{PLATFORM}={}", shared.namespace);
    let filters = HashMap::from([
        ("type", vec!["container"]),
        ("label", vec![own.as_str()]),
        ("event", ACTIONS.to_vec()),
    ]);
    let options = EventsOptionsBuilder::default()
        .since(&since)
        .filters(&filters)
        .build();
    let mut events = std::pin::pin!(shared.docker.events(Some(options)));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if let Some((task, message)) = read(&event) {
                    shared.say(&task, message);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the container engine is gone");
                break;
            }
        }
    }
    shared.end();
}

fn read(event: &EventMessage) -> Option<(TaskId, Message)> {
    let attributes = event.actor.as_ref()?.attributes.as_ref()?;
    let task = TaskId::new(attributes.get(TASK)?).ok()?;
    let container = ContainerName::new(attributes.get(CONTAINER)?).ok()?;
    let action = event.action.as_deref()?;
    let message = match action.split_once(": ").map_or((action, ""), |pair| pair) {
        ("die", _) => Message::Ended { container },
        ("oom", _) => Message::OutOfMemory { container },
        ("health_status", health) => Message::Health {
            container,
            health: health_named(health)?,
        },
        _ => return None,
    };
    Some((task, message))
}

fn health_named(name: &str) -> Option<Health> {
    match name {
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        "starting" => Some(Health::Starting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn event(action: &str, labels: &[(&str, &str)]) -> EventMessage {
        let pairs = labels.iter();
        let attributes = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        EventMessage {
            action: Some(action.to_owned()),
            actor: Some(EventActor {
                id: Some("0123".into()),
                attributes: Some(attributes.collect()),
            }),
            ..EventMessage::default()
        }
    }

    #[test]
    fn what_the_engine_tells_reaches_the_right_container() {
        let labels = [(TASK, "t"), (CONTAINER, "main")];
        let (task, message) = read(&event("health_status: unhealthy", &labels)).unwrap();
        assert_eq!(task.as_str(), "t");
        assert!(
            matches!(message, Message::Health { container, health: Health::Unhealthy }
            if container.as_str() == "main")
        );
        assert!(matches!(
            read(&event("die", &labels)),
            Some((_, Message::Ended { .. }))
        ));
        assert!(read(&event("die", &[(TASK, "t")])).is_none(), "the holder");
        assert!(read(&event("exec_start: sh", &labels)).is_none());
    }
}
