//! Elastic Container Registry: the repositories of the image registry as AWS shows them.
//!
//! A repository's address is `registry.seaway.internal/NAME`, which task definitions name and the
//! platform resolves; clients that push log in to the endpoint that GetAuthorizationToken names.
//! A push creates a repository that is missing.

mod batch;
mod error;
mod images;
mod lifecycle;
mod paging;
mod policies;
mod referrers;
mod repositories;
mod tags;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seaway_aws_wire::ecr::{self as wire, Operation};
use seaway_aws_wire::{Operation as AnyOperation, Timestamp};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::identity::ACCOUNT;
use crate::redacted::Redacted;
use crate::registry::token::{self, TOKEN_LIFE, TOKEN_USER};
use crate::registry::{Images, RepositoryName, RepositoryRecord};
use crate::store::View;

pub use error::EcrError;

/// The repositories of one platform.
#[derive(Debug)]
pub struct Ecr {
    images: Images,
    secret: Redacted,
    port: u16,
}

impl Ecr {
    /// ECR on the registry's images, whose endpoint is at `port` and accepts tokens made with
    /// `secret`.
    #[must_use]
    pub fn new(images: Images, secret: Redacted, port: u16) -> Self {
        Self {
            images,
            secret,
            port,
        }
    }

    fn authorize(&self, now: EpochMillis) -> wire::GetAuthorizationTokenResponse {
        let expires_at = now.plus(TOKEN_LIFE);
        let token = token::issue(&self.secret, expires_at);
        let user = format!("{TOKEN_USER}:{}", token.expose());
        let data = wire::AuthorizationData {
            authorization_token: Some(BASE64.encode(user)),
            expires_at: timestamp(expires_at),
            proxy_endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
        };
        wire::GetAuthorizationTokenResponse {
            authorization_data: Some(vec![data]),
        }
    }
}

impl BlockingHandler for Ecr {
    fn handle(&self, call: Call) -> Answer {
        use Operation as O;
        let now = call.now();
        let AnyOperation::Ecr(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        match operation {
            O::CreateRepository => {
                call.answer::<wire::CreateRepository, _>(|r| self.create(r, now))
            }
            O::DescribeRepositories => {
                call.answer::<wire::DescribeRepositories, _>(|r| self.describe(&r))
            }
            O::DeleteRepository => call.answer::<wire::DeleteRepository, _>(|r| self.delete(&r)),
            O::PutImageTagMutability => {
                call.answer::<wire::PutImageTagMutability, _>(|r| self.put_mutability(r))
            }
            O::PutImageScanningConfiguration => {
                call.answer::<wire::PutImageScanningConfiguration, _>(|r| self.put_scanning(r))
            }
            O::PutLifecyclePolicy => {
                call.answer::<wire::PutLifecyclePolicy, _>(|r| self.put_lifecycle(r))
            }
            O::GetLifecyclePolicy => {
                call.answer::<wire::GetLifecyclePolicy, _>(|r| self.get_lifecycle(r))
            }
            O::DeleteLifecyclePolicy => {
                call.answer::<wire::DeleteLifecyclePolicy, _>(|r| self.delete_lifecycle(r))
            }
            O::StartLifecyclePolicyPreview => {
                call.answer::<wire::StartLifecyclePolicyPreview, _>(|r| self.start_preview(r))
            }
            O::GetLifecyclePolicyPreview => {
                call.answer::<wire::GetLifecyclePolicyPreview, _>(|r| self.get_preview(r, now))
            }
            O::SetRepositoryPolicy => {
                call.answer::<wire::SetRepositoryPolicy, _>(|r| self.set_policy(r))
            }
            O::GetRepositoryPolicy => {
                call.answer::<wire::GetRepositoryPolicy, _>(|r| self.get_policy(r))
            }
            O::DeleteRepositoryPolicy => {
                call.answer::<wire::DeleteRepositoryPolicy, _>(|r| self.delete_policy(r))
            }
            O::GetAuthorizationToken => {
                call.answer::<wire::GetAuthorizationToken, EcrError>(|_| Ok(self.authorize(now)))
            }
            O::ListImages => call.answer::<wire::ListImages, _>(|r| self.list_images(&r)),
            O::DescribeImages => {
                call.answer::<wire::DescribeImages, _>(|r| self.describe_images(&r))
            }
            O::BatchGetImage => call.answer::<wire::BatchGetImage, _>(|r| self.batch_get(&r)),
            O::BatchDeleteImage => {
                call.answer::<wire::BatchDeleteImage, _>(|r| self.batch_delete(&r, now))
            }
            O::PutImage => call.answer::<wire::PutImage, _>(|r| self.put_image(r, now)),
            O::ListImageReferrers => {
                call.answer::<wire::ListImageReferrers, _>(|r| self.list_referrers(&r))
            }
            O::BatchCheckLayerAvailability => {
                call.answer::<wire::BatchCheckLayerAvailability, _>(|r| self.check_layers(&r, now))
            }
            O::TagResource => call.answer::<wire::TagResource, _>(|r| self.tag(r)),
            O::UntagResource => call.answer::<wire::UntagResource, _>(|r| self.untag(&r)),
            O::ListTagsForResource => {
                call.answer::<wire::ListTagsForResource, _>(|r| self.list_tags(&r))
            }
            other => Err(dispatch::not_here(AnyOperation::Ecr(other))),
        }
    }
}

/// The repository that a request names, in the one registry that there is.
fn find(
    view: &View<'_>,
    name: &str,
    registry: Option<&str>,
) -> Result<(RepositoryName, RepositoryRecord), EcrError> {
    let unknown = || EcrError::NoRepository {
        name: name.to_owned(),
        registry: registry.unwrap_or(ACCOUNT).to_owned(),
    };
    if registry.is_some_and(|registry| registry != ACCOUNT) {
        return Err(unknown());
    }
    let parsed = name.parse().map_err(|_| unknown())?;
    let record = view.get(name)?.ok_or_else(unknown)?;
    Ok((parsed, record))
}

fn timestamp(at: EpochMillis) -> Option<Timestamp> {
    Timestamp::from_millis(at.0).ok()
}

#[cfg(test)]
mod tests;
