//! The load balancer's opinion of tasks.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_ecs::types as ecs;
use aws_sdk_elasticloadbalancingv2::types as sdk;
use seaway_core::rollout::{TargetSeen, TargetState};
use seaway_ports::PortError;

use crate::connect::Session;
use crate::error::During as _;
use crate::names::last_part;
use crate::parallel;
use crate::services::count;

/// A target of a target group, where it listens and how it fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    address: String,
    port: Option<u32>,
    pub(crate) seen: TargetSeen,
}

/// Targets by the ARN of their target group; a group that could not be read is left out.
pub(crate) type Targets = HashMap<String, Vec<Target>>;

impl Session {
    /// One call for each target group: the API describes no more at once.
    pub(crate) async fn targets(&self, groups: BTreeSet<String>) -> Targets {
        let ask = async |group: String| match self.targets_of(&group).await {
            Ok(targets) => Some((group, targets)),
            Err(error) => {
                tracing::debug!(%error, "targets are left out of this poll");
                None
            }
        };
        let answers = parallel::all(groups.into_iter().map(ask).collect()).await;
        answers.into_iter().flatten().collect()
    }

    async fn targets_of(&self, group: &str) -> Result<Vec<Target>, PortError> {
        let answer = self
            .balancing
            .describe_target_health()
            .target_group_arn(group)
            .send()
            .await
            .during(format!("ask for the health of {}", last_part(group)))?;
        let targets = answer.target_health_descriptions().iter();
        Ok(targets.filter_map(target).collect())
    }
}

/// The target groups of a service.
pub(crate) fn groups(service: &ecs::Service) -> impl Iterator<Item = &str> {
    let balancers = service.load_balancers().iter();
    balancers.filter_map(|balancer| balancer.target_group_arn())
}

/// What the load balancer says about a task of a service: of several groups the worst. The address
/// of a task that has stopped may be another task's by now.
pub(crate) fn of_task(
    service: &ecs::Service,
    task: &ecs::Task,
    targets: &Targets,
) -> Option<TargetSeen> {
    if task.last_status() == Some("STOPPED") {
        return None;
    }
    let addresses = addresses(task);
    groups(service)
        .filter_map(|group| targets.get(group))
        .flatten()
        .filter(|target| is_at(target, &addresses))
        .map(|target| target.seen.clone())
        .max_by_key(|seen| severity(seen.state))
}

/// Healthy targets and all that are not on their way out.
pub(crate) fn tally(service: &ecs::Service, targets: &Targets) -> Option<(u32, u32)> {
    let of_groups: Vec<&Target> = groups(service)
        .filter_map(|group| targets.get(group))
        .flatten()
        .filter(|target| {
            let gone = [TargetState::Draining, TargetState::Unused];
            !gone.contains(&target.seen.state)
        })
        .collect();
    groups(service).next()?;
    let healthy = of_groups
        .iter()
        .filter(|target| target.seen.state == TargetState::Healthy);
    let number = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
    Some((number(healthy.count()), number(of_groups.len())))
}

/// Address of a task and the ports that are its own there; without ports the address alone
/// identifies it, as it does for tasks with a network interface of their own.
type Addresses = Vec<(String, Vec<u32>)>;

fn addresses(task: &ecs::Task) -> Addresses {
    let bindings = || task.containers().iter().flat_map(|c| c.network_bindings());
    let ports: Vec<u32> = bindings()
        .filter_map(|b| b.host_port())
        .map(count)
        .collect();
    let interfaces = task
        .containers()
        .iter()
        .flat_map(|container| container.network_interfaces())
        .filter_map(|interface| interface.private_ipv4_address());
    let attached = task
        .attachments()
        .iter()
        .flat_map(|attachment| attachment.details())
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .filter_map(|detail| detail.value());
    let bound = bindings().filter_map(|binding| binding.bind_ip());
    let known: BTreeSet<&str> = interfaces.chain(attached).chain(bound).collect();
    known
        .into_iter()
        .map(|address| (address.to_owned(), ports.clone()))
        .collect()
}

fn is_at(target: &Target, addresses: &Addresses) -> bool {
    addresses.iter().any(|(address, ports)| {
        let at_port = |port| ports.is_empty() || ports.contains(&port);
        *address == target.address && target.port.is_none_or(at_port)
    })
}

fn target(description: &sdk::TargetHealthDescription) -> Option<Target> {
    let at = description.target()?;
    let health = description.target_health()?;
    Some(Target {
        address: at.id()?.to_owned(),
        port: at.port().map(count),
        seen: TargetSeen {
            state: state(health.state()?),
            reason: health.reason().map(|reason| reason.as_str().to_owned()),
            description: health.description().map(str::to_owned),
        },
    })
}

fn state(state: &sdk::TargetHealthStateEnum) -> TargetState {
    use sdk::TargetHealthStateEnum as State;
    match state {
        State::Initial => TargetState::Initial,
        State::Healthy => TargetState::Healthy,
        State::Unhealthy => TargetState::Unhealthy,
        State::Draining | State::UnhealthyDraining => TargetState::Draining,
        State::Unused => TargetState::Unused,
        _ => TargetState::Unavailable,
    }
}

fn severity(state: TargetState) -> u8 {
    match state {
        TargetState::Healthy => 0,
        TargetState::Unused => 1,
        TargetState::Draining => 2,
        TargetState::Unavailable => 3,
        TargetState::Initial => 4,
        TargetState::Unhealthy => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ecs::Service {
        let balancer = ecs::LoadBalancer::builder().target_group_arn("tg").build();
        ecs::Service::builder().load_balancers(balancer).build()
    }

    fn at(address: &str, port: u32, state: TargetState) -> Target {
        Target {
            address: address.into(),
            port: Some(port),
            seen: TargetSeen {
                state,
                reason: None,
                description: None,
            },
        }
    }

    fn targets(targets: Vec<Target>) -> Targets {
        HashMap::from([("tg".to_owned(), targets)])
    }

    fn task_with_interface(address: &str) -> ecs::Task {
        let detail = ecs::KeyValuePair::builder()
            .name("privateIPv4Address")
            .value(address)
            .build();
        let attachment = ecs::Attachment::builder().details(detail).build();
        ecs::Task::builder().attachments(attachment).build()
    }

    fn task_with_port(port: i32) -> ecs::Task {
        let binding = ecs::NetworkBinding::builder()
            .bind_ip("127.0.0.1")
            .host_port(port)
            .build();
        let container = ecs::Container::builder().network_bindings(binding).build();
        ecs::Task::builder().containers(container).build()
    }

    #[test]
    fn a_task_with_its_own_interface_is_found_by_its_address() {
        let targets = targets(vec![
            at("10.0.0.1", 8000, TargetState::Healthy),
            at("10.0.0.2", 8000, TargetState::Unhealthy),
        ]);
        let seen = of_task(&service(), &task_with_interface("10.0.0.2"), &targets);
        assert_eq!(seen.map(|seen| seen.state), Some(TargetState::Unhealthy));
        let none = of_task(&service(), &task_with_interface("10.0.0.3"), &targets);
        assert_eq!(none, None);
    }

    #[test]
    fn tasks_that_share_an_address_are_told_apart_by_their_ports() {
        let targets = targets(vec![
            at("127.0.0.1", 20001, TargetState::Healthy),
            at("127.0.0.1", 20002, TargetState::Initial),
        ]);
        let state = |port| of_task(&service(), &task_with_port(port), &targets).map(|s| s.state);
        assert_eq!(state(20001), Some(TargetState::Healthy));
        assert_eq!(state(20002), Some(TargetState::Initial));
        assert_eq!(state(20003), None);
    }

    #[test]
    fn a_stopped_task_is_not_taken_for_the_one_that_has_its_address_now() {
        let targets = targets(vec![at("127.0.0.1", 20001, TargetState::Healthy)]);
        let stopped = ecs::Task::builder()
            .last_status("STOPPED")
            .set_containers(task_with_port(20001).containers)
            .build();
        assert_eq!(of_task(&service(), &stopped, &targets), None);
    }

    #[test]
    fn draining_targets_do_not_count() {
        let targets = targets(vec![
            at("127.0.0.1", 1, TargetState::Healthy),
            at("127.0.0.1", 2, TargetState::Initial),
            at("127.0.0.1", 3, TargetState::Draining),
        ]);
        assert_eq!(tally(&service(), &targets), Some((1, 2)));
        assert_eq!(tally(&ecs::Service::builder().build(), &targets), None);
    }
}
