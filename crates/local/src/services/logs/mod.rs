//! CloudWatch Logs: groups, streams and events.
//!
//! What tasks write is shipped by the platform, past the operations; other clients put events.

mod api;
mod error;
mod events;
mod filter;
mod groups;
mod older;
mod pattern;
mod puts;
mod streams;
mod tokens;

use std::sync::Arc;

use seaway_aws_wire::Operation as AnyOperation;
use seaway_aws_wire::logs::{self as wire, Operation};

use super::{Answer, Call, dispatch};
use crate::clock::EpochMillis;
use crate::identity::arn;
use crate::store::{LogGroup, Store, StoreError, View};

pub use api::LogsApi;
pub use error::LogsError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use pattern::fuzzing as pattern_fuzzing;

/// The logs of one platform.
#[derive(Debug)]
pub struct Logs {
    store: Arc<Store>,
}

impl Logs {
    /// CloudWatch Logs on `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Removes the events that are older than their groups keep them.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), StoreError> {
        self.store.write(|tx| tx.expire_log_events(now))
    }
}

impl Logs {
    /// Answers any operation but `PutLogEvents`, whose calls [`LogsApi`] brings together.
    fn answer(&self, call: Call) -> Answer {
        let now = call.now();
        let AnyOperation::Logs(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        match operation {
            Operation::CreateLogGroup => {
                call.answer::<wire::CreateLogGroup, _>(|r| self.create_group(r, now))
            }
            Operation::DeleteLogGroup => {
                call.answer::<wire::DeleteLogGroup, _>(|r| self.delete_group(&r))
            }
            Operation::DescribeLogGroups => {
                call.answer::<wire::DescribeLogGroups, _>(|r| self.describe_groups(&r))
            }
            Operation::PutRetentionPolicy => {
                call.answer::<wire::PutRetentionPolicy, _>(|r| self.put_retention(&r, now))
            }
            Operation::DeleteRetentionPolicy => {
                call.answer::<wire::DeleteRetentionPolicy, _>(|r| self.delete_retention(&r))
            }
            Operation::TagResource => call.answer::<wire::TagResource, _>(|r| self.tag(r)),
            Operation::UntagResource => call.answer::<wire::UntagResource, _>(|r| self.untag(&r)),
            Operation::ListTagsForResource => {
                call.answer::<wire::ListTagsForResource, _>(|r| self.list_tags(&r))
            }
            Operation::CreateLogStream => {
                call.answer::<wire::CreateLogStream, _>(|r| self.create_stream(&r, now))
            }
            Operation::DeleteLogStream => {
                call.answer::<wire::DeleteLogStream, _>(|r| self.delete_stream(&r))
            }
            Operation::DescribeLogStreams => {
                call.answer::<wire::DescribeLogStreams, _>(|r| self.describe_streams(&r))
            }
            Operation::GetLogEvents => call.answer::<wire::GetLogEvents, _>(|r| self.get(&r)),
            Operation::FilterLogEvents => {
                call.answer::<wire::FilterLogEvents, _>(|r| self.filter(&r))
            }
            Operation::TestMetricFilter => call.answer::<wire::TestMetricFilter, _>(filter::test),
            Operation::TagLogGroup => call.answer::<wire::TagLogGroup, _>(|r| self.tag_group(r)),
            Operation::UntagLogGroup => {
                call.answer::<wire::UntagLogGroup, _>(|r| self.untag_group(r))
            }
            Operation::ListTagsLogGroup => {
                call.answer::<wire::ListTagsLogGroup, _>(|r| self.list_group_tags(r))
            }
            _ => Err(dispatch::not_here(call.operation())),
        }
    }
}

/// The group that is named, or whose ARN is given.
fn find_group(view: &View<'_>, name: &str) -> Result<LogGroup, LogsError> {
    let name = group_name(name);
    view.log_group(name)?.ok_or(LogsError::NoGroup)
}

/// The group of a request that names it in one of two members.
fn find_either(
    view: &View<'_>,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<LogGroup, LogsError> {
    match (name, identifier) {
        (Some(name), None) | (None, Some(name)) => find_group(view, name),
        (Some(_), Some(_)) => Err(LogsError::NamedTwice),
        (None, None) => Err(LogsError::Parameter(
            "One of logGroupName and logGroupIdentifier is required.".to_owned(),
        )),
    }
}

/// The name within an ARN of a group (`...:log-group:NAME` or `...:NAME:*`).
fn group_name(name_or_arn: &str) -> &str {
    let prefix = arn("logs", "log-group:");
    let name = name_or_arn.strip_prefix(&prefix).unwrap_or(name_or_arn);
    name.strip_suffix(":*").unwrap_or(name)
}

fn arn_of(group: &LogGroup) -> String {
    arn("logs", &format!("log-group:{}", group.name))
}

#[cfg(test)]
mod tests;
