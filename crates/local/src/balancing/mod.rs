//! The load balancer: what the ELB API has declared, the tasks behind it, and the router that
//! brings requests to them.
//!
//! ```text
//! elbv2 handlers ──change──▶ Documents ─┐
//!                                       ├─▶ routing table ──▶ Router ──▶ task health
//! platform ──register, deregister──▶ tasks ─┘
//! ```
//!
//! [`Documents`] are on record in the store; the tasks of services are not, because their
//! schedulers register them again after a restart.
//!
//! Every listener of the API has a loopback port of its own in place of the port that the API
//! names: it is chosen once, kept in the store, and chosen again when somebody else has taken it.
//!
//! **What stands in for DNS.** Host processes share the resolver of this machine, which knows no
//! name of a load balancer. So a rule of an internal load balancer whose host condition is one
//! literal name (`catalog.shop.internal`) gets a loopback port for that name, where every request
//! counts as one for that host. [`Balancing::resolve_internal`] tells the address, and the platform
//! puts it in the place of the name when it starts a task. The port is reserved as soon as the rule
//! exists and stays the same for the name, so that a caller may be started before the service it
//! calls.

mod attributes;
mod balancer;
mod documents;
mod events;
mod ports;
mod table;
mod tasks;
mod traffic;

#[cfg(test)]
mod tests;

pub use balancer::{Balancing, BalancingError, BalancingOptions, ListenerAddress};
pub use documents::{
    Action, AddressType, Condition, Documents, FixedResponse, Forward, ForwardTarget,
    GroupStickiness, HealthCheck, Listener, ListenerTls, LoadBalancer, QueryPair, Redirect, Rule,
    Scheme, Tags, TargetGroup,
};
pub use events::{TaskHealthEvents, TaskTargetHealth};
#[cfg(test)]
pub(crate) use tasks::target_id;
pub(crate) use tasks::task_of;
pub use traffic::GroupTraffic;
