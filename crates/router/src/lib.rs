//! The data plane of the embedded load balancer: an Application Load Balancer on loopback.
//!
//! ```text
//! RoutingTable ──apply──▶ Router ─┬─ listeners ──▶ proxy ──▶ targets
//!                                 └─ groups ──▶ health checks ──▶ HealthEvents, health(), metrics()
//! ```
//!
//! The router decides nothing about services. It is told which targets exist, finds out which of
//! them are healthy, and brings every request to one of those. What it must never do is lose a
//! request because a target came or went: a target leaves the rotation before it drains, and has
//! drained only when nothing is in flight any more.
//!
//! Behaviour, names and texts follow Elastic Load Balancing's guides for Application Load Balancers.

mod access_log;
mod asked;
mod disturbance;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod group;
mod health;
mod listener;
mod options;
mod peer;
mod proxy;
mod router;
mod routes;
mod signal;
mod stickiness;
mod table;
mod text;
mod timer;
mod trace_id;
mod upstream;
mod workers;

pub use disturbance::{Disturbance, Disturbances};
pub use error::{ApplyError, StartError};
pub use group::{GroupMetrics, RESPONSE_TIME_BOUNDS_MS};
pub use health::{
    HealthEvents, TargetHealth, TargetHealthChanged, TargetHealthReason, TargetHealthState,
};
pub use options::{AccessLogOptions, DrainPolicy, Limits, RouterOptions, Timeouts, Workers};
pub use router::Router;
pub use table::{
    Action, Algorithm, Condition, Distribution, FixedResponse, Forward, HealthCheck, Listener,
    ListenerId, Matcher, MatcherError, Pattern, QueryPattern, Redirect, RedirectCode, RoutingTable,
    Rule, SourceRange, SourceRangeError, Target, TargetGroup, TargetGroupId, TargetId, TargetState,
    Tls, WeightedGroup,
};
