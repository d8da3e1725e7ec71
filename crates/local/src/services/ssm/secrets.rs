//! Secrets of Secrets Manager, read as if they were parameters.
//!
//! Source: "Referencing AWS Secrets Manager secrets from Parameter Store parameters" of the user
//! guide. They cannot be listed, described or written this way.

use seaway_aws_wire::Sensitive;
use seaway_aws_wire::secretsmanager::{GetSecretValueRequest, GetSecretValueResponse};
use seaway_aws_wire::ssm::{Parameter, ParameterType};
use serde_json::json;

use super::read::Reading;
use super::{Parameters, ParametersError, names};
use crate::clock::EpochMillis;
use crate::services::secretsmanager::SecretsError;

/// What the names of such parameters begin with; the secret's name follows.
const PREFIX: &str = "/aws/reference/secretsmanager/";

/// Whether a name means a secret.
pub(super) fn is_secret(name: &str) -> bool {
    name.starts_with(PREFIX)
}

impl Parameters {
    /// The secret that `reference` names, in the version or with the stage behind its name.
    pub(super) fn secret(
        &self,
        reference: &str,
        reading: Reading,
        now: EpochMillis,
    ) -> Result<Parameter, ParametersError> {
        if matches!(reading, Reading::Sealed) {
            return Err(ParametersError::Validation(
                "WithDecryption flag must be True for retrieving a Secret Manager secret."
                    .to_owned(),
            ));
        }
        let (name, selector) = names::split_selector(reference);
        let secret = name.strip_prefix(PREFIX).unwrap_or_default();
        let found = self
            .version(secret, selector, now)
            .map_err(|error| refusal(error, reference))?;
        let value = found.secret_string.clone().ok_or_else(|| {
            ParametersError::Validation(format!("The value of secret {name} is not a text."))
        })?;
        Ok(Parameter {
            arn: found.arn.clone(),
            data_type: Some("text".to_owned()),
            last_modified_date: found.created_date,
            name: Some(name.to_owned()),
            selector: selector.map(|selector| format!(":{selector}")),
            source_result: Some(source(&found)),
            r#type: Some(ParameterType::SecureString),
            value: Some(value),
            version: Some(0),
        })
    }

    /// The value with this stage or of this version; the current one without either.
    fn version(
        &self,
        secret: &str,
        selector: Option<&str>,
        now: EpochMillis,
    ) -> Result<GetSecretValueResponse, SecretsError> {
        let staged = GetSecretValueRequest {
            secret_id: secret.to_owned(),
            version_stage: selector.map(str::to_owned),
            ..GetSecretValueRequest::default()
        };
        match (self.secrets.get(&staged, now), selector) {
            (Err(SecretsError::NoStage(_)), Some(version)) => {
                let numbered = GetSecretValueRequest {
                    version_id: Some(version.to_owned()),
                    version_stage: None,
                    ..staged
                };
                self.secrets.get(&numbered, now)
            }
            (found, _) => found,
        }
    }
}

/// What Secrets Manager has answered, as text.
fn source(found: &GetSecretValueResponse) -> String {
    json!({
        "ARN": found.arn,
        "CreatedDate": found.created_date,
        "Name": found.name,
        "SecretString": found.secret_string.as_ref().map(Sensitive::expose),
        "VersionId": found.version_id,
        "VersionStages": found.version_stages,
    })
    .to_string()
}

fn refusal(error: SecretsError, reference: &str) -> ParametersError {
    match error {
        SecretsError::NotFound | SecretsError::NoStage(_) | SecretsError::NoVersion(_) => {
            ParametersError::SecretNotFound(reference.to_owned())
        }
        SecretsError::Store(error) => ParametersError::Store(error),
        other => ParametersError::Validation(other.to_string()),
    }
}
