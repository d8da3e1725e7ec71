//! Tags of secrets.

use std::collections::BTreeMap;

use seaway_aws_wire::secretsmanager::{
    Tag, TagResourceRequest, TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};

use super::{SecretsError, SecretsManager, find_live};
use crate::clock::EpochMillis;
use crate::services::tag_keys;

const MAX_TAGS: usize = 50;

impl SecretsManager {
    pub(super) fn tag(
        &self,
        request: TagResourceRequest,
        now: EpochMillis,
    ) -> Result<TagResourceResponse, SecretsError> {
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.tags = tagged(secret.tags, request.tags)?;
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

/// The tags of a secret after new ones were added to them.
pub(super) fn tagged(
    mut tags: BTreeMap<String, String>,
    added: Vec<Tag>,
) -> Result<BTreeMap<String, String>, SecretsError> {
    for tag in added {
        let Some(key) = tag.key else { continue };
        tag_keys::check(&key).map_err(|error| SecretsError::Parameter(error.to_string()))?;
        tags.insert(key, tag.value.unwrap_or_default());
    }
    if tags.len() > MAX_TAGS {
        return Err(SecretsError::Parameter(format!(
            "A secret can't have more than {MAX_TAGS} tags."
        )));
    }
    Ok(tags)
}

pub(super) fn to_wire(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag {
            key: Some(key),
            value: Some(value),
        })
        .collect()
}
