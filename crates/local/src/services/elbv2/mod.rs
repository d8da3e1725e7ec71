//! Elastic Load Balancing v2: Application Load Balancers with HTTP listeners and targets by address.
//!
//! Each file has the operations of one noun. They translate between the wire and
//! [`Documents`](crate::balancing::Documents); what the documents mean is put in force by
//! [`Balancing`]. What Elastic Load Balancing has and this platform lacks is refused, never taken
//! and ignored, except for attributes: of a load balancer only `deletion_protection.enabled` has an
//! effect here, of a target group only `deregistration_delay.timeout_seconds`.
//!
//! Quotas that AWS raises on request are raised: see `rules` and `listeners`.

mod actions;
mod attributes;
mod conditions;
mod error;
mod health_checks;
mod listener_attributes;
mod listeners;
mod load_balancers;
mod names;
mod network;
mod paging;
mod protocols;
mod rules;
mod tags;
mod target_groups;
mod targets;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use seaway_aws_wire::Operation as AnyOperation;
use seaway_aws_wire::elbv2::{self as wire, Operation};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::balancing::{Balancing, Documents};
use error::ElbError;

/// The load balancing API of one platform.
#[derive(Debug)]
pub struct Elbv2 {
    balancing: Arc<Balancing>,
}

impl Elbv2 {
    /// The API of `balancing`.
    #[must_use]
    pub fn new(balancing: Arc<Balancing>) -> Self {
        Self { balancing }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Documents) -> Result<T, ElbError>,
    ) -> Result<T, ElbError> {
        self.balancing.change(change)
    }
}

impl BlockingHandler for Elbv2 {
    fn handle(&self, call: Call) -> Answer {
        let AnyOperation::Elbv2(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        let now = call.now();
        match operation {
            Operation::CreateLoadBalancer => {
                call.answer::<wire::CreateLoadBalancer, _>(|r| self.create_load_balancer(r, now))
            }
            Operation::DescribeLoadBalancers => {
                call.answer::<wire::DescribeLoadBalancers, _>(|r| self.describe_load_balancers(r))
            }
            Operation::DeleteLoadBalancer => {
                call.answer::<wire::DeleteLoadBalancer, _>(|r| self.delete_load_balancer(r))
            }
            Operation::DescribeLoadBalancerAttributes => call
                .answer::<wire::DescribeLoadBalancerAttributes, _>(|r| {
                    self.describe_load_balancer_attributes(r)
                }),
            Operation::ModifyLoadBalancerAttributes => call
                .answer::<wire::ModifyLoadBalancerAttributes, _>(|r| {
                    self.modify_load_balancer_attributes(r)
                }),
            Operation::SetSecurityGroups => {
                call.answer::<wire::SetSecurityGroups, _>(|r| self.set_security_groups(r))
            }
            Operation::SetSubnets => call.answer::<wire::SetSubnets, _>(|r| self.set_subnets(r)),
            Operation::SetIpAddressType => {
                call.answer::<wire::SetIpAddressType, _>(|r| self.set_ip_address_type(r))
            }
            Operation::CreateListener => {
                call.answer::<wire::CreateListener, _>(|r| self.create_listener(r))
            }
            Operation::DescribeListeners => {
                call.answer::<wire::DescribeListeners, _>(|r| self.describe_listeners(r))
            }
            Operation::ModifyListener => {
                call.answer::<wire::ModifyListener, _>(|r| self.modify_listener(r))
            }
            Operation::DeleteListener => {
                call.answer::<wire::DeleteListener, _>(|r| self.delete_listener(r))
            }
            Operation::DescribeListenerAttributes => call
                .answer::<wire::DescribeListenerAttributes, _>(|r| {
                    self.describe_listener_attributes(r)
                }),
            Operation::ModifyListenerAttributes => call
                .answer::<wire::ModifyListenerAttributes, _>(|r| {
                    self.modify_listener_attributes(r)
                }),
            Operation::CreateRule => call.answer::<wire::CreateRule, _>(|r| self.create_rule(r)),
            Operation::DescribeRules => {
                call.answer::<wire::DescribeRules, _>(|r| self.describe_rules(r))
            }
            Operation::ModifyRule => call.answer::<wire::ModifyRule, _>(|r| self.modify_rule(r)),
            Operation::DeleteRule => call.answer::<wire::DeleteRule, _>(|r| self.delete_rule(r)),
            Operation::SetRulePriorities => {
                call.answer::<wire::SetRulePriorities, _>(|r| self.set_rule_priorities(r))
            }
            Operation::CreateTargetGroup => {
                call.answer::<wire::CreateTargetGroup, _>(|r| self.create_target_group(r))
            }
            Operation::DescribeTargetGroups => {
                call.answer::<wire::DescribeTargetGroups, _>(|r| self.describe_target_groups(r))
            }
            Operation::ModifyTargetGroup => {
                call.answer::<wire::ModifyTargetGroup, _>(|r| self.modify_target_group(r))
            }
            Operation::DeleteTargetGroup => {
                call.answer::<wire::DeleteTargetGroup, _>(|r| self.delete_target_group(r))
            }
            Operation::DescribeTargetGroupAttributes => call
                .answer::<wire::DescribeTargetGroupAttributes, _>(|r| {
                    self.describe_target_group_attributes(r)
                }),
            Operation::ModifyTargetGroupAttributes => call
                .answer::<wire::ModifyTargetGroupAttributes, _>(|r| {
                    self.modify_target_group_attributes(r)
                }),
            Operation::RegisterTargets => {
                call.answer::<wire::RegisterTargets, _>(|r| self.register_targets(r))
            }
            Operation::DeregisterTargets => {
                call.answer::<wire::DeregisterTargets, _>(|r| self.deregister_targets(r))
            }
            Operation::DescribeTargetHealth => {
                call.answer::<wire::DescribeTargetHealth, _>(|r| self.describe_target_health(r))
            }
            Operation::AddTags => call.answer::<wire::AddTags, _>(|r| self.add_tags(r)),
            Operation::RemoveTags => call.answer::<wire::RemoveTags, _>(|r| self.remove_tags(r)),
            Operation::DescribeTags => {
                call.answer::<wire::DescribeTags, _>(|r| self.describe_tags(r))
            }
            _ => Err(dispatch::not_here(call.operation())),
        }
    }
}

/// Most things that one request may name (API reference, `DescribeTags` and its neighbours).
const DESCRIBED_AT_ONCE: usize = 20;

/// Which part of a list a request asks for: by ARN, by name, or all of it.
enum Choice {
    Arns(Vec<String>),
    Names(Vec<String>),
    All,
}

impl Choice {
    /// What a request for such `things` names.
    fn of(
        things: &str,
        arns: Option<Vec<String>>,
        names: Option<Vec<String>>,
    ) -> Result<Self, ElbError> {
        Ok(match (arns, names) {
            (Some(arns), _) if !arns.is_empty() => Self::Arns(few(things, arns)?),
            (_, Some(names)) if !names.is_empty() => Self::Names(few(things, names)?),
            _ => Self::All,
        })
    }
}

/// As many as one request may name.
fn few(things: &str, named: Vec<String>) -> Result<Vec<String>, ElbError> {
    if named.len() > DESCRIBED_AT_ONCE {
        return Err(ElbError::Validation(format!(
            "You cannot describe more than '{DESCRIBED_AT_ONCE}' {things} at a time"
        )));
    }
    Ok(named)
}
