//! What ECR refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::ecr::ErrorKind;
use thiserror::Error;

use crate::identity::ACCOUNT;
use crate::registry::{ImageError, PolicyError};
use crate::services::call::internal;
use crate::store::StoreError;

/// Why ECR refuses a request.
#[derive(Debug, Error)]
pub enum EcrError {
    #[error(
        "The repository with name '{name}' does not exist in the registry with id '{registry}'"
    )]
    NoRepository { name: String, registry: String },
    #[error("The repository with name '{0}' already exists in the registry with id '{ACCOUNT}'")]
    RepositoryExists(String),
    #[error(
        "The repository with name '{0}' in registry with id '{ACCOUNT}' cannot be deleted because \
         it still contains images"
    )]
    RepositoryNotEmpty(String),
    #[error(
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within \
         the repository with name '{repository}' in the registry with id '{ACCOUNT}'"
    )]
    NoImage {
        digest: String,
        tag: String,
        repository: String,
    },
    #[error(
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name \
         '{repository}' in registry with id '{ACCOUNT}'"
    )]
    ImageExists {
        digest: String,
        tag: String,
        repository: String,
    },
    #[error(
        "Lifecycle policy does not exist for the repository with name '{0}' in the registry with \
         id '{ACCOUNT}'"
    )]
    NoLifecyclePolicy(String),
    #[error(
        "Lifecycle policy preview does not exist for the repository with name '{0}' in the \
         registry with id '{ACCOUNT}'"
    )]
    NoPreview(String),
    #[error(
        "Repository policy does not exist for the repository with name '{0}' in the registry with \
         id '{ACCOUNT}'"
    )]
    NoPolicy(String),
    #[error("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'")]
    Parameter {
        parameter: &'static str,
        constraint: String,
    },
    #[error("{0}")]
    TagKey(String),
    #[error(transparent)]
    Image(ImageError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl EcrError {
    /// A parameter that cannot be what it is.
    pub(super) fn parameter(parameter: &'static str, constraint: impl Into<String>) -> Self {
        Self::Parameter {
            parameter,
            constraint: constraint.into(),
        }
    }
}

impl From<ImageError> for EcrError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Store(error) => Self::Store(error),
            other => Self::Image(other),
        }
    }
}

impl From<PolicyError> for EcrError {
    fn from(error: PolicyError) -> Self {
        Self::parameter("LifecyclePolicyText", error.to_string())
    }
}

impl From<EcrError> for WireError {
    fn from(error: EcrError) -> Self {
        use EcrError as E;
        let kind = match &error {
            E::NoRepository { .. } => ErrorKind::RepositoryNotFoundException,
            E::RepositoryExists(_) => ErrorKind::RepositoryAlreadyExistsException,
            E::RepositoryNotEmpty(_) => ErrorKind::RepositoryNotEmptyException,
            E::NoImage { .. } => ErrorKind::ImageNotFoundException,
            E::ImageExists { .. } => ErrorKind::ImageAlreadyExistsException,
            E::NoLifecyclePolicy(_) => ErrorKind::LifecyclePolicyNotFoundException,
            E::NoPreview(_) => ErrorKind::LifecyclePolicyPreviewNotFoundException,
            E::NoPolicy(_) => ErrorKind::RepositoryPolicyNotFoundException,
            E::Parameter { .. } => ErrorKind::InvalidParameterException,
            E::TagKey(_) => ErrorKind::InvalidTagParameterException,
            E::Image(ImageError::ImmutableTag { .. }) => ErrorKind::ImageTagAlreadyExistsException,
            E::Image(ImageError::MissingBlob(_)) => ErrorKind::LayersNotFoundException,
            E::Image(ImageError::MissingManifest(_)) => {
                ErrorKind::ReferencedImagesNotFoundException
            }
            E::Image(ImageError::WrongDigest { .. }) => ErrorKind::ImageDigestDoesNotMatchException,
            E::Image(ImageError::Files(_)) | E::Store(_) => return internal(&error),
            E::Image(_) => ErrorKind::InvalidParameterException,
        };
        Self::new(kind, error.to_string())
    }
}
