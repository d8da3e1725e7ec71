//! Target groups at work: who is in rotation, who drains, what is counted.

mod endpoint;
mod member;
mod metrics;
mod ramp;
mod rotation;
mod state;

pub(crate) use endpoint::{Endpoint, InFlight};
pub(crate) use metrics::{Counters, Sample};
pub use metrics::{GroupMetrics, RESPONSE_TIME_BOUNDS_MS};
pub(crate) use rotation::Rotation;
pub(crate) use state::{Group, GroupContext, Usage};
