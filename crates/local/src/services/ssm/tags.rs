//! Tags of parameters.

use std::collections::BTreeMap;

use seaway_aws_wire::ssm::{
    AddTagsToResourceRequest, AddTagsToResourceResponse, ListTagsForResourceRequest,
    ListTagsForResourceResponse, RemoveTagsFromResourceRequest, RemoveTagsFromResourceResponse,
    ResourceTypeForTagging, Tag,
};

use super::{Parameters, ParametersError, find};
use crate::services::tag_keys;
use crate::store::{ParameterRecord, View};

const MAX_TAGS: usize = 50;

impl Parameters {
    pub(super) fn tag(
        &self,
        request: AddTagsToResourceRequest,
    ) -> Result<AddTagsToResourceResponse, ParametersError> {
        self.store.write(|tx| {
            let mut record = tagged_one(tx, &request.resource_type, &request.resource_id)?;
            record.tags = tagged(record.tags, request.tags)?;
            tx.put_parameter(&record)?;
            Ok(AddTagsToResourceResponse {})
        })
    }

    pub(super) fn untag(
        &self,
        request: &RemoveTagsFromResourceRequest,
    ) -> Result<RemoveTagsFromResourceResponse, ParametersError> {
        self.store.write(|tx| {
            let mut record = tagged_one(tx, &request.resource_type, &request.resource_id)?;
            record.tags.retain(|key, _| !request.tag_keys.contains(key));
            tx.put_parameter(&record)?;
            Ok(RemoveTagsFromResourceResponse {})
        })
    }

    pub(super) fn list_tags(
        &self,
        request: &ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, ParametersError> {
        let record = self
            .store
            .read(|view| tagged_one(view, &request.resource_type, &request.resource_id))?;
        let tags = record.tags.into_iter();
        let tags = tags.map(|(key, value)| Tag { key, value });
        Ok(ListTagsForResourceResponse {
            tag_list: Some(tags.collect()),
        })
    }
}

/// The tags of a parameter after new ones were added to them.
pub(super) fn tagged(
    mut tags: BTreeMap<String, String>,
    added: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ParametersError> {
    for Tag { key, value } in added {
        tag_keys::check(&key).map_err(|error| ParametersError::Validation(error.to_string()))?;
        tags.insert(key, value);
    }
    if tags.len() > MAX_TAGS {
        return Err(ParametersError::TooManyTags { max: MAX_TAGS });
    }
    Ok(tags)
}

fn tagged_one(
    view: &View<'_>,
    kind: &ResourceTypeForTagging,
    id: &str,
) -> Result<ParameterRecord, ParametersError> {
    if *kind != ResourceTypeForTagging::Parameter {
        return Err(ParametersError::ResourceType);
    }
    find(view, id).map_err(|error| match error {
        ParametersError::NotFound(_) => ParametersError::ResourceId,
        other => other,
    })
}
