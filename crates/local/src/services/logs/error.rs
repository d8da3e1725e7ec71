//! What CloudWatch Logs refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::logs::ErrorKind;
use thiserror::Error;

use super::pattern::PatternError;
use crate::services::call::internal;
use crate::store::StoreError;

/// Why CloudWatch Logs refuses a request.
#[derive(Debug, Error)]
pub enum LogsError {
    #[error("The specified log group does not exist.")]
    NoGroup,
    #[error("The specified log stream does not exist.")]
    NoStream,
    #[error("The specified log group already exists")]
    GroupExists,
    #[error("The specified log stream already exists")]
    StreamExists,
    #[error("LogGroup name and LogGroup ARN are mutually exclusive parameters.")]
    NamedTwice,
    #[error("{0}")]
    Parameter(String),
    #[error("Invalid filter pattern: {0}")]
    Pattern(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<PatternError> for LogsError {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error.to_string())
    }
}

impl From<LogsError> for WireError {
    fn from(error: LogsError) -> Self {
        let kind = match &error {
            LogsError::NoGroup | LogsError::NoStream => ErrorKind::ResourceNotFoundException,
            LogsError::GroupExists | LogsError::StreamExists => {
                ErrorKind::ResourceAlreadyExistsException
            }
            LogsError::NamedTwice => ErrorKind::ValidationException,
            LogsError::Parameter(_) | LogsError::Pattern(_) => ErrorKind::InvalidParameterException,
            LogsError::Store(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
