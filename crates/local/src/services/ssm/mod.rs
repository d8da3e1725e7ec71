//! Systems Manager's Parameter Store: parameters, their versions and labels.
//!
//! Each file has the operations of one noun. Values are sealed in the store whatever their type;
//! nothing here logs a request.

mod describe;
mod error;
mod filters;
mod history;
mod labels;
mod names;
mod put;
mod read;
mod resolve;
mod secrets;
mod tags;

use std::sync::Arc;

use seaway_aws_wire::ssm::{self as wire, Operation};
use seaway_aws_wire::{Operation as AnyOperation, Timestamp};

use super::secretsmanager::SecretsManager;
use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::identity::{ACCOUNT, arn};
use crate::store::{ParameterRecord, Store, View};

pub use error::ParametersError;
pub use resolve::ParameterPullError;

/// The parameters of one platform.
#[derive(Debug)]
pub struct Parameters {
    store: Arc<Store>,
    secrets: Arc<SecretsManager>,
}

impl Parameters {
    /// Parameter Store on `store`, with references to `secrets`.
    #[must_use]
    pub fn new(store: Arc<Store>, secrets: Arc<SecretsManager>) -> Self {
        Self { store, secrets }
    }
}

impl BlockingHandler for Parameters {
    fn handle(&self, call: Call) -> Answer {
        let now = call.now();
        let AnyOperation::Ssm(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        match operation {
            Operation::PutParameter => call.answer::<wire::PutParameter, _>(|r| self.put(r, now)),
            Operation::GetParameter => call.answer::<wire::GetParameter, _>(|r| self.get(&r, now)),
            Operation::GetParameters => {
                call.answer::<wire::GetParameters, _>(|r| self.get_several(r, now))
            }
            Operation::GetParametersByPath => {
                call.answer::<wire::GetParametersByPath, _>(|r| self.get_by_path(&r))
            }
            Operation::GetParameterHistory => {
                call.answer::<wire::GetParameterHistory, _>(|r| self.history(&r))
            }
            Operation::DescribeParameters => {
                call.answer::<wire::DescribeParameters, _>(|r| self.describe(&r))
            }
            Operation::DeleteParameter => {
                call.answer::<wire::DeleteParameter, _>(|r| self.delete(&r))
            }
            Operation::DeleteParameters => {
                call.answer::<wire::DeleteParameters, _>(|r| self.delete_several(r))
            }
            Operation::LabelParameterVersion => {
                call.answer::<wire::LabelParameterVersion, _>(|r| self.label(r))
            }
            Operation::UnlabelParameterVersion => {
                call.answer::<wire::UnlabelParameterVersion, _>(|r| self.unlabel(r))
            }
            Operation::AddTagsToResource => {
                call.answer::<wire::AddTagsToResource, _>(|r| self.tag(r))
            }
            Operation::RemoveTagsFromResource => {
                call.answer::<wire::RemoveTagsFromResource, _>(|r| self.untag(&r))
            }
            Operation::ListTagsForResource => {
                call.answer::<wire::ListTagsForResource, _>(|r| self.list_tags(&r))
            }
        }
    }
}

/// The parameter with this name or ARN.
fn find(view: &View<'_>, name_or_arn: &str) -> Result<ParameterRecord, ParametersError> {
    for name in names::candidates(name_or_arn) {
        if let Some(found) = view.parameter(&name)? {
            return Ok(found);
        }
    }
    Err(ParametersError::NotFound(name_or_arn.to_owned()))
}

fn arn_of(name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    arn("ssm", &format!("parameter{slash}{name}"))
}

/// Who changed a parameter: the platform has one caller.
fn user() -> String {
    format!("arn:aws:iam::{ACCOUNT}:root")
}

fn timestamp(at: EpochMillis) -> Option<Timestamp> {
    Timestamp::from_millis(at.0).ok()
}

/// A version's number on the wire; it never comes near the limit.
fn number(version: u64) -> Option<i64> {
    i64::try_from(version).ok()
}

#[cfg(test)]
mod tests;
