//! Tags of clusters, services, tasks and task definitions.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use super::names::{resource, service_key, task_id};
use crate::platform::definitions;
use crate::platform::records::{
    ClusterRecord, StoppedRecord, Tags, TaskDefinitionRecord, task_definition_key,
};

/// Tags as the wire lists them; without a value: empty.
pub(super) fn from_wire(tags: Option<Vec<wire::Tag>>) -> Tags {
    let pair = |tag: wire::Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.into_iter().flatten().filter_map(pair).collect()
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
        let new = from_wire(Some(request.tags));
        self.change_tags(&request.resource_arn, |tags| tags.extend(new))?;
        Ok(wire::TagResourceResponse::default())
    }

    pub(super) fn untag(
        &self,
        request: wire::UntagResourceRequest,
    ) -> Result<wire::UntagResourceResponse, EcsError> {
        let keys = request.tag_keys;
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
    fn change_tags(&self, arn: &str, change: impl FnOnce(&mut Tags)) -> Result<(), EcsError> {
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
            return self
                .change_task_tags(task_id(arn), change)
                .ok_or_else(missing)?;
        }
        Err(EcsError::Parameter(format!(
            "The specified ARN is not valid: {arn}"
        )))
    }

    fn change_task_tags(
        &self,
        id: &str,
        change: impl FnOnce(&mut Tags),
    ) -> Option<Result<(), EcsError>> {
        let stopped = self.store.read(|view| view.get::<StoppedRecord>(id));
        match stopped {
            Ok(Some(mut record)) => {
                change(&mut record.about.tags);
                Some(self.store.write(|tx| Ok(tx.put(id, &record)?)))
            }
            Ok(None) => {
                let changed = self
                    .platform
                    .change(|book| Ok::<_, EcsError>(book.change_standalone_tags(id, change)));
                match changed {
                    Ok(true) => Some(Ok(())),
                    Ok(false) => None,
                    Err(error) => Some(Err(error)),
                }
            }
            Err(error) => Some(Err(EcsError::Store(error))),
        }
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
