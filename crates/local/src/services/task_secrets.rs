//! Where the secrets of a container come from: Secrets Manager or Parameter Store, by the form of
//! `valueFrom`.
//!
//! Source: `Secret.valueFrom` of the ECS API reference. The ARN of a secret means Secrets Manager;
//! everything else, a bare name above all, is the name or the ARN of a parameter.

use std::sync::Arc;

use thiserror::Error;

use super::secretsmanager::{SecretPullError, SecretsManager};
use super::ssm::{ParameterPullError, Parameters};
use crate::clock::EpochMillis;
use crate::redacted::Redacted;

/// A service that a container's secret can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretSource {
    SecretsManager,
    ParameterStore,
}

/// The secrets that containers can have.
#[derive(Clone, Debug)]
pub struct TaskSecrets {
    secrets: Arc<SecretsManager>,
    parameters: Arc<Parameters>,
}

/// Why a task cannot have a secret; reads as ECS writes it into `stoppedReason`.
#[derive(Debug, Error)]
pub enum TaskSecretError {
    #[error(transparent)]
    Secret(#[from] SecretPullError),
    #[error(transparent)]
    Parameter(#[from] ParameterPullError),
}

impl SecretSource {
    /// The service that `value_from` is about.
    pub(crate) fn of(value_from: &str) -> Self {
        let mut parts = value_from.split(':');
        if parts.next() == Some("arn") && parts.nth(1) == Some("secretsmanager") {
            Self::SecretsManager
        } else {
            Self::ParameterStore
        }
    }
}

impl TaskSecrets {
    /// Secrets from these two services.
    #[must_use]
    pub fn new(secrets: Arc<SecretsManager>, parameters: Arc<Parameters>) -> Self {
        Self {
            secrets,
            parameters,
        }
    }

    /// The value that `value_from` refers to. Reads the store: call it where blocking is allowed.
    ///
    /// # Errors
    /// When there is no such value.
    pub fn resolve(&self, value_from: &str, now: EpochMillis) -> Result<Redacted, TaskSecretError> {
        Ok(match SecretSource::of(value_from) {
            SecretSource::SecretsManager => self.secrets.resolve(value_from, now)?,
            SecretSource::ParameterStore => self.parameters.resolve(value_from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_secret_means_secrets_manager() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf:url::";
        assert_eq!(SecretSource::of(arn), SecretSource::SecretsManager);
        for parameter in [
            "db",
            "/shop/db",
            "secretsmanager",
            "db:secretsmanager:secretsmanager",
            "arn:aws:ssm:us-east-1:000000000000:parameter/shop/db",
        ] {
            let source = SecretSource::of(parameter);
            assert_eq!(source, SecretSource::ParameterStore, "{parameter}");
        }
    }
}
