//! What Parameter Store refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::error::common;
use seaway_aws_wire::ssm::ErrorKind;
use thiserror::Error;

use crate::services::call::internal;
use crate::services::sorted_page::BadToken;
use crate::store::StoreError;

/// Why Parameter Store refuses a request.
#[derive(Debug, Error)]
pub enum ParametersError {
    #[error("Parameter {0} not found.")]
    NotFound(String),
    #[error(
        "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {0} not \
         found."
    )]
    SecretNotFound(String),
    #[error(
        "Systems Manager could not find version {version} of parameter {name}. Verify the version \
         and try again."
    )]
    NoVersion { name: String, version: String },
    #[error(
        "The parameter already exists. To overwrite this value, set the overwrite option in the \
         request to true."
    )]
    Exists,
    #[error("A hierarchy can have a maximum of {max} levels.")]
    TooDeep { max: usize },
    #[error("The request does not meet the regular expression requirement: {0} does not compile.")]
    BadPattern(String),
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    PatternMismatch(String),
    #[error("The embedded platform has no parameter policies.")]
    Policies,
    #[error(
        "You attempted to create a new version of {name} by calling the PutParameter API. Version \
         {oldest}, the oldest version, can't be deleted because it has a label associated with \
         it. Move the label to another version of the parameter, and try again."
    )]
    OldestLabelled { name: String, oldest: u64 },
    #[error("A parameter version can have a maximum of {max} labels.")]
    TooManyLabels { max: usize },
    #[error("A parameter can have a maximum of {max} tags.")]
    TooManyTags { max: usize },
    #[error("The resource ID is not valid. Verify that you entered the correct ID and try again.")]
    ResourceId,
    #[error("The embedded platform has parameters and nothing else of Systems Manager.")]
    ResourceType,
    #[error("The specified token is not valid.")]
    Token,
    #[error("The following filter key is not valid: {0}")]
    FilterKey(String),
    #[error("The following filter option is not valid: {0}")]
    FilterOption(String),
    #[error("The filter {0} has no values.")]
    FilterValue(String),
    #[error("{0}")]
    Validation(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<BadToken> for ParametersError {
    fn from(_: BadToken) -> Self {
        Self::Token
    }
}

impl From<ParametersError> for WireError {
    fn from(error: ParametersError) -> Self {
        use ParametersError as E;
        let kind = match &error {
            E::NotFound(_) | E::SecretNotFound(_) => ErrorKind::ParameterNotFound,
            E::NoVersion { .. } => ErrorKind::ParameterVersionNotFound,
            E::Exists => ErrorKind::ParameterAlreadyExists,
            E::TooDeep { .. } => ErrorKind::HierarchyLevelLimitExceededException,
            E::BadPattern(_) => ErrorKind::InvalidAllowedPatternException,
            E::PatternMismatch(_) => ErrorKind::ParameterPatternMismatchException,
            E::Policies => ErrorKind::InvalidPolicyTypeException,
            E::OldestLabelled { .. } => ErrorKind::ParameterMaxVersionLimitExceeded,
            E::TooManyLabels { .. } => ErrorKind::ParameterVersionLabelLimitExceeded,
            E::TooManyTags { .. } => ErrorKind::TooManyTagsError,
            E::ResourceId => ErrorKind::InvalidResourceId,
            E::ResourceType => ErrorKind::InvalidResourceType,
            E::Token => ErrorKind::InvalidNextToken,
            E::FilterKey(_) => ErrorKind::InvalidFilterKey,
            E::FilterOption(_) => ErrorKind::InvalidFilterOption,
            E::FilterValue(_) => ErrorKind::InvalidFilterValue,
            E::Validation(_) => {
                return Self::new(&common::VALIDATION_EXCEPTION, error.to_string());
            }
            E::Store(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
