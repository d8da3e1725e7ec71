//! Target groups, their targets and how their health is checked.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::{Distribution, Matcher, TargetGroupId, TargetId};

/// Targets that serve the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Name of the group.
    pub id: TargetGroupId,
    /// Registered and draining targets. Removing a registered target deregisters it: it drains.
    pub targets: Vec<Target>,
    /// How health is checked.
    pub health_check: HealthCheck,
    /// How requests are spread over the targets.
    pub distribution: Distribution,
    /// How long a deregistered target may finish its requests (300 s in Elastic Load Balancing).
    pub deregistration_delay: Duration,
}

/// One target. Within a group, id and address together identify it: a target that comes back at
/// another address is a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The caller's name for it.
    pub id: TargetId,
    /// Where requests and health checks go.
    pub address: SocketAddr,
    /// Whether it takes new requests.
    pub state: TargetState,
}

impl Target {
    /// A registered target.
    pub fn registered(id: impl Into<TargetId>, address: SocketAddr) -> Self {
        Self {
            id: id.into(),
            address,
            state: TargetState::Registered,
        }
    }
}

/// Whether a target takes new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// It does.
    Registered,
    /// It was deregistered at `since`: what is in flight may finish until the group's
    /// deregistration delay is over. Leaving the target out of the group means the same, from now.
    Draining {
        /// When it was deregistered.
        since: SystemTime,
    },
}

/// How the health of a group's targets is checked. [`HealthCheck::default`] has the values of
/// Elastic Load Balancing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether targets are checked at all. If not, their state is `unavailable` and they get
    /// requests.
    pub enabled: bool,
    /// Path and query of the request.
    pub path: String,
    /// Another port than the target's own.
    pub port: Option<u16>,
    /// Status codes that pass.
    pub matcher: Matcher,
    /// From one counted check to the next.
    pub interval: Duration,
    /// How long one check may take.
    pub timeout: Duration,
    /// Passed checks in a row that make an unhealthy target healthy. A new target needs one.
    pub healthy_threshold: u32,
    /// Failed checks in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/".to_owned(),
            port: None,
            matcher: Matcher::default(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}
