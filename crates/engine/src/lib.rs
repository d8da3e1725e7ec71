//! Orchestrations over the ports: deploy, roll back, resume, restart, scale, run.
//!
//! The engine carries out what `seaway_core::plan` decided and chooses nothing itself. Its only
//! way out is the stream of [`Event`](seaway_core::event::Event)s; every action is on record
//! before it is taken, so that a release that was cut off can be resumed or undone.

mod act;
mod deploy;
mod error;
mod events;
mod guard;
mod infrastructure;
mod interrupt;
mod jobs;
mod lock;
mod operate;
mod persist;
mod prepare;
mod record;
mod remove;
mod resume;
mod retreat;
mod roll;
mod rollback;
mod run;
mod session;
mod settle;
mod silence;
mod supply;
mod watch;

pub use deploy::{deploy, plan_deploy};
pub use error::EngineError;
pub use events::Events;
pub use guard::{Answer, Confirm, Occasion};
pub use interrupt::{Interrupt, Interrupter};
pub use operate::{restart, scale};
pub use resume::{Resumption, resume};
pub use rollback::{RollbackTarget, rollback};
pub use run::{RunRequest, run};
pub use session::{Completed, Ports, Session};
