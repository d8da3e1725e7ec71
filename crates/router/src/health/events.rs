//! Delivers health changes to whoever asked for them, in order and without loss.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::TargetHealthChanged;

/// A subscription to health changes from the moment it was made. Changes wait in memory until they
/// are received; dropping the subscription ends it.
#[derive(Debug)]
pub struct HealthEvents {
    receiver: UnboundedReceiver<TargetHealthChanged>,
}

impl HealthEvents {
    /// Waits for the next change; `None` once the router is gone. Safe to cancel.
    pub async fn recv(&mut self) -> Option<TargetHealthChanged> {
        self.receiver.recv().await
    }

    /// The next change if there is one already.
    pub fn try_recv(&mut self) -> Option<TargetHealthChanged> {
        self.receiver.try_recv().ok()
    }
}

/// All subscriptions of a router.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    senders: Mutex<Vec<UnboundedSender<TargetHealthChanged>>>,
}

impl Subscribers {
    pub(crate) fn subscribe(&self) -> HealthEvents {
        let (sender, receiver) = unbounded_channel();
        self.senders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        HealthEvents { receiver }
    }

    pub(crate) fn publish(&self, change: &TargetHealthChanged) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|sender| sender.send(change.clone()).is_ok());
    }

    /// Ends every subscription once what was published has been received.
    pub(crate) fn close(&self) {
        self.senders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
