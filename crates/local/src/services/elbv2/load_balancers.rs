//! Load balancers.

use std::collections::BTreeMap;
use std::sync::Arc;

use seaway_aws_wire::Timestamp;
use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use super::names::{Kind, check_name, load_balancer_arn};
use super::paging::page;
use super::{Choice, Elbv2, attributes, network, tags};
use crate::balancing::{Documents, LoadBalancer, Scheme};
use crate::clock::EpochMillis;

/// The hosted zone of Application Load Balancers in the region of every platform.
const HOSTED_ZONE: &str = "Z35SXDOTRQ7X7K";
const VPC: &str = "vpc-local";
/// What the DNS names of load balancers end with. No resolver knows them; `seaway local status`
/// tells where a load balancer listens.
const DOMAIN: &str = "elb.local.seaway.internal";

impl Elbv2 {
    pub(super) fn create_load_balancer(
        &self,
        request: wire::CreateLoadBalancerRequest,
        now: EpochMillis,
    ) -> Result<wire::CreateLoadBalancerResponse, ElbError> {
        let balancer = new(request, now)?;
        let balancer = self.change(|documents| {
            if let Some(known) = by_name(documents, &balancer.name) {
                let same = known.scheme == balancer.scheme
                    && known.subnets == balancer.subnets
                    && known.security_groups == balancer.security_groups;
                return match same {
                    true => Ok(known),
                    false => Err(ElbError::DuplicateLoadBalancer(balancer.name)),
                };
            }
            let balancer = Arc::new(balancer);
            documents
                .load_balancers
                .insert(balancer.arn.clone(), Arc::clone(&balancer));
            Ok(balancer)
        })?;
        Ok(wire::CreateLoadBalancerResponse {
            load_balancers: Some(vec![to_wire(&balancer)]),
        })
    }

    pub(super) fn describe_load_balancers(
        &self,
        request: wire::DescribeLoadBalancersRequest,
    ) -> Result<wire::DescribeLoadBalancersResponse, ElbError> {
        let documents = self.balancing.documents();
        let balancers =
            match Choice::of("load balancers", request.load_balancer_arns, request.names)? {
                Choice::All => documents.load_balancers.values().cloned().collect(),
                Choice::Arns(arns) => arns
                    .iter()
                    .map(|arn| find(&documents, arn).cloned())
                    .collect::<Result<_, _>>()?,
                Choice::Names(names) => names
                    .into_iter()
                    .map(|name| {
                        by_name(&documents, &name).ok_or(ElbError::LoadBalancerNameNotFound(name))
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            };
        let page = page(
            balancers,
            |balancer| balancer.name.clone(),
            request.marker.as_deref(),
            request.page_size,
        )?;
        Ok(wire::DescribeLoadBalancersResponse {
            load_balancers: Some(
                page.items
                    .iter()
                    .map(|balancer| to_wire(balancer))
                    .collect(),
            ),
            next_marker: page.next,
        })
    }

    /// Deletes its listeners and rules, too. One that does not exist is fine.
    pub(super) fn delete_load_balancer(
        &self,
        request: wire::DeleteLoadBalancerRequest,
    ) -> Result<wire::DeleteLoadBalancerResponse, ElbError> {
        let arn = request.load_balancer_arn;
        Kind::LoadBalancer.check(&arn)?;
        self.change(|documents| {
            let Some(balancer) = documents.load_balancers.remove(&arn) else {
                return Ok(wire::DeleteLoadBalancerResponse {});
            };
            if attributes::is_protected(&balancer.attributes) {
                return Err(ElbError::NotPermitted(format!(
                    "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
                )));
            }
            documents
                .listeners
                .retain(|_, listener| listener.load_balancer != arn);
            let listeners = &documents.listeners;
            documents
                .rules
                .retain(|_, rule| listeners.contains_key(&rule.listener));
            Ok(wire::DeleteLoadBalancerResponse {})
        })
    }

    pub(super) fn describe_load_balancer_attributes(
        &self,
        request: wire::DescribeLoadBalancerAttributesRequest,
    ) -> Result<wire::DescribeLoadBalancerAttributesResponse, ElbError> {
        let documents = self.balancing.documents();
        let balancer = find(&documents, &request.load_balancer_arn)?;
        let attributes = Some(attributes_to_wire(&balancer.attributes));
        Ok(wire::DescribeLoadBalancerAttributesResponse { attributes })
    }

    pub(super) fn modify_load_balancer_attributes(
        &self,
        request: wire::ModifyLoadBalancerAttributesRequest,
    ) -> Result<wire::ModifyLoadBalancerAttributesResponse, ElbError> {
        let new = request
            .attributes
            .into_iter()
            .map(|one| (one.key, one.value));
        let new = attributes::LOAD_BALANCER.read(new)?;
        self.change(|documents| {
            let balancer = find_to_change(documents, &request.load_balancer_arn)?;
            balancer.attributes.extend(new);
            let attributes = Some(attributes_to_wire(&balancer.attributes));
            Ok(wire::ModifyLoadBalancerAttributesResponse { attributes })
        })
    }
}

/// The load balancer that a request names by its ARN.
pub(super) fn find<'a>(
    documents: &'a Documents,
    arn: &str,
) -> Result<&'a Arc<LoadBalancer>, ElbError> {
    Kind::LoadBalancer.check(arn)?;
    documents
        .load_balancers
        .get(arn)
        .ok_or(ElbError::LoadBalancerNotFound)
}

/// Like [`find`], for changing it.
pub(super) fn find_to_change<'a>(
    documents: &'a mut Documents,
    arn: &str,
) -> Result<&'a mut LoadBalancer, ElbError> {
    Kind::LoadBalancer.check(arn)?;
    documents
        .load_balancers
        .get_mut(arn)
        .map(Arc::make_mut)
        .ok_or(ElbError::LoadBalancerNotFound)
}

fn by_name(documents: &Documents, name: &str) -> Option<Arc<LoadBalancer>> {
    documents
        .load_balancers
        .values()
        .find(|balancer| balancer.name == name)
        .cloned()
}

fn new(
    request: wire::CreateLoadBalancerRequest,
    now: EpochMillis,
) -> Result<LoadBalancer, ElbError> {
    check_name("load balancer", &request.name)?;
    if let Some(other) = request
        .r#type
        .filter(|kind| *kind != wire::LoadBalancerTypeEnum::Application)
    {
        return Err(ElbError::not_offered(format_args!(
            "load balancers of the type '{other}'"
        )));
    }
    Ok(LoadBalancer {
        arn: load_balancer_arn(&request.name),
        scheme: match request.scheme {
            Some(wire::LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
            _ => Scheme::InternetFacing,
        },
        subnets: network::subnets(request.subnets, request.subnet_mappings)?,
        security_groups: request.security_groups.unwrap_or_default(),
        address_type: network::address_type(request.ip_address_type)?,
        created_at: now,
        attributes: BTreeMap::new(),
        tags: tags::from_wire(request.tags)?,
        name: request.name,
    })
}

fn to_wire(balancer: &LoadBalancer) -> wire::LoadBalancer {
    wire::LoadBalancer {
        availability_zones: Some(network::zones(&balancer.subnets)),
        canonical_hosted_zone_id: Some(HOSTED_ZONE.into()),
        created_time: Timestamp::from_millis(balancer.created_at.0).ok(),
        dns_name: Some(format!("{}.{DOMAIN}", balancer.name)),
        ip_address_type: Some(network::address_type_to_wire(balancer.address_type)),
        load_balancer_arn: Some(balancer.arn.clone()),
        load_balancer_name: Some(balancer.name.clone()),
        scheme: Some(match balancer.scheme {
            Scheme::InternetFacing => wire::LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => wire::LoadBalancerSchemeEnum::Internal,
        }),
        security_groups: Some(balancer.security_groups.clone()),
        state: Some(wire::LoadBalancerState {
            code: Some(wire::LoadBalancerStateEnum::Active),
            reason: None,
        }),
        r#type: Some(wire::LoadBalancerTypeEnum::Application),
        vpc_id: Some(VPC.into()),
        ..wire::LoadBalancer::default()
    }
}

fn attributes_to_wire(set: &BTreeMap<String, String>) -> Vec<wire::LoadBalancerAttribute> {
    let attribute = |(key, value)| wire::LoadBalancerAttribute {
        key: Some(key),
        value: Some(value),
    };
    attributes::LOAD_BALANCER
        .describe(set)
        .map(attribute)
        .collect()
}
