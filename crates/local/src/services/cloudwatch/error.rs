//! What CloudWatch refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::cloudwatch::ErrorKind;
use seaway_aws_wire::error::common;
use thiserror::Error;

use crate::services::call::internal;
use crate::services::sorted_page::BadToken;
use crate::store::StoreError;

/// Why CloudWatch refuses a request.
#[derive(Debug, Error)]
pub enum CloudWatchError {
    /// A value that no request may have.
    #[error("The value {value} for parameter {name} is {problem}.")]
    Value {
        name: String,
        value: String,
        problem: String,
    },
    /// Values that exclude each other, or one that lacks another.
    #[error("{0}")]
    Combination(String),
    #[error("The parameter {0} is required.")]
    Missing(String),
    #[error("{0}")]
    Validation(String),
    #[error("The specified nextToken is invalid.")]
    Token,
    #[error("The named resource does not exist.")]
    NotFound,
    /// The text of this parameter is no JSON.
    #[error("{0} was not syntactically valid JSON")]
    NoJson(&'static str),
    #[error("Unknown resource: {0}")]
    NoResource(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl CloudWatchError {
    /// The value of a parameter is not one of those that are possible.
    pub(super) fn invalid(name: impl Into<String>, value: impl ToString) -> Self {
        Self::Value {
            name: name.into(),
            value: value.to_string(),
            problem: "invalid".to_owned(),
        }
    }

    /// Both parameters are given, and only one may be.
    pub(super) fn exclusive(first: &str, second: &str) -> Self {
        Self::Combination(format!(
            "The parameters {first} and {second} are mutually exclusive and you have specified \
             both."
        ))
    }
}

impl From<BadToken> for CloudWatchError {
    fn from(_: BadToken) -> Self {
        Self::Token
    }
}

impl From<CloudWatchError> for WireError {
    fn from(error: CloudWatchError) -> Self {
        use CloudWatchError as E;
        let kind = match &error {
            E::Value { .. } => ErrorKind::InvalidParameterValueException,
            E::Combination(_) => ErrorKind::InvalidParameterCombinationException,
            E::Missing(_) => ErrorKind::MissingRequiredParameterException,
            E::Validation(_) => {
                return Self::new(&common::VALIDATION_OF_QUERY, error.to_string());
            }
            E::Token => ErrorKind::InvalidNextToken,
            E::NotFound => ErrorKind::ResourceNotFound,
            E::NoJson(_) => ErrorKind::InvalidFormatFault,
            E::NoResource(_) => ErrorKind::ResourceNotFoundException,
            E::Store(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
