//! The question before a plan is applied.

use async_trait::async_trait;
use seaway_core::plan::Plan;

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
