//! Tags of secrets.

use std::collections::BTreeMap;

use seaway_aws_wire::secretsmanager::{
    Tag, TagResourceRequest, TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};

use super::{SecretsError, SecretsManager, find_live};
use crate::clock::EpochMillis;

impl SecretsManager {
    pub(super) fn tag(
        &self,
        request: TagResourceRequest,
        now: EpochMillis,
    ) -> Result<TagResourceResponse, SecretsError> {
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.tags.extend(from_wire(request.tags));
            secret.changed_at = now;
            tx.put_secret(&secret)?;
            Ok(TagResourceResponse {})
        })
    }

    pub(super) fn untag(
        &self,
        request: &UntagResourceRequest,
        now: EpochMillis,
    ) -> Result<UntagResourceResponse, SecretsError> {
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.tags.retain(|key, _| !request.tag_keys.contains(key));
            secret.changed_at = now;
            tx.put_secret(&secret)?;
            Ok(UntagResourceResponse {})
        })
    }
}

pub(super) fn from_wire(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

pub(super) fn to_wire(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag {
            key: Some(key),
            value: Some(value),
        })
        .collect()
}
