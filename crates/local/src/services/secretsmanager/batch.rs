//! Several values at once.

use seaway_aws_wire::WireError;
use seaway_aws_wire::secretsmanager::{
    APIErrorType, BatchGetSecretValueRequest, BatchGetSecretValueResponse, GetSecretValueRequest,
    GetSecretValueResponse, ListSecretsRequest, SecretValueEntry,
};

use super::{SecretsError, SecretsManager};
use crate::clock::EpochMillis;

/// The default and the greatest size of a page.
const PAGE: i32 = 20;

impl SecretsManager {
    /// What cannot be read is named beside what can.
    pub(super) fn get_batch(
        &self,
        request: BatchGetSecretValueRequest,
        now: EpochMillis,
    ) -> Result<BatchGetSecretValueResponse, SecretsError> {
        let (ids, next_token) = self.selected(request)?;
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for secret_id in ids {
            let one = GetSecretValueRequest {
                secret_id: secret_id.clone(),
                ..GetSecretValueRequest::default()
            };
            match self.get(&one, now) {
                Ok(found) => values.push(entry(found)),
                Err(error) => errors.push(refusal(secret_id, error.into())),
            }
        }
        Ok(BatchGetSecretValueResponse {
            errors: Some(errors),
            next_token,
            secret_values: Some(values),
        })
    }

    /// Which secrets are asked for, and the token of the next page.
    fn selected(
        &self,
        request: BatchGetSecretValueRequest,
    ) -> Result<(Vec<String>, Option<String>), SecretsError> {
        match (request.secret_id_list, request.filters) {
            (Some(ids), None) => Ok((ids, None)),
            (None, Some(filters)) => {
                let listed = self.list(&ListSecretsRequest {
                    filters: Some(filters),
                    max_results: Some(request.max_results.unwrap_or(PAGE).min(PAGE)),
                    next_token: request.next_token,
                    ..ListSecretsRequest::default()
                })?;
                let secrets = listed.secret_list.unwrap_or_default();
                let ids = secrets.into_iter().filter_map(|secret| secret.name);
                Ok((ids.collect(), listed.next_token))
            }
            _ => Err(SecretsError::Parameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both.".to_owned(),
            )),
        }
    }
}

fn entry(found: GetSecretValueResponse) -> SecretValueEntry {
    SecretValueEntry {
        arn: found.arn,
        created_date: found.created_date,
        name: found.name,
        secret_binary: found.secret_binary,
        secret_string: found.secret_string,
        version_id: found.version_id,
        version_stages: found.version_stages,
    }
}

fn refusal(secret_id: String, error: WireError) -> APIErrorType {
    APIErrorType {
        error_code: Some(error.code().to_owned()),
        message: Some(error.message().to_owned()),
        secret_id: Some(secret_id),
    }
}
