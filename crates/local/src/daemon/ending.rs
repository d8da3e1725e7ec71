//! What the platform's life ends with: a command, a signal, a reset, or the loss of its state.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::files::FileIdentity;
use crate::layout::StateDir;
use crate::server::control::{Shutdown, TaskFate};
use crate::server::reset::Asked;

/// How often the state directory is looked for.
const LOOK_FOR_STATE: Duration = Duration::from_secs(1);

/// What a life of the platform ends with.
pub(super) enum Ending {
    /// With the process; this becomes of the tasks.
    Fate(TaskFate),
    /// With an empty platform, which somebody waits for.
    Reset(Asked),
}

/// Why a life may end.
pub(super) struct Reasons {
    terminate: Signal,
    interrupt: Signal,
    resets: mpsc::Receiver<Asked>,
}

impl Reasons {
    /// Listens to signals and to those who ask for a reset.
    ///
    /// # Errors
    /// When the operating system refuses signal handlers.
    pub(super) fn new(resets: mpsc::Receiver<Asked>) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            resets,
        })
    }

    /// Waits for the first reason.
    pub(super) async fn next(
        &mut self,
        state: &StateDir,
        identity: Option<FileIdentity>,
        shutdown: &mut Shutdown,
    ) -> Ending {
        tokio::select! {
            // Without a sender nobody can ask any more: as good as asked.
            asked = shutdown => Ending::Fate(asked.unwrap_or(TaskFate::Keep)),
            () = vanished(state, identity) => {
                tracing::warn!(state = %state.root().display(), "the state directory is gone");
                Ending::Fate(TaskFate::Stop)
            }
            // Whoever kills the platform has not asked for the end of the tasks.
            _ = self.terminate.recv() => Ending::Fate(TaskFate::Keep),
            _ = self.interrupt.recv() => Ending::Fate(TaskFate::Keep),
            Some(asked) = self.resets.recv() => Ending::Reset(asked),
        }
    }

    /// Tells that the platform is empty: whoever asked meanwhile hears it, too.
    pub(super) fn tell(&mut self, done: Asked) {
        let meanwhile = std::iter::from_fn(|| self.resets.try_recv().ok());
        for asked in std::iter::once(done).chain(meanwhile) {
            // Whoever asked may have gone.
            let _gone = asked.send(());
        }
    }
}

/// Returns when the state directory is gone, or another one is in its place.
async fn vanished(state: &StateDir, identity: Option<FileIdentity>) {
    loop {
        tokio::time::sleep(LOOK_FOR_STATE).await;
        if state.identity().is_ok_and(|found| found != identity) {
            return;
        }
    }
}
