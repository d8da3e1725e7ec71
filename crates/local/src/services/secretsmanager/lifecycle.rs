//! Secrets as such: creating, describing, deleting, restoring.

use std::collections::BTreeMap;

use seaway_aws_wire::secretsmanager::{
    CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest, DeleteSecretResponse,
    DescribeSecretRequest, DescribeSecretResponse, RestoreSecretRequest, RestoreSecretResponse,
};

use super::tags::{tagged, to_wire};
use super::values::{GivenValue, add_version, make_current, new_version};
use super::{SecretsError, SecretsManager, arn_of, find, random_suffix, timestamp};
use crate::clock::EpochMillis;
use crate::store::{SecretRecord, SecretValue, Tx};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The recovery window where a request names none, in days.
const DEFAULT_WINDOW: i64 = 30;

impl SecretsManager {
    pub(super) fn create(
        &self,
        request: CreateSecretRequest,
        now: EpochMillis,
    ) -> Result<CreateSecretResponse, SecretsError> {
        check_name(&request.name)?;
        let given = GivenValue {
            text: request.secret_string,
            binary: request.secret_binary,
        };
        let value = given.read()?;
        let version = request.client_request_token.unwrap_or_else(new_version);
        let record = SecretRecord {
            id: format!("{}-{}", request.name, random_suffix()),
            name: request.name,
            description: request.description,
            kms_key_id: request.kms_key_id,
            tags: tagged(BTreeMap::new(), request.tags.unwrap_or_default())?,
            created_at: now,
            changed_at: now,
            accessed_at: None,
            deleted_at: None,
            deletion_at: None,
            policy: None,
        };
        self.store.write(|tx| {
            if let Some(existing) = tx.secret_by_name(&record.name)? {
                return repeated(tx, existing, &version, value.as_ref());
            }
            tx.put_secret(&record)?;
            let Some(value) = value else {
                return Ok(created(record, None));
            };
            add_version(tx, &record, &version, &value, now)?;
            make_current(tx, &record, &version)?;
            Ok(created(record, Some(version)))
        })
    }

    pub(super) fn describe(
        &self,
        request: &DescribeSecretRequest,
    ) -> Result<DescribeSecretResponse, SecretsError> {
        let (secret, versions) = self.store.read(|view| {
            let secret = find(view, &request.secret_id)?;
            let versions = view.secret_versions(&secret.id)?;
            Ok::<_, SecretsError>((secret, versions))
        })?;
        let stages: BTreeMap<_, _> = versions
            .into_iter()
            .filter(|version| !version.stages.is_empty())
            .map(|version| (version.version, version.stages))
            .collect();
        Ok(DescribeSecretResponse {
            arn: Some(arn_of(&secret)),
            created_date: timestamp(secret.created_at),
            deleted_date: secret.deleted_at.and_then(timestamp),
            description: secret.description,
            kms_key_id: secret.kms_key_id,
            last_accessed_date: secret.accessed_at.and_then(timestamp),
            last_changed_date: timestamp(secret.changed_at),
            name: Some(secret.name),
            tags: Some(to_wire(secret.tags)),
            version_ids_to_stages: Some(stages).filter(|stages| !stages.is_empty()),
            ..DescribeSecretResponse::default()
        })
    }

    pub(super) fn delete(
        &self,
        request: &DeleteSecretRequest,
        now: EpochMillis,
    ) -> Result<DeleteSecretResponse, SecretsError> {
        let force = request.force_delete_without_recovery == Some(true);
        let window = recovery_window(request)?;
        self.store.write(|tx| {
            let mut secret = match find(tx, &request.secret_id) {
                // AWS: forcibly deleting what does not exist is no error.
                Err(SecretsError::NotFound) if force => {
                    return Ok(DeleteSecretResponse {
                        arn: None,
                        deletion_date: timestamp(now),
                        name: Some(request.secret_id.clone()),
                    });
                }
                found => found?,
            };
            let deletion_at = if force {
                now
            } else {
                now.plus(window * DAY_MILLIS)
            };
            if force {
                tx.remove_secret(&secret.id)?;
            } else if secret.deleted_at.is_some() {
                return Err(SecretsError::Deleted);
            } else {
                secret.deleted_at = Some(now);
                secret.deletion_at = Some(deletion_at);
                tx.put_secret(&secret)?;
            }
            Ok(DeleteSecretResponse {
                arn: Some(arn_of(&secret)),
                deletion_date: timestamp(deletion_at),
                name: Some(secret.name),
            })
        })
    }

    pub(super) fn restore(
        &self,
        request: &RestoreSecretRequest,
    ) -> Result<RestoreSecretResponse, SecretsError> {
        self.store.write(|tx| {
            let secret = find(tx, &request.secret_id)?;
            let secret = SecretRecord {
                deleted_at: None,
                deletion_at: None,
                ..secret
            };
            tx.put_secret(&secret)?;
            let arn = Some(arn_of(&secret));
            Ok(RestoreSecretResponse {
                arn,
                name: Some(secret.name),
            })
        })
    }
}

/// The answer to a name that exists: the same as before if the request is the
/// same (same token, same value).
fn repeated(
    tx: &Tx<'_>,
    existing: SecretRecord,
    version: &str,
    value: Option<&SecretValue>,
) -> Result<CreateSecretResponse, SecretsError> {
    if existing.deleted_at.is_some() {
        return Err(SecretsError::NameScheduled);
    }
    let stored = tx.secret_value(&existing.id, version)?;
    if stored.is_some() && stored.as_ref() == value {
        return Ok(created(existing, Some(version.to_owned())));
    }
    Err(SecretsError::Exists(existing.name))
}

fn created(secret: SecretRecord, version_id: Option<String>) -> CreateSecretResponse {
    CreateSecretResponse {
        arn: Some(arn_of(&secret)),
        name: Some(secret.name),
        replication_status: None,
        version_id,
    }
}

fn check_name(name: &str) -> Result<(), SecretsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c);
    if name.chars().all(allowed) {
        return Ok(());
    }
    Err(SecretsError::Parameter(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
         following: -/_+=.@!"
            .to_owned(),
    ))
}

/// In days.
fn recovery_window(request: &DeleteSecretRequest) -> Result<i64, SecretsError> {
    let force = request.force_delete_without_recovery == Some(true);
    match request.recovery_window_in_days {
        Some(_) if force => Err(SecretsError::Parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
                .to_owned(),
        )),
        Some(days) if !(7..=30).contains(&days) => Err(SecretsError::Parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).".to_owned(),
        )),
        days => Ok(days.unwrap_or(DEFAULT_WINDOW)),
    }
}
