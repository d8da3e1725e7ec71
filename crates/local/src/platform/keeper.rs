//! The connection to what runs the tasks: made again whenever it breaks, and listened to.

use std::sync::Arc;
use std::time::Duration;

use seaway_runtime::client::{ClientError, Supervisor, SupervisorLaunch};
use seaway_runtime::host::{Host, HostError};
use tokio::sync::watch;

use super::driver::Inbox;
use super::engines::{Before, Engines};
use super::runner::Runner;
use crate::layout::StateDir;

const RETRY: Duration = Duration::from_millis(200);

/// Keeps the connection to the supervisor, and to the container engine where there is one.
pub(super) struct Keeper {
    pub(super) state: StateDir,
    pub(super) launch: SupervisorLaunch,
    pub(super) engines: Engines,
    pub(super) connected: watch::Sender<Option<Host>>,
    pub(super) runner: Arc<Runner>,
    pub(super) inbox: Inbox,
}

/// Why one connection ended.
enum Over {
    Gone(HostError),
    /// There was no engine, and now there is.
    EngineAppeared,
}

impl Keeper {
    /// Keeps the connection for as long as the platform lives. The first one is made by the
    /// caller, so that a supervisor that cannot start is an error of the start.
    pub(super) async fn keep(self, first: Host) {
        let mut before = Before::of(&first);
        let mut next = Some(first);
        loop {
            if let Some(host) = next.take() {
                before = Before::of(&host);
                match self.listen(&host).await {
                    Over::Gone(error) => {
                        tracing::warn!(%error, "tasks are out of sight; connecting again");
                    }
                    Over::EngineAppeared => tracing::info!("a container engine answers"),
                }
                self.connected.send_replace(None);
                host.close();
            }
            match self.connect(before).await {
                Ok(host) => next = host,
                Err(error) => tracing::error!(%error, "no supervisor"),
            }
            if next.is_none() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// A connection; none where the state directory is gone, which ends the platform and must not
    /// be made again by a supervisor that needs a place.
    async fn connect(&self, before: Before) -> Result<Option<Host>, ClientError> {
        if !self.state.root().exists() {
            return Ok(None);
        }
        let supervisor = Supervisor::connect_or_start(&self.launch).await?;
        Ok(Some(Host::new(supervisor, self.engines.find(before).await)))
    }

    /// Brings both sides to the same state and then passes every event on, until the connection ends.
    async fn listen(&self, host: &Host) -> Over {
        // Subscribed before listing, so that nothing falls between the two.
        let mut events = match host.events().await {
            Ok(events) => events,
            Err(error) => return Over::Gone(error),
        };
        // Nobody can start a task before `connected` says so: whatever is expected and not known is
        // lost, whatever is known and not expected is left over.
        let expected = self.inbox.expected();
        let known = match host.list().await {
            Ok(known) => known,
            Err(error) => return Over::Gone(error),
        };
        self.runner.reconcile(host, expected, known).await;
        self.connected.send_replace(Some(host.clone()));
        let mut appears = std::pin::pin!(async {
            match Before::of(host) {
                Before::Engine => std::future::pending().await,
                Before::None => self.engines.appears().await,
            }
        });
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = &mut appears => return Over::EngineAppeared,
            };
            match event {
                Ok(event) => self.runner.happened(event).await,
                Err(error) => return Over::Gone(error),
            }
        }
    }
}

impl Before {
    fn of(host: &Host) -> Self {
        match host.engine() {
            Some(_) => Self::Engine,
            None => Self::None,
        }
    }
}
