//! What Secrets Manager refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::secretsmanager::ErrorKind;
use thiserror::Error;

use crate::services::call::internal;
use crate::services::sorted_page::BadToken;
use crate::store::StoreError;

/// Why Secrets Manager refuses a request.
#[derive(Debug, Error)]
pub enum SecretsError {
    #[error("Secrets Manager can't find the specified secret.")]
    NotFound,
    #[error("Secrets Manager can't find the specified secret value for staging label: {0}")]
    NoStage(String),
    #[error("Secrets Manager can't find the specified secret value for VersionId: {0}")]
    NoVersion(String),
    #[error("The operation failed because the secret {0} already exists.")]
    Exists(String),
    #[error(
        "You can't use ClientRequestToken {0} because that value is already in use for a version \
         of the secret."
    )]
    TokenInUse(String),
    #[error(
        "You can't create this secret because a secret with this name is already scheduled for \
         deletion."
    )]
    NameScheduled,
    #[error("You can't perform this operation on the secret because it was marked for deletion.")]
    Deleted,
    #[error("This resource policy contains invalid Json.")]
    MalformedPolicy,
    #[error(
        "This resource policy grants broad access to the secret, which BlockPublicPolicy forbids."
    )]
    PublicPolicy,
    #[error("{0}")]
    Request(String),
    #[error("{0}")]
    Parameter(String),
    #[error("The NextToken value is invalid.")]
    NextToken,
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<BadToken> for SecretsError {
    fn from(BadToken: BadToken) -> Self {
        Self::NextToken
    }
}

impl From<SecretsError> for WireError {
    fn from(error: SecretsError) -> Self {
        let kind = match &error {
            SecretsError::NotFound | SecretsError::NoStage(_) | SecretsError::NoVersion(_) => {
                ErrorKind::ResourceNotFoundException
            }
            SecretsError::Exists(_) | SecretsError::TokenInUse(_) => {
                ErrorKind::ResourceExistsException
            }
            SecretsError::NameScheduled | SecretsError::Deleted | SecretsError::Request(_) => {
                ErrorKind::InvalidRequestException
            }
            SecretsError::MalformedPolicy => ErrorKind::MalformedPolicyDocumentException,
            SecretsError::PublicPolicy => ErrorKind::PublicPolicyException,
            SecretsError::NextToken => ErrorKind::InvalidNextTokenException,
            SecretsError::Parameter(_) => ErrorKind::InvalidParameterException,
            SecretsError::Store(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
