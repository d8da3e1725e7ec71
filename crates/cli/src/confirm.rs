//! Asks before a plan is applied.

use std::io::IsTerminal as _;
use std::sync::Arc;

use async_trait::async_trait;
use seaway_core::environment::{Class, Environment};
use seaway_core::plan::Plan;
use seaway_engine::{Answer, Confirm, Occasion};

use crate::args::{Consent, Format};
use crate::display::Display;
use crate::output::Output;
use crate::prompt;

/// Shows the plan, and asks where the environment wants to be asked about.
pub(crate) struct Asking {
    pub(crate) environment: Arc<Environment>,
    pub(crate) consent: Consent,
    pub(crate) output: Output,
    /// Its display makes room for the question.
    pub(crate) listener: Arc<Display>,
}

#[async_trait]
impl Confirm for Asking {
    async fn confirm(&self, plan: &Plan, occasion: Occasion) -> Answer {
        // Whoever follows shows every event before this goes on: the plan comes after its builds.
        tokio::task::yield_now().await;
        // Nothing is drawn over the question.
        let _pause = self.listener.pause();
        if self.output.format == Format::Text {
            if occasion == Occasion::Changed {
                self.output
                    .message("The environment changed meanwhile; this is the plan now:\n\n");
            }
            self.output
                .message(&seaway_report::plan(plan, self.output.message_style()));
            self.output.message("\n");
        }
        if self.consent.yes || self.environment.class == Class::Local {
            return Answer::Confirmed;
        }
        self.ask().await
    }
}

impl Asking {
    /// The name of the environment must be typed: a reflex is not enough.
    async fn ask(&self) -> Answer {
        if !std::io::stdin().is_terminal() || self.output.format == Format::Json {
            return Answer::Declined;
        }
        let name = &self.environment.name;
        self.output
            .message(&format!("Type the environment's name ({name}) to go on: "));
        match prompt::line().await {
            Ok(line) if line.trim() == name.as_str() => Answer::Confirmed,
            _ => Answer::Declined,
        }
    }
}
