//! Ctrl-C as a message: the engine stops following at the next safe point.

use tokio::sync::watch;

use crate::error::EngineError;

/// The sending side, for whoever catches the signal.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

/// The receiving side, asked by everything that waits.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupter {
    /// A connected pair.
    pub fn new() -> (Self, Interrupt) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Interrupt(receiver))
    }

    /// Asks the engine to stop following.
    pub fn interrupt(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// Whether it was asked for.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Fails if it was asked for: to be called before anything is changed.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if self.is_set() {
            return Err(EngineError::Interrupted);
        }
        Ok(())
    }

    /// Returns when it is asked for; never, if it never is.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
