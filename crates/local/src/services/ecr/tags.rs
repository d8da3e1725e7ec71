//! Tags of repositories (those of AWS; an image's tags are its names).

use std::collections::BTreeMap;

use seaway_aws_wire::ecr::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};

use super::{Ecr, EcrError, find};
use crate::identity::arn;
use crate::services::tag_keys;

impl Ecr {
    pub(super) fn tag(&self, request: TagResourceRequest) -> Result<TagResourceResponse, EcrError> {
        let name = name_of(&request.resource_arn)?;
        self.change(name, None, |record| {
            record.tags.extend(from_wire(request.tags)?);
            Ok(())
        })?;
        Ok(TagResourceResponse {})
    }

    pub(super) fn untag(
        &self,
        request: &UntagResourceRequest,
    ) -> Result<UntagResourceResponse, EcrError> {
        self.change(name_of(&request.resource_arn)?, None, |record| {
            record.tags.retain(|key, _| !request.tag_keys.contains(key));
            Ok(())
        })?;
        Ok(UntagResourceResponse {})
    }

    pub(super) fn list_tags(
        &self,
        request: &ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, EcrError> {
        let name = name_of(&request.resource_arn)?;
        let (_, record) = self.images.store.read(|view| find(view, name, None))?;
        let tags = record.tags.into_iter();
        let tags = tags.map(|(key, value)| Tag { key, value });
        Ok(ListTagsForResourceResponse {
            tags: Some(tags.collect()),
        })
    }
}

/// Tags of a request; of two with one key the last is meant.
pub(super) fn from_wire(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, EcrError> {
    tags.into_iter()
        .map(|tag| {
            tag_keys::check(&tag.key).map_err(|error| EcrError::TagKey(error.to_string()))?;
            Ok((tag.key, tag.value))
        })
        .collect()
}

fn name_of(resource: &str) -> Result<&str, EcrError> {
    resource
        .strip_prefix(&arn("ecr", "repository/"))
        .ok_or_else(|| EcrError::parameter("resourceArn", "must be the ARN of a repository"))
}
