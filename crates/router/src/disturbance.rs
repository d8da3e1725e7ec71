//! What may stand between the router and a target, for whoever tests how a service fails.

use std::fmt;

use http::StatusCode;

use crate::table::TargetId;

/// One target's trouble, as the router meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Nothing gets through: connections and health checks run into their time-outs.
    Cut,
    /// Nobody listens: connections and health checks are refused.
    Refused,
    /// Health checks get this status, whatever the target would say. Requests get through.
    FailingChecks(StatusCode),
}

/// Says which targets are disturbed. Asked before each connection and each health check, so it must
/// answer at once.
pub trait Disturbances: fmt::Debug + Send + Sync {
    /// The trouble of one target at this moment.
    fn of(&self, target: &TargetId) -> Option<Disturbance>;
}
