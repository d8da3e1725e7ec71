//! Target groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use super::names::{Kind, check_name, target_group_arn};
use super::paging::page;
use super::{Choice, Elbv2, attributes, health_checks, load_balancers, tags};
use crate::balancing::{Documents, HealthCheck, TargetGroup};

impl Elbv2 {
    pub(super) fn create_target_group(
        &self,
        request: wire::CreateTargetGroupRequest,
    ) -> Result<wire::CreateTargetGroupResponse, ElbError> {
        let group = new(request)?;
        let group = self.change(|documents| {
            if let Some(known) = by_name(documents, &group.name) {
                let same = known.port == group.port
                    && known.vpc == group.vpc
                    && known.health_check == group.health_check;
                return match same {
                    true => Ok(to_wire(documents, &known)),
                    false => Err(ElbError::DuplicateTargetGroup(group.name)),
                };
            }
            let described = to_wire(documents, &group);
            documents
                .target_groups
                .insert(group.arn.clone(), Arc::new(group));
            Ok(described)
        })?;
        Ok(wire::CreateTargetGroupResponse {
            target_groups: Some(vec![group]),
        })
    }

    pub(super) fn describe_target_groups(
        &self,
        request: wire::DescribeTargetGroupsRequest,
    ) -> Result<wire::DescribeTargetGroupsResponse, ElbError> {
        let documents = self.balancing.documents();
        let mut groups: Vec<Arc<TargetGroup>> =
            match Choice::of("target groups", request.target_group_arns, request.names)? {
                Choice::All => documents.target_groups.values().cloned().collect(),
                Choice::Arns(arns) => arns
                    .iter()
                    .map(|arn| find(&documents, arn).cloned())
                    .collect::<Result<_, _>>()?,
                Choice::Names(names) => names
                    .iter()
                    .map(|name| by_name(&documents, name).ok_or(ElbError::TargetGroupNotFound))
                    .collect::<Result<_, _>>()?,
            };
        if let Some(balancer) = request.load_balancer_arn {
            load_balancers::find(&documents, &balancer)?;
            groups.retain(|group| documents.users_of(&group.arn).contains(balancer.as_str()));
        }
        let page = page(
            groups,
            |group| group.name.clone(),
            request.marker.as_deref(),
            request.page_size,
        )?;
        let groups = page
            .items
            .iter()
            .map(|group| to_wire(&documents, group))
            .collect();
        Ok(wire::DescribeTargetGroupsResponse {
            target_groups: Some(groups),
            next_marker: page.next,
        })
    }

    pub(super) fn modify_target_group(
        &self,
        request: wire::ModifyTargetGroupRequest,
    ) -> Result<wire::ModifyTargetGroupResponse, ElbError> {
        let wanted = health_checks::Wanted {
            enabled: request.health_check_enabled,
            protocol: request.health_check_protocol,
            path: request.health_check_path,
            port: request.health_check_port,
            matcher: request.matcher,
            interval_seconds: request.health_check_interval_seconds,
            timeout_seconds: request.health_check_timeout_seconds,
            healthy_threshold: request.healthy_threshold_count,
            unhealthy_threshold: request.unhealthy_threshold_count,
        };
        let group = self.change(|documents| {
            let mut group = Arc::clone(find(documents, &request.target_group_arn)?);
            let check = wanted.on(group.health_check.clone())?;
            if check != group.health_check {
                Arc::make_mut(&mut group).health_check = check;
                documents
                    .target_groups
                    .insert(group.arn.clone(), Arc::clone(&group));
            }
            Ok(to_wire(documents, &group))
        })?;
        Ok(wire::ModifyTargetGroupResponse {
            target_groups: Some(vec![group]),
        })
    }

    /// One that does not exist is fine.
    pub(super) fn delete_target_group(
        &self,
        request: wire::DeleteTargetGroupRequest,
    ) -> Result<wire::DeleteTargetGroupResponse, ElbError> {
        let arn = request.target_group_arn;
        Kind::TargetGroup.check(&arn)?;
        self.change(|documents| {
            if !documents.users_of(&arn).is_empty() {
                return Err(ElbError::TargetGroupInUse(arn));
            }
            documents.target_groups.remove(&arn);
            Ok(wire::DeleteTargetGroupResponse {})
        })
    }

    pub(super) fn describe_target_group_attributes(
        &self,
        request: wire::DescribeTargetGroupAttributesRequest,
    ) -> Result<wire::DescribeTargetGroupAttributesResponse, ElbError> {
        let documents = self.balancing.documents();
        let group = find(&documents, &request.target_group_arn)?;
        let attributes = Some(attributes_to_wire(&group.attributes));
        Ok(wire::DescribeTargetGroupAttributesResponse { attributes })
    }

    pub(super) fn modify_target_group_attributes(
        &self,
        request: wire::ModifyTargetGroupAttributesRequest,
    ) -> Result<wire::ModifyTargetGroupAttributesResponse, ElbError> {
        let new = request
            .attributes
            .into_iter()
            .map(|one| (one.key, one.value));
        let new = attributes::TARGET_GROUP.read(new)?;
        let attributes = self.change(|documents| {
            let mut group = Arc::clone(find(documents, &request.target_group_arn)?);
            Arc::make_mut(&mut group).attributes.extend(new);
            attributes::check_together(&group.attributes)?;
            documents
                .target_groups
                .insert(group.arn.clone(), Arc::clone(&group));
            Ok(attributes_to_wire(&group.attributes))
        })?;
        Ok(wire::ModifyTargetGroupAttributesResponse {
            attributes: Some(attributes),
        })
    }
}

/// The target group that a request names by its ARN.
pub(super) fn find<'a>(
    documents: &'a Documents,
    arn: &str,
) -> Result<&'a Arc<TargetGroup>, ElbError> {
    Kind::TargetGroup.check(arn)?;
    documents
        .target_groups
        .get(arn)
        .ok_or(ElbError::TargetGroupNotFound)
}

fn by_name(documents: &Documents, name: &str) -> Option<Arc<TargetGroup>> {
    documents
        .target_groups
        .values()
        .find(|group| group.name == name)
        .cloned()
}

fn new(request: wire::CreateTargetGroupRequest) -> Result<TargetGroup, ElbError> {
    check_name("target group", &request.name)?;
    check_kind(&request)?;
    let port = request.port.and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| ElbError::validation("A port must be specified"))?;
    let wanted = health_checks::Wanted {
        enabled: request.health_check_enabled,
        protocol: request.health_check_protocol,
        path: request.health_check_path,
        port: request.health_check_port,
        matcher: request.matcher,
        interval_seconds: request.health_check_interval_seconds,
        timeout_seconds: request.health_check_timeout_seconds,
        healthy_threshold: request.healthy_threshold_count,
        unhealthy_threshold: request.unhealthy_threshold_count,
    };
    Ok(TargetGroup {
        arn: target_group_arn(&request.name),
        name: request.name,
        port,
        vpc: request.vpc_id,
        health_check: wanted.on(HealthCheck::default())?,
        attributes: BTreeMap::new(),
        tags: tags::from_wire(request.tags)?,
        targets: BTreeSet::new(),
    })
}

/// Refuses groups of kinds that this platform lacks.
fn check_kind(request: &wire::CreateTargetGroupRequest) -> Result<(), ElbError> {
    let kind = request
        .target_type
        .as_ref()
        .unwrap_or(&wire::TargetTypeEnum::Instance);
    if *kind != wire::TargetTypeEnum::Ip {
        return Err(ElbError::not_offered(format_args!(
            "target groups of the target type '{kind}', only 'ip'"
        )));
    }
    let protocol = request.protocol.as_ref();
    let protocol = protocol.ok_or_else(|| ElbError::validation("A protocol must be specified"))?;
    if *protocol != wire::ProtocolEnum::Http {
        return Err(ElbError::not_offered(format_args!(
            "{protocol} target groups"
        )));
    }
    match request.protocol_version.as_deref() {
        // An empty one is what Terraform's provider says for the default.
        None | Some("" | "HTTP1") => Ok(()),
        Some(other) => Err(ElbError::not_offered(format_args!(
            "the protocol version {other}"
        ))),
    }
}

fn to_wire(documents: &Documents, group: &TargetGroup) -> wire::TargetGroup {
    let users = documents.users_of(&group.arn);
    let described = wire::TargetGroup {
        ip_address_type: Some(wire::TargetGroupIpAddressTypeEnum::Ipv4),
        load_balancer_arns: Some(users.into_iter().map(str::to_owned).collect()),
        port: Some(group.port.into()),
        protocol: Some(wire::ProtocolEnum::Http),
        protocol_version: Some("HTTP1".into()),
        target_group_arn: Some(group.arn.clone()),
        target_group_name: Some(group.name.clone()),
        target_type: Some(wire::TargetTypeEnum::Ip),
        vpc_id: group.vpc.clone(),
        ..wire::TargetGroup::default()
    };
    health_checks::describe(&group.health_check, described)
}

fn attributes_to_wire(set: &BTreeMap<String, String>) -> Vec<wire::TargetGroupAttribute> {
    let attribute = |(key, value)| wire::TargetGroupAttribute {
        key: Some(key),
        value: Some(value),
    };
    attributes::TARGET_GROUP
        .describe(set)
        .map(attribute)
        .collect()
}
