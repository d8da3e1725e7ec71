//! What the router is told: listeners with their rules, and target groups with their targets.
//!
//! Plain values in the words of Elastic Load Balancing. Nothing here runs; [`crate::Router::apply`]
//! compares a table with the one before and changes what is different. Listeners and target groups
//! are shared (`Arc`), so that a table for a thousand services is cheap to build again: what is the
//! same allocation is known to be unchanged.

mod condition;
mod distribution;
mod listener;
mod matcher;
mod pattern;
mod source_range;
mod target_group;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use condition::{Condition, QueryPattern};
pub use distribution::{Algorithm, Distribution};
pub use listener::{
    Action, FixedResponse, Forward, Listener, Redirect, RedirectCode, Rule, WeightedGroup,
};
pub use matcher::{Matcher, MatcherError};
pub use pattern::Pattern;
pub use source_range::{SourceRange, SourceRangeError};
pub use target_group::{HealthCheck, Target, TargetGroup, TargetState};
pub use tls::Tls;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the caller's own name; the router only compares and prints it.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self::new(name)
            }
        }
    };
}

identifier! {
    /// Names a listener, usually by its ARN.
    ListenerId
}
identifier! {
    /// Names a target group, usually by its ARN. It is what the access log prints.
    TargetGroupId
}
identifier! {
    /// Names a target within its group, for example an address or a task's id.
    TargetId
}

/// The whole configuration of a router.
#[derive(Clone, Debug, Default)]
pub struct RoutingTable {
    /// Listeners; each needs its own id and its own address.
    pub listeners: Vec<Arc<Listener>>,
    /// Target groups by their id.
    pub target_groups: HashMap<TargetGroupId, Arc<TargetGroup>>,
}

impl RoutingTable {
    /// Adds a listener.
    #[must_use]
    pub fn with_listener(mut self, listener: impl Into<Arc<Listener>>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Adds a target group, or replaces the one of the same id.
    #[must_use]
    pub fn with_target_group(mut self, group: impl Into<Arc<TargetGroup>>) -> Self {
        let group = group.into();
        self.target_groups.insert(group.id.clone(), group);
        self
    }
}
