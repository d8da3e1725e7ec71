//! The question before a plan is applied.

use async_trait::async_trait;
use seaway_core::plan::Plan;

use crate::error::EngineError;
use crate::session::Session;

/// Why a plan is shown for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is new.
    First,
    /// It is no longer the plan that was confirmed: the environment changed meanwhile.
    Changed,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Confirmed,
    Declined,
}

/// Asks whoever is responsible.
#[async_trait]
pub trait Confirm: Send + Sync {
    /// Shows the plan and waits for the answer.
    async fn confirm(&self, plan: &Plan, occasion: Occasion) -> Answer;
}

/// Asks, unless the person leaves instead of answering. Returns when the plan is confirmed.
pub(crate) async fn ask(
    session: &Session,
    confirm: &dyn Confirm,
    plan: &Plan,
    occasion: Occasion,
) -> Result<(), EngineError> {
    tokio::select! {
        biased;
        () = session.interrupt.wait() => Err(EngineError::Interrupted),
        answer = confirm.confirm(plan, occasion) => match answer {
            Answer::Confirmed => Ok(()),
            Answer::Declined => Err(EngineError::Declined),
        },
    }
}
