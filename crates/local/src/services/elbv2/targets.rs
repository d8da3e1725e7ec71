//! Targets by address, and the health of all targets, tasks included.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use seaway_aws_wire::elbv2 as wire;
use seaway_router::{TargetHealth, TargetHealthReason, TargetHealthState};

use super::error::ElbError;
use super::{Elbv2, target_groups};
use crate::balancing::TargetGroup;

impl Elbv2 {
    pub(super) fn register_targets(
        &self,
        request: wire::RegisterTargetsRequest,
    ) -> Result<wire::RegisterTargetsResponse, ElbError> {
        self.change(|documents| {
            let mut group = Arc::clone(target_groups::find(documents, &request.target_group_arn)?);
            let new = addresses(&group, &request.targets)?;
            if new.iter().any(|address| !group.targets.contains(address)) {
                Arc::make_mut(&mut group).targets.extend(new);
                documents.target_groups.insert(group.arn.clone(), group);
            }
            Ok(wire::RegisterTargetsResponse {})
        })
    }

    /// What is not registered is fine. A task can be deregistered like any other target; its
    /// scheduler then finds it unhealthy.
    pub(super) fn deregister_targets(
        &self,
        request: wire::DeregisterTargetsRequest,
    ) -> Result<wire::DeregisterTargetsResponse, ElbError> {
        let gone = self.change(|documents| {
            let mut group = Arc::clone(target_groups::find(documents, &request.target_group_arn)?);
            let gone = addresses(&group, &request.targets)?;
            if gone.iter().any(|address| group.targets.contains(address)) {
                Arc::make_mut(&mut group)
                    .targets
                    .retain(|address| !gone.contains(address));
                documents.target_groups.insert(group.arn.clone(), group);
            }
            Ok(gone)
        })?;
        self.balancing
            .deregister_addresses(&request.target_group_arn, &gone);
        Ok(wire::DeregisterTargetsResponse {})
    }

    pub(super) fn describe_target_health(
        &self,
        request: wire::DescribeTargetHealthRequest,
    ) -> Result<wire::DescribeTargetHealthResponse, ElbError> {
        let documents = self.balancing.documents();
        let group = target_groups::find(&documents, &request.target_group_arn)?;
        let health = by_address(self.balancing.health(&group.arn));
        let wanted = request.targets.filter(|targets| !targets.is_empty());
        let descriptions = match wanted {
            None => health
                .values()
                .map(|health| describe(group, health))
                .collect(),
            Some(targets) => addresses(group, &targets)?
                .into_iter()
                .map(|address| match health.get(&address) {
                    Some(health) => describe(group, health),
                    None => not_registered(group, address),
                })
                .collect(),
        };
        Ok(wire::DescribeTargetHealthResponse {
            target_health_descriptions: Some(descriptions),
        })
    }
}

/// To the API a target is its address. A task that drains and its successor at the same address are
/// one target, in the state of the successor.
fn by_address(health: Vec<TargetHealth>) -> BTreeMap<SocketAddr, TargetHealth> {
    let mut found = BTreeMap::<SocketAddr, TargetHealth>::new();
    for health in health {
        let known = found.get(&health.address);
        if known.is_none_or(|known| known.state == TargetHealthState::Draining) {
            found.insert(health.address, health);
        }
    }
    found
}

fn addresses(
    group: &TargetGroup,
    targets: &[wire::TargetDescription],
) -> Result<Vec<SocketAddr>, ElbError> {
    targets
        .iter()
        .map(|target| address(group, target))
        .collect()
}

fn address(group: &TargetGroup, target: &wire::TargetDescription) -> Result<SocketAddr, ElbError> {
    let id = &target.id;
    let ip: Ipv4Addr = id.parse().map_err(|_| {
        ElbError::Validation(format!("The IP address '{id}' is not a valid IPv4 address"))
    })?;
    if !(ip.is_loopback() || ip.is_private()) {
        return Err(ElbError::InvalidTarget(format!(
            "The IP address '{id}' is neither of this machine nor of a private network"
        )));
    }
    let port = target.port.map_or(Ok(group.port), u16::try_from);
    let port = port.map_err(|_| ElbError::validation("The port must be between 1 and 65535"))?;
    Ok((ip, port).into())
}

fn describe(group: &TargetGroup, health: &TargetHealth) -> wire::TargetHealthDescription {
    description(
        group,
        health.address,
        wire::TargetHealth {
            state: Some(health.state.as_str().into()),
            reason: health.reason.map(|reason| reason.as_str().into()),
            description: health.description.clone(),
        },
    )
}

fn not_registered(group: &TargetGroup, address: SocketAddr) -> wire::TargetHealthDescription {
    description(
        group,
        address,
        wire::TargetHealth {
            state: Some(wire::TargetHealthStateEnum::Unused),
            reason: Some(TargetHealthReason::NotRegistered.as_str().into()),
            description: Some("Target is not registered to the target group".into()),
        },
    )
}

fn description(
    group: &TargetGroup,
    address: SocketAddr,
    health: wire::TargetHealth,
) -> wire::TargetHealthDescription {
    let checked = group.health_check.port.unwrap_or(address.port());
    wire::TargetHealthDescription {
        health_check_port: Some(checked.to_string()),
        target: Some(wire::TargetDescription {
            id: address.ip().to_string(),
            port: Some(address.port().into()),
            ..wire::TargetDescription::default()
        }),
        target_health: Some(health),
        ..wire::TargetHealthDescription::default()
    }
}
