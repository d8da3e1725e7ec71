//! Older names of operations on tags, which tools still use; they name groups instead of ARNs.

use seaway_aws_wire::logs::{
    ListTagsForResourceRequest, ListTagsLogGroupRequest, ListTagsLogGroupResponse,
    TagLogGroupRequest, TagLogGroupResponse, TagResourceRequest, UntagLogGroupRequest,
    UntagLogGroupResponse, UntagResourceRequest,
};

use super::{Logs, LogsError};

impl Logs {
    pub(super) fn tag_group(
        &self,
        request: TagLogGroupRequest,
    ) -> Result<TagLogGroupResponse, LogsError> {
        self.tag(TagResourceRequest {
            resource_arn: request.log_group_name,
            tags: request.tags,
        })?;
        Ok(TagLogGroupResponse {})
    }

    pub(super) fn untag_group(
        &self,
        request: UntagLogGroupRequest,
    ) -> Result<UntagLogGroupResponse, LogsError> {
        self.untag(&UntagResourceRequest {
            resource_arn: request.log_group_name,
            tag_keys: request.tags,
        })?;
        Ok(UntagLogGroupResponse {})
    }

    pub(super) fn list_group_tags(
        &self,
        request: ListTagsLogGroupRequest,
    ) -> Result<ListTagsLogGroupResponse, LogsError> {
        let listed = self.list_tags(&ListTagsForResourceRequest {
            resource_arn: request.log_group_name,
        })?;
        Ok(ListTagsLogGroupResponse { tags: listed.tags })
    }
}
