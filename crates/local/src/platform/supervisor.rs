//! The connection to the supervisor: made again whenever it breaks, and listened to.

use std::sync::Arc;
use std::time::Duration;

use seaway_runtime::client::{ClientError, Supervisor, SupervisorLaunch};
use tokio::sync::watch;

use super::driver::Inbox;
use super::runner::Runner;

const RETRY: Duration = Duration::from_millis(200);

/// Keeps the connection for as long as the platform lives. The first connection is made by the
/// caller, so that a supervisor that cannot start is an error of the start.
pub(super) async fn keep_connected(
    launch: SupervisorLaunch,
    first: Supervisor,
    connected: watch::Sender<Option<Supervisor>>,
    runner: Arc<Runner>,
    inbox: Inbox,
) {
    let mut next = Some(first);
    loop {
        let supervisor = match next.take() {
            Some(supervisor) => supervisor,
            None => match Supervisor::connect_or_start(&launch).await {
                Ok(supervisor) => supervisor,
                Err(error) => {
                    tracing::error!(%error, "no supervisor");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            },
        };
        let error = listen(&supervisor, &connected, &runner, &inbox).await;
        tracing::warn!(%error, "the supervisor is gone; starting another");
        connected.send_replace(None);
    }
}

/// Brings both sides to the same state and then passes every event on, until the connection ends.
async fn listen(
    supervisor: &Supervisor,
    connected: &watch::Sender<Option<Supervisor>>,
    runner: &Arc<Runner>,
    inbox: &Inbox,
) -> ClientError {
    // Subscribed before listing, so that nothing falls between the two.
    let mut events = match supervisor.events(supervisor.last_event().clone()).await {
        Ok(events) => events,
        Err(error) => return error,
    };
    // Nobody can start a task before `connected` says so: whatever is expected and not known is
    // lost, whatever is known and not expected is left over.
    let expected = inbox.expected();
    let known = match supervisor.list().await {
        Ok(known) => known,
        Err(error) => return error,
    };
    runner.reconcile(supervisor, expected, known).await;
    connected.send_replace(Some(supervisor.clone()));
    loop {
        match events.next().await {
            Ok(event) => runner.happened(event).await,
            Err(error) => return error,
        }
    }
}
