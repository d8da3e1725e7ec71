//! What target groups have served, and how many of their targets are healthy.

use std::collections::BTreeMap;

use seaway_router::{GroupMetrics, TargetGroupId, TargetHealthState};

use super::balancer::Balancing;
use super::documents::{Documents, Listener, LoadBalancer, Scheme};

/// A target group that a load balancer brings requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTraffic {
    /// ARNs.
    pub load_balancer: String,
    pub target_group: String,
    /// Since the router knows the group.
    pub served: GroupMetrics,
    pub healthy: usize,
    pub unhealthy: usize,
    /// Registered targets, whatever their health; draining ones are not.
    pub registered: usize,
}

impl Balancing {
    /// The traffic of all target groups that are in use, by ARN.
    #[must_use]
    pub fn traffic(&self) -> Vec<GroupTraffic> {
        let documents = self.documents();
        let users = users(&documents).into_iter();
        users
            .filter_map(|(group, balancer)| self.traffic_of(group, &balancer.arn))
            .collect()
    }

    fn traffic_of(&self, target_group: &str, load_balancer: &str) -> Option<GroupTraffic> {
        let served = self.router().metrics(&TargetGroupId::from(target_group))?;
        let targets = self.health(target_group);
        let count = |wanted: &[TargetHealthState]| {
            let states = targets.iter().map(|target| target.state);
            states.filter(|state| wanted.contains(state)).count()
        };
        let gone = count(&[TargetHealthState::Draining, TargetHealthState::Unused]);
        Some(GroupTraffic {
            load_balancer: load_balancer.to_owned(),
            target_group: target_group.to_owned(),
            served,
            healthy: count(&[TargetHealthState::Healthy]),
            unhealthy: count(&[TargetHealthState::Unhealthy]),
            registered: targets.len() - gone,
        })
    }
}

/// The load balancer that the traffic of each target group counts for. The router does not tell
/// apart from where a request came to a group; of several load balancers it is the one that is
/// reached from outside.
fn users(documents: &Documents) -> BTreeMap<&str, &LoadBalancer> {
    let balancer = |listener: &Listener| documents.load_balancers.get(&listener.load_balancer);
    let defaults = documents
        .listeners
        .values()
        .map(|listener| (&listener.default, balancer(listener)));
    let rules = documents.rules.values().map(|rule| {
        let listener = documents.listeners.get(&rule.listener);
        (&rule.action, listener.and_then(|it| balancer(it)))
    });
    let mut users: BTreeMap<&str, &LoadBalancer> = BTreeMap::new();
    for (action, balancer) in defaults.chain(rules) {
        let Some(balancer) = balancer else {
            continue;
        };
        for group in action.target_groups() {
            let user = users.entry(group).or_insert(balancer);
            if user.scheme == Scheme::Internal {
                *user = balancer;
            }
        }
    }
    users
}
