//! Tags of alarms.

use std::collections::BTreeMap;

use seaway_aws_wire::cloudwatch::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};

use super::RESOURCE;
use crate::identity::arn;
use crate::services::cloudwatch::{CloudWatch, CloudWatchError};
use crate::store::{AlarmRecord, View};

const MOST_TAGS: usize = 50;

impl CloudWatch {
    pub(in crate::services::cloudwatch) fn tag(
        &self,
        request: TagResourceRequest,
    ) -> Result<TagResourceResponse, CloudWatchError> {
        self.store.write(|tx| {
            let mut record = find(tx, &request.resource_arn)?;
            record.tags = tagged(record.tags, request.tags)?;
            tx.put_alarm(&record)?;
            Ok(TagResourceResponse {})
        })
    }

    pub(in crate::services::cloudwatch) fn untag(
        &self,
        request: &UntagResourceRequest,
    ) -> Result<UntagResourceResponse, CloudWatchError> {
        self.store.write(|tx| {
            let mut record = find(tx, &request.resource_arn)?;
            record.tags.retain(|key, _| !request.tag_keys.contains(key));
            tx.put_alarm(&record)?;
            Ok(UntagResourceResponse {})
        })
    }

    pub(in crate::services::cloudwatch) fn list_tags(
        &self,
        request: &ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, CloudWatchError> {
        let record = self.store.read(|view| find(view, &request.resource_arn))?;
        let tags = record.tags.into_iter();
        let tags = tags.map(|(key, value)| Tag { key, value });
        Ok(ListTagsForResourceResponse {
            tags: Some(tags.collect()),
        })
    }
}

/// The tags of an alarm after new ones were added to them.
pub(super) fn tagged(
    mut tags: BTreeMap<String, String>,
    added: Vec<Tag>,
) -> Result<BTreeMap<String, String>, CloudWatchError> {
    for Tag { key, value } in added {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(CloudWatchError::invalid("Tags", key));
        }
        tags.insert(key, value);
    }
    if tags.len() > MOST_TAGS {
        return Err(CloudWatchError::Value {
            name: "Tags".to_owned(),
            value: format!("of {} tags", tags.len()),
            problem: format!("more than the {MOST_TAGS} that a resource may have"),
        });
    }
    Ok(tags)
}

fn find(view: &View<'_>, resource: &str) -> Result<AlarmRecord, CloudWatchError> {
    let unknown = || CloudWatchError::NoResource(resource.to_owned());
    let prefix = arn("cloudwatch", RESOURCE);
    let name = resource.strip_prefix(&prefix).ok_or_else(unknown)?;
    view.alarm(name)?.ok_or_else(unknown)
}
