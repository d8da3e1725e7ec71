//! States, reasons and descriptions of target health, in the words of Elastic Load Balancing
//! (`DescribeTargetHealth`).

use std::fmt;
use std::net::SocketAddr;

use crate::table::{TargetGroupId, TargetId};

/// The state of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetHealthState {
    /// Registered, and not yet decided.
    Initial,
    /// Takes requests.
    Healthy,
    /// Takes requests only when no target of its group is healthy.
    Unhealthy,
    /// Not registered, or no rule refers to its group.
    Unused,
    /// Deregistered; what is in flight may finish.
    Draining,
    /// Not checked; takes requests.
    Unavailable,
}

impl TargetHealthState {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for TargetHealthState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a target is in its state. A healthy target has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetHealthReason {
    /// Just registered.
    RegistrationInProgress,
    /// Checked, and not yet passed.
    InitialHealthChecking,
    /// Answered with a status that the matcher refuses.
    ResponseCodeMismatch,
    /// Did not answer in time.
    Timeout,
    /// Refused or broke the connection, or answered something that is not HTTP.
    FailedHealthChecks,
    /// Not, or no longer, registered.
    NotRegistered,
    /// No rule of a listener refers to the group.
    NotInUse,
    /// Deregistered a moment ago.
    DeregistrationInProgress,
    /// The group's health checks are turned off.
    HealthCheckDisabled,
}

impl TargetHealthReason {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RegistrationInProgress => "Elb.RegistrationInProgress",
            Self::InitialHealthChecking => "Elb.InitialHealthChecking",
            Self::ResponseCodeMismatch => "Target.ResponseCodeMismatch",
            Self::Timeout => "Target.Timeout",
            Self::FailedHealthChecks => "Target.FailedHealthChecks",
            Self::NotRegistered => "Target.NotRegistered",
            Self::NotInUse => "Target.NotInUse",
            Self::DeregistrationInProgress => "Target.DeregistrationInProgress",
            Self::HealthCheckDisabled => "Target.HealthCheckDisabled",
        }
    }

    /// The description that goes with it, except for a response code, which names the code.
    fn description(self) -> &'static str {
        match self {
            Self::RegistrationInProgress => "Target registration is in progress",
            Self::InitialHealthChecking => "Initial health checks in progress",
            Self::ResponseCodeMismatch | Self::FailedHealthChecks => "Health checks failed",
            Self::Timeout => "Request timed out",
            Self::NotRegistered => "Target is not registered to the target group",
            Self::NotInUse => {
                "Target group is not configured to receive traffic from the load balancer"
            }
            Self::DeregistrationInProgress => "Target deregistration is in progress",
            Self::HealthCheckDisabled => "Health checks are disabled for this target group",
        }
    }
}

impl fmt::Display for TargetHealthReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// State, reason and description, without the target they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) state: TargetHealthState,
    pub(crate) reason: Option<TargetHealthReason>,
    pub(crate) description: Option<String>,
}

impl Health {
    pub(crate) fn healthy() -> Self {
        Self {
            state: TargetHealthState::Healthy,
            reason: None,
            description: None,
        }
    }

    pub(crate) fn of(state: TargetHealthState, reason: TargetHealthReason) -> Self {
        Self {
            state,
            reason: Some(reason),
            description: Some(reason.description().to_owned()),
        }
    }

    /// Unhealthy because of a status code.
    pub(crate) fn refused_code(code: u16) -> Self {
        Self {
            state: TargetHealthState::Unhealthy,
            reason: Some(TargetHealthReason::ResponseCodeMismatch),
            description: Some(format!("Health checks failed with these codes: [{code}]")),
        }
    }

    pub(crate) fn initial() -> Self {
        Self::of(
            TargetHealthState::Initial,
            TargetHealthReason::RegistrationInProgress,
        )
    }

    pub(crate) fn draining() -> Self {
        Self::of(
            TargetHealthState::Draining,
            TargetHealthReason::DeregistrationInProgress,
        )
    }

    pub(crate) fn unused(reason: TargetHealthReason) -> Self {
        Self::of(TargetHealthState::Unused, reason)
    }

    pub(crate) fn unchecked() -> Self {
        Self::of(
            TargetHealthState::Unavailable,
            TargetHealthReason::HealthCheckDisabled,
        )
    }
}

/// The health of one target, as `DescribeTargetHealth` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target's name in its group.
    pub target: TargetId,
    /// Its address.
    pub address: SocketAddr,
    /// Its state.
    pub state: TargetHealthState,
    /// Why, unless it is healthy.
    pub reason: Option<TargetHealthReason>,
    /// The reason in words, unless it is healthy.
    pub description: Option<String>,
}

/// A target's state, reason or description became another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealthChanged {
    /// The group of the target.
    pub target_group: TargetGroupId,
    /// What it is now.
    pub health: TargetHealth,
}

impl TargetHealthChanged {
    /// Whether the target has drained: no request will come, none is waited for (what was still in
    /// flight when the deregistration delay was over is being cut off), and this is the last that is
    /// heard of this registration. Its process may be stopped now.
    pub fn is_drained(&self) -> bool {
        self.health.reason == Some(TargetHealthReason::NotRegistered)
    }
}
