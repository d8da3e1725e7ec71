//! Tags of load balancers, listeners, rules and target groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use super::names::Kind;
use super::{Elbv2, few};
use crate::balancing::{Documents, Tags};
use crate::services::tag_keys;

/// Tags that a thing may have.
const MOST: usize = 50;

/// Reads the tags of a new thing.
pub(super) fn from_wire(tags: Option<Vec<wire::Tag>>) -> Result<Tags, ElbError> {
    let mut read = Tags::new();
    add(&mut read, tags.unwrap_or_default())?;
    Ok(read)
}

impl Elbv2 {
    pub(super) fn add_tags(
        &self,
        request: wire::AddTagsRequest,
    ) -> Result<wire::AddTagsResponse, ElbError> {
        if request.resource_arns.len() > 1 {
            return Err(ElbError::validation(
                "Only one resource can be tagged at a time",
            ));
        }
        self.change(|documents| {
            for arn in &request.resource_arns {
                add(tags_of(documents, arn)?, request.tags.clone())?;
            }
            Ok(wire::AddTagsResponse {})
        })
    }

    pub(super) fn remove_tags(
        &self,
        request: wire::RemoveTagsRequest,
    ) -> Result<wire::RemoveTagsResponse, ElbError> {
        self.change(|documents| {
            for arn in &request.resource_arns {
                tags_of(documents, arn)?.retain(|key, _| !request.tag_keys.contains(key));
            }
            Ok(wire::RemoveTagsResponse {})
        })
    }

    pub(super) fn describe_tags(
        &self,
        request: wire::DescribeTagsRequest,
    ) -> Result<wire::DescribeTagsResponse, ElbError> {
        // A copy: the look-up is made for changing.
        let mut documents = Documents::clone(&self.balancing.documents());
        let mut descriptions = Vec::new();
        for arn in few("resources", request.resource_arns)? {
            let tags = tags_of(&mut documents, &arn)?;
            let tag = |(key, value): (&String, &String)| wire::Tag {
                key: key.clone(),
                value: Some(value.clone()),
            };
            let tags = Some(tags.iter().map(tag).collect());
            descriptions.push(wire::TagDescription {
                resource_arn: Some(arn),
                tags,
            });
        }
        Ok(wire::DescribeTagsResponse {
            tag_descriptions: Some(descriptions),
        })
    }
}

fn add(tags: &mut Tags, new: Vec<wire::Tag>) -> Result<(), ElbError> {
    let mut keys = BTreeSet::new();
    for tag in new {
        tag_keys::check(&tag.key).map_err(|error| ElbError::Validation(error.to_string()))?;
        if !keys.insert(tag.key.clone()) {
            return Err(ElbError::DuplicateTagKey(tag.key));
        }
        tags.insert(tag.key, tag.value.unwrap_or_default());
    }
    if tags.len() > MOST {
        return Err(ElbError::TooManyTags(MOST));
    }
    Ok(())
}

/// The tags of a thing, for changing.
fn tags_of<'a>(documents: &'a mut Documents, arn: &str) -> Result<&'a mut Tags, ElbError> {
    let kind =
        Kind::of(arn).ok_or_else(|| ElbError::Validation(format!("'{arn}' is not a valid ARN")))?;
    let tags = match kind {
        Kind::LoadBalancer => documents
            .load_balancers
            .get_mut(arn)
            .map(|found| &mut Arc::make_mut(found).tags),
        Kind::Listener => documents
            .listeners
            .get_mut(arn)
            .map(|found| &mut Arc::make_mut(found).tags),
        Kind::TargetGroup => documents
            .target_groups
            .get_mut(arn)
            .map(|found| &mut Arc::make_mut(found).tags),
        Kind::Rule if documents.rules.contains_key(arn) => documents
            .rules
            .get_mut(arn)
            .map(|found| &mut Arc::make_mut(found).tags),
        Kind::Rule => {
            let mut listeners = documents.listeners.values_mut();
            let owner = listeners.find(|listener| listener.default_rule == arn);
            owner.map(|found| &mut Arc::make_mut(found).default_rule_tags)
        }
    };
    tags.ok_or_else(|| kind.not_found())
}
