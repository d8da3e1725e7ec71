//! The connection to the supervisor: made again whenever it breaks, and listened to.

use std::sync::Arc;
use std::time::Duration;

use seaway_runtime::client::{ClientError, Supervisor, SupervisorLaunch};
use tokio::sync::watch;

use super::driver::Inbox;
use super::runner::Runner;
use crate::layout::StateDir;

const RETRY: Duration = Duration::from_millis(200);

/// Keeps the connection to the supervisor.
pub(super) struct Keeper {
    pub(super) state: StateDir,
    pub(super) launch: SupervisorLaunch,
    pub(super) connected: watch::Sender<Option<Supervisor>>,
    pub(super) runner: Arc<Runner>,
    pub(super) inbox: Inbox,
}

impl Keeper {
    /// Keeps the connection for as long as the platform lives. The first one is made by the
    /// caller, so that a supervisor that cannot start is an error of the start.
    pub(super) async fn keep(self, first: Supervisor) {
        let mut next = Some(first);
        loop {
            if let Some(supervisor) = next.take() {
                let error = self.listen(&supervisor).await;
                tracing::warn!(%error, "the supervisor is gone; starting another");
                self.connected.send_replace(None);
            }
            match self.connect().await {
                Ok(supervisor) => next = supervisor,
                Err(error) => tracing::error!(%error, "no supervisor"),
            }
            if next.is_none() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// A supervisor; none where the state directory is gone, which ends the platform and must not
    /// be made again by a supervisor that needs a place.
    async fn connect(&self) -> Result<Option<Supervisor>, ClientError> {
        if !self.state.root().exists() {
            return Ok(None);
        }
        Supervisor::connect_or_start(&self.launch).await.map(Some)
    }

    /// Brings both sides to the same state and then passes every event on, until the connection ends.
    async fn listen(&self, supervisor: &Supervisor) -> ClientError {
        // Subscribed before listing, so that nothing falls between the two.
        let mut events = match supervisor.events(supervisor.last_event().clone()).await {
            Ok(events) => events,
            Err(error) => return error,
        };
        // Nobody can start a task before `connected` says so: whatever is expected and not known is
        // lost, whatever is known and not expected is left over.
        let expected = self.inbox.expected();
        let known = match supervisor.list().await {
            Ok(known) => known,
            Err(error) => return error,
        };
        self.runner.reconcile(supervisor, expected, known).await;
        self.connected.send_replace(Some(supervisor.clone()));
        loop {
            match events.next().await {
                Ok(event) => self.runner.happened(event).await,
                Err(error) => return error,
            }
        }
    }
}
