//! The request to end: SIGTERM from the platform, or Ctrl-C when run by hand.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::log;

/// Tells whether, and when, the service shall end. Clones share the state.
#[derive(Debug, Clone)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
}

/// Requests the end; dropping it requests it, too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Shutdown {
    /// A shutdown that is requested by hand.
    pub fn manual() -> (Trigger, Self) {
        let (sender, requested) = watch::channel(false);
        (Trigger(sender), Self { requested })
    }

    /// A shutdown that SIGTERM and SIGINT request, unless the fault is to ignore SIGTERM.
    ///
    /// # Errors
    /// The signals cannot be listened to.
    pub fn on_signals(fault: Fault) -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (trigger, shutdown) = Self::manual();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => break,
                    _ = terminate.recv() => match fault {
                        Fault::IgnoreSigterm => log::warn("SIGTERM ignored, as SHOP_FAULT says"),
                        _ => break,
                    },
                }
            }
            trigger.request();
        });
        Ok(shutdown)
    }

    /// Returns once the end is requested.
    pub async fn requested(&mut self) {
        // An error means that the trigger is gone: nobody is left to wait for.
        drop(self.requested.wait_for(|requested| *requested).await);
    }
}

impl Trigger {
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}
