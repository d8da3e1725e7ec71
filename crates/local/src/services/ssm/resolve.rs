//! `valueFrom` of a container's secrets that is a parameter: its name or ARN, alone or followed by
//! `:version` or `:label`.

use thiserror::Error;

use super::read::{Reading, read_reference};
use super::{Parameters, ParametersError};
use crate::redacted::Redacted;

/// Why a task cannot have a parameter; reads as ECS writes it into `stoppedReason`.
#[derive(Debug, Error)]
#[error(
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
     retrieval failed: unable to retrieve secrets from ssm: {reason}"
)]
pub struct ParameterPullError {
    reason: PullReason,
}

#[derive(Debug, Error)]
enum PullReason {
    /// What ECS makes of the `InvalidParameters` that GetParameters answers with.
    #[error("invalid ssm parameters: {reference}")]
    Invalid { reference: String },
    #[error("{code}: {message}")]
    Refused { code: &'static str, message: String },
}

impl Parameters {
    /// The value of the parameter that `value_from` refers to, decrypted. Reads the store: call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// When there is no such parameter or version, or the store cannot be read.
    pub fn resolve(&self, value_from: &str) -> Result<Redacted, ParameterPullError> {
        let invalid = || PullReason::Invalid {
            reference: value_from.to_owned(),
        };
        let read = self
            .store
            .read(|view| read_reference(view, value_from, Reading::Decrypted));
        let value = match read {
            Ok(parameter) => parameter.value.ok_or_else(invalid),
            Err(ParametersError::NotFound(_) | ParametersError::NoVersion { .. }) => Err(invalid()),
            Err(error) => Err(PullReason::refused(error)),
        };
        match value {
            Ok(value) => Ok(Redacted::new(value.into_exposed())),
            Err(reason) => Err(ParameterPullError { reason }),
        }
    }
}

impl PullReason {
    fn refused(error: ParametersError) -> Self {
        let message = error.to_string();
        let code = seaway_aws_wire::WireError::from(error).code();
        Self::Refused { code, message }
    }
}
