//! Health of targets: what it is called, how it is decided, and how it is found out.

mod checker;
mod events;
mod probe;
mod status;
mod tracker;

pub(crate) use checker::{Standing, check_forever};
pub use events::HealthEvents;
pub(crate) use events::Subscribers;
pub(crate) use probe::ProbeOutcome;
pub(crate) use status::Health;
pub use status::{TargetHealth, TargetHealthChanged, TargetHealthReason, TargetHealthState};
pub(crate) use tracker::{Counting, Tracker};
