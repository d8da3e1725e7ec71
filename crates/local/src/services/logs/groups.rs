//! Log groups: creating, describing, retention, tags.

use seaway_aws_wire::logs::{
    CreateLogGroupRequest, CreateLogGroupResponse, DeleteLogGroupRequest, DeleteLogGroupResponse,
    DeleteRetentionPolicyRequest, DeleteRetentionPolicyResponse, DescribeLogGroupsRequest,
    DescribeLogGroupsResponse, ListTagsForResourceRequest, ListTagsForResourceResponse,
    LogGroup as WireGroup, LogGroupClass, PutRetentionPolicyRequest, PutRetentionPolicyResponse,
    TagResourceRequest, TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};

use super::tokens::page_of;
use super::{Logs, LogsError, arn_of, find_group, group_name};
use crate::clock::EpochMillis;
use crate::store::{LogGroup, NewLogGroup};

/// The retention times that CloudWatch Logs offers, in days.
const RETENTIONS: [u32; 23] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653, 36500,
];

/// What names of groups may not begin with.
const RESERVED: &str = "aws/";

impl Logs {
    pub(super) fn create_group(
        &self,
        request: CreateLogGroupRequest,
        now: EpochMillis,
    ) -> Result<CreateLogGroupResponse, LogsError> {
        check_name(&request.log_group_name)?;
        if request.deletion_protection_enabled == Some(true) {
            return Err(LogsError::Parameter(
                "The embedded platform has no deletion protection of log groups.".to_owned(),
            ));
        }
        let group = NewLogGroup {
            class: class_of(&request)?,
            kms_key_id: request.kms_key_id.as_deref(),
            ..NewLogGroup::named(&request.log_group_name)
        };
        self.store.write(|tx| {
            if tx.log_group(&request.log_group_name)?.is_some() {
                return Err(LogsError::GroupExists);
            }
            tx.create_log_group(&group, now)?;
            if let Some(tags) = &request.tags {
                let group = find_group(tx, &request.log_group_name)?;
                tx.set_log_group_tags(&group, tags)?;
            }
            Ok(CreateLogGroupResponse {})
        })
    }

    pub(super) fn delete_group(
        &self,
        request: &DeleteLogGroupRequest,
    ) -> Result<DeleteLogGroupResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.log_group_name)?;
            tx.remove_log_group(group.id)?;
            Ok(DeleteLogGroupResponse {})
        })
    }

    pub(super) fn describe_groups(
        &self,
        request: &DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, LogsError> {
        let prefix = request.log_group_name_prefix.as_deref();
        let pattern = request.log_group_name_pattern.as_deref();
        if prefix.is_some() && pattern.is_some() {
            return Err(LogsError::Parameter(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
                    .to_owned(),
            ));
        }
        let mut groups = self.store.read(|view| view.log_groups())?;
        groups.retain(|group| {
            let name = &group.name;
            prefix.is_none_or(|prefix| name.starts_with(prefix))
                && pattern.is_none_or(|part| name.contains(part))
                && request
                    .log_group_identifiers
                    .as_ref()
                    .is_none_or(|wanted| wanted.iter().any(|id| group_name(id) == name))
        });
        let page = page_of(request.next_token.as_deref(), request.limit);
        let (groups, next_token) = page.of(groups, |group| group.name.clone())?;
        let groups = groups.into_iter().map(describe).collect();
        Ok(DescribeLogGroupsResponse {
            log_groups: Some(groups),
            next_token,
        })
    }

    pub(super) fn put_retention(
        &self,
        request: &PutRetentionPolicyRequest,
        now: EpochMillis,
    ) -> Result<PutRetentionPolicyResponse, LogsError> {
        let days = u32::try_from(request.retention_in_days)
            .ok()
            .filter(|days| RETENTIONS.contains(days))
            .ok_or_else(|| {
                LogsError::Parameter(format!(
                    "1 validation error detected: Value '{}' at 'retentionInDays' failed to \
                     satisfy constraint: Member must satisfy enum value set: {RETENTIONS:?}",
                    request.retention_in_days
                ))
            })?;
        self.store.write(|tx| {
            let group = find_group(tx, &request.log_group_name)?;
            tx.set_log_retention(group.id, Some(days))?;
            tx.expire_log_events(now)?;
            Ok(PutRetentionPolicyResponse {})
        })
    }

    pub(super) fn delete_retention(
        &self,
        request: &DeleteRetentionPolicyRequest,
    ) -> Result<DeleteRetentionPolicyResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.log_group_name)?;
            tx.set_log_retention(group.id, None)?;
            Ok(DeleteRetentionPolicyResponse {})
        })
    }

    pub(super) fn tag(
        &self,
        request: TagResourceRequest,
    ) -> Result<TagResourceResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.resource_arn)?;
            let mut tags = group.tags.clone();
            tags.extend(request.tags);
            tx.set_log_group_tags(&group, &tags)?;
            Ok(TagResourceResponse {})
        })
    }

    pub(super) fn untag(
        &self,
        request: &UntagResourceRequest,
    ) -> Result<UntagResourceResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.resource_arn)?;
            let mut tags = group.tags.clone();
            tags.retain(|key, _| !request.tag_keys.contains(key));
            tx.set_log_group_tags(&group, &tags)?;
            Ok(UntagResourceResponse {})
        })
    }

    pub(super) fn list_tags(
        &self,
        request: &ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, LogsError> {
        let group = self
            .store
            .read(|view| find_group(view, &request.resource_arn))?;
        Ok(ListTagsForResourceResponse {
            tags: Some(group.tags),
        })
    }
}

/// Names that AWS's own services have, written either way, are not for others.
fn check_name(name: &str) -> Result<(), LogsError> {
    match name.get(..RESERVED.len()) {
        Some(start) if start.eq_ignore_ascii_case(RESERVED) => Err(LogsError::Parameter(
            "Log groups starting with AWS/ are reserved for AWS.".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The class of a new group: what is logged is kept alike in all of them.
fn class_of(request: &CreateLogGroupRequest) -> Result<&str, LogsError> {
    match &request.log_group_class {
        None => Ok(LogGroupClass::Standard.as_str()),
        Some(LogGroupClass::Other(class)) => Err(LogsError::Parameter(format!(
            "1 validation error detected: Value '{class}' at 'logGroupClass' failed to satisfy \
             constraint: Member must satisfy enum value set: [{}]",
            LogGroupClass::VALUES.join(", ")
        ))),
        Some(class) => Ok(class.as_str()),
    }
}

fn describe(group: LogGroup) -> WireGroup {
    let arn = arn_of(&group);
    WireGroup {
        arn: Some(format!("{arn}:*")),
        log_group_arn: Some(arn),
        creation_time: Some(group.created_at.0),
        log_group_class: Some(group.class.as_str().into()),
        kms_key_id: group.kms_key_id,
        log_group_name: Some(group.name),
        metric_filter_count: Some(0),
        retention_in_days: group
            .retention_days
            .and_then(|days| i32::try_from(days).ok()),
        stored_bytes: i64::try_from(group.stored_bytes).ok(),
        deletion_protection_enabled: Some(false),
        ..WireGroup::default()
    }
}
