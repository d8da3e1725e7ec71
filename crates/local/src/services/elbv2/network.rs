//! What a load balancer says about its network: subnets, security groups, kinds of addresses.
//!
//! All of it is recorded and described, nothing of it is in force: the machine has one network.

use std::collections::BTreeSet;

use seaway_aws_wire::elbv2 as wire;

use super::Elbv2;
use super::error::ElbError;
use super::load_balancers::find_to_change;
use crate::balancing::AddressType;

/// A zone for each subnet, in turn: this machine has none.
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// How many subnets an Application Load Balancer needs.
const FEWEST_SUBNETS: usize = 2;

impl Elbv2 {
    pub(super) fn set_security_groups(
        &self,
        request: wire::SetSecurityGroupsRequest,
    ) -> Result<wire::SetSecurityGroupsResponse, ElbError> {
        self.change(|documents| {
            let balancer = find_to_change(documents, &request.load_balancer_arn)?;
            balancer.security_groups = request.security_groups;
            Ok(wire::SetSecurityGroupsResponse {
                security_group_ids: Some(balancer.security_groups.clone()),
                ..wire::SetSecurityGroupsResponse::default()
            })
        })
    }

    pub(super) fn set_subnets(
        &self,
        request: wire::SetSubnetsRequest,
    ) -> Result<wire::SetSubnetsResponse, ElbError> {
        let new = subnets(request.subnets, request.subnet_mappings)?;
        let kind = request.ip_address_type;
        let kind = kind.map(|kind| address_type(Some(kind))).transpose()?;
        self.change(|documents| {
            let balancer = find_to_change(documents, &request.load_balancer_arn)?;
            balancer.subnets = new;
            balancer.address_type = kind.unwrap_or(balancer.address_type);
            Ok(wire::SetSubnetsResponse {
                availability_zones: Some(zones(&balancer.subnets)),
                ip_address_type: Some(address_type_to_wire(balancer.address_type)),
                ..wire::SetSubnetsResponse::default()
            })
        })
    }

    pub(super) fn set_ip_address_type(
        &self,
        request: wire::SetIpAddressTypeRequest,
    ) -> Result<wire::SetIpAddressTypeResponse, ElbError> {
        let kind = address_type(Some(request.ip_address_type))?;
        self.change(|documents| {
            find_to_change(documents, &request.load_balancer_arn)?.address_type = kind;
            Ok(wire::SetIpAddressTypeResponse {
                ip_address_type: Some(address_type_to_wire(kind)),
            })
        })
    }
}

/// The subnets that a request names in one way or the other: enough for a load balancer.
pub(super) fn subnets(
    named: Option<Vec<String>>,
    mapped: Option<Vec<wire::SubnetMapping>>,
) -> Result<Vec<String>, ElbError> {
    let mapped = mapped.into_iter().flatten();
    let mapped = mapped.filter_map(|one| one.subnet_id);
    let subnets: Vec<String> = named.into_iter().flatten().chain(mapped).collect();
    if subnets.iter().collect::<BTreeSet<_>>().len() < FEWEST_SUBNETS {
        return Err(ElbError::validation(
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    Ok(subnets)
}

/// The zones of these subnets, as descriptions have them.
pub(super) fn zones(subnets: &[String]) -> Vec<wire::AvailabilityZone> {
    let zone = |(subnet, zone): (&String, &str)| wire::AvailabilityZone {
        subnet_id: Some(subnet.clone()),
        zone_name: Some(zone.to_owned()),
        ..wire::AvailabilityZone::default()
    };
    let zones = subnets.iter().zip(ZONES.into_iter().cycle());
    zones.map(zone).collect()
}

/// The kind of addresses that a request names.
pub(super) fn address_type(kind: Option<wire::IpAddressType>) -> Result<AddressType, ElbError> {
    Ok(match kind {
        None | Some(wire::IpAddressType::Ipv4) => AddressType::Ipv4,
        Some(wire::IpAddressType::Dualstack) => AddressType::Dualstack,
        Some(wire::IpAddressType::DualstackWithoutPublicIpv4) => {
            AddressType::DualstackWithoutPublicIpv4
        }
        Some(wire::IpAddressType::Other(other)) => {
            return Err(ElbError::Validation(format!(
                "'{other}' is not a valid IP address type"
            )));
        }
    })
}

pub(super) fn address_type_to_wire(kind: AddressType) -> wire::IpAddressType {
    match kind {
        AddressType::Ipv4 => wire::IpAddressType::Ipv4,
        AddressType::Dualstack => wire::IpAddressType::Dualstack,
        AddressType::DualstackWithoutPublicIpv4 => wire::IpAddressType::DualstackWithoutPublicIpv4,
    }
}
