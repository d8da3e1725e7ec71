//! Tags of clusters, services, tasks and task definitions.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use super::names::{resource, service_key, task_id};
use crate::platform::definitions;
use crate::platform::records::{
    ClusterRecord, StoppedRecord, Tags, TaskDefinitionRecord, task_definition_key,
};
use crate::services::tag_keys;

/// Tags as a request lists them; without a value: empty.
///
/// # Errors
///
/// A key is named twice, or is one that only AWS itself gives.
pub(super) fn from_wire(given: Option<Vec<wire::Tag>>) -> Result<Tags, EcsError> {
    let mut tags = Tags::new();
    for tag in given.into_iter().flatten() {
        let Some(key) = tag.key else { continue };
        refuse_reserved(&key)?;
        if tags.contains_key(&key) {
            let text = format!("Duplicate tag key {key}: tag keys must be unique.");
            return Err(EcsError::Parameter(text));
        }
        tags.insert(key, tag.value.unwrap_or_default());
    }
    Ok(tags)
}

fn refuse_reserved(key: &str) -> Result<(), EcsError> {
    tag_keys::check(key).map_err(|error| EcsError::Parameter(error.to_string()))
}

/// Tags in the order of their keys.
pub(super) fn to_wire(tags: &Tags) -> Vec<wire::Tag> {
    let tag = |(key, value): (&String, &String)| wire::Tag {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    tags.iter().map(tag).collect()
}

impl Ecs {
    pub(super) fn tag(
        &self,
        request: wire::TagResourceRequest,
    ) -> Result<wire::TagResourceResponse, EcsError> {
        let new = from_wire(Some(request.tags))?;
        self.change_tags(&request.resource_arn, |tags| tags.extend(new.clone()))?;
        Ok(wire::TagResourceResponse::default())
    }

    pub(super) fn untag(
        &self,
        request: wire::UntagResourceRequest,
    ) -> Result<wire::UntagResourceResponse, EcsError> {
        let keys = request.tag_keys;
        keys.iter().try_for_each(|key| refuse_reserved(key))?;
        self.change_tags(&request.resource_arn, |tags| {
            tags.retain(|key, _| !keys.contains(key))
        })?;
        Ok(wire::UntagResourceResponse::default())
    }

    pub(super) fn list_tags(
        &self,
        request: wire::ListTagsForResourceRequest,
    ) -> Result<wire::ListTagsForResourceResponse, EcsError> {
        let mut found = Tags::new();
        self.change_tags(&request.resource_arn, |tags| found = tags.clone())?;
        Ok(wire::ListTagsForResourceResponse {
            tags: Some(to_wire(&found)),
        })
    }

    /// Finds the resource's tags and writes them back.
    fn change_tags(&self, arn: &str, mut change: impl FnMut(&mut Tags)) -> Result<(), EcsError> {
        let missing = || EcsError::ResourceNotFound(arn.to_owned());
        if let Some(name) = resource(arn, "cluster") {
            return self.store.write(|tx| {
                let mut record: ClusterRecord = tx.get(name)?.ok_or_else(missing)?;
                change(&mut record.tags);
                Ok(tx.put(name, &record)?)
            });
        }
        if resource(arn, "service").is_some() {
            let key = service_key(None, arn);
            return self.platform.change(|book| {
                let changed = book.change_service(&key, |record| {
                    change(&mut record.tags);
                    Ok::<_, EcsError>(((), vec![]))
                });
                changed.unwrap_or_else(|| Err(missing()))
            });
        }
        if resource(arn, "task-definition").is_some() {
            let mut record: TaskDefinitionRecord =
                definitions::find(&self.store, arn)?.ok_or_else(missing)?;
            change(&mut record.tags);
            return self.put_definition(&record);
        }
        if resource(arn, "task").is_some() {
            let changed = self.change_task_tags(task_id(arn), change)?;
            return changed.then_some(()).ok_or_else(missing);
        }
        Err(EcsError::Parameter(format!(
            "The specified ARN is not valid: {arn}"
        )))
    }

    /// Whether there is such a task, alive or stopped: one that stops meanwhile is in the store by
    /// the time the book no longer has it.
    fn change_task_tags(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Tags),
    ) -> Result<bool, EcsError> {
        let alive = self
            .platform
            .change(|book| Ok::<_, EcsError>(book.change_task_tags(id, &mut change)))?;
        if alive {
            return Ok(true);
        }
        self.store.write(|tx| {
            let Some(mut record) = tx.get::<StoppedRecord>(id)? else {
                return Ok(false);
            };
            change(&mut record.about.tags);
            tx.put(id, &record)?;
            Ok(true)
        })
    }

    pub(super) fn put_definition(&self, record: &TaskDefinitionRecord) -> Result<(), EcsError> {
        let family = record.definition.family.clone().unwrap_or_default();
        let revision = record
            .definition
            .revision
            .map(i64::from)
            .unwrap_or_default();
        self.store
            .write(|tx| Ok(tx.put(&task_definition_key(&family, revision), record)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(tags: Value) -> Result<Tags, EcsError> {
        from_wire(serde_json::from_value(tags).unwrap())
    }

    #[test]
    fn a_tag_without_a_value_is_empty() {
        let tags = read(json!([{ "key": "a" }, { "key": "b", "value": "c" }])).unwrap();
        let expected = [("a", ""), ("b", "c")];
        assert_eq!(tags, expected.map(|(k, v)| (k.into(), v.into())).into());
    }

    #[test]
    fn keys_that_are_reserved_or_named_twice_are_refused() {
        for (tags, words) in [
            (json!([{ "key": "aws:x" }]), "reserved prefix 'aws:'"),
            (json!([{ "key": "AWS:x" }]), "reserved prefix 'aws:'"),
            (
                json!([{ "key": "a" }, { "key": "a" }]),
                "Duplicate tag key a",
            ),
        ] {
            let text = read(tags).unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
        assert!(read(json!([{ "key": "aws" }, { "key": "äws:" }])).is_ok());
    }
}
