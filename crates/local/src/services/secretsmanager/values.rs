//! Values: reading, adding versions, moving stages.

use seaway_aws_wire::secretsmanager::{
    GetSecretValueRequest, GetSecretValueResponse, ListSecretVersionIdsRequest,
    ListSecretVersionIdsResponse, PutSecretValueRequest, PutSecretValueResponse,
    SecretVersionsListEntry, UpdateSecretRequest, UpdateSecretResponse,
    UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse,
};
use seaway_aws_wire::{Blob, Sensitive};
use uuid::Uuid;

use super::{
    CURRENT, PREVIOUS, SecretsError, SecretsManager, arn_of, find, find_live, listing, timestamp,
};
use crate::clock::EpochMillis;
use crate::services::sorted_page::{Order, time_key};
use crate::store::{SecretKind, SecretRecord, SecretValue, SecretVersion, Tx, View};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A value as a request carries it: as text or as bytes.
pub(super) struct GivenValue {
    pub(super) text: Option<Sensitive<String>>,
    pub(super) binary: Option<Sensitive<Blob>>,
}

/// A version of a secret that was found.
pub(super) struct FoundValue {
    pub(super) version: SecretVersion,
    pub(super) value: SecretValue,
}

impl GivenValue {
    /// The value, if there is one.
    pub(super) fn read(self) -> Result<Option<SecretValue>, SecretsError> {
        match (self.text, self.binary) {
            (Some(_), Some(_)) => Err(SecretsError::Parameter(
                "You can't specify both a binary secret value and a string secret value in the \
                 same secret."
                    .to_owned(),
            )),
            (Some(text), None) => Ok(Some(SecretValue {
                kind: SecretKind::Text,
                bytes: text.into_exposed().into_bytes(),
            })),
            (None, Some(binary)) => Ok(Some(SecretValue {
                kind: SecretKind::Binary,
                bytes: binary.into_exposed().into_bytes(),
            })),
            (None, None) => Ok(None),
        }
    }
}

impl SecretsManager {
    pub(in crate::services) fn get(
        &self,
        request: &GetSecretValueRequest,
        now: EpochMillis,
    ) -> Result<GetSecretValueResponse, SecretsError> {
        let (version, stage) = (
            request.version_id.as_deref(),
            request.version_stage.as_deref(),
        );
        let (secret, found) = self.store.read(|view| {
            let secret = find_live(view, &request.secret_id)?;
            let found = select(view, &secret, version, stage)?;
            Ok::<_, SecretsError>((secret, found))
        })?;
        self.note_access(&secret, now)?;
        let (text, binary) = match found.value.kind {
            SecretKind::Text => (
                Some(String::from_utf8_lossy(&found.value.bytes).into_owned()),
                None,
            ),
            SecretKind::Binary => (None, Some(Blob::new(found.value.bytes))),
        };
        Ok(GetSecretValueResponse {
            arn: Some(arn_of(&secret)),
            created_date: timestamp(found.version.created_at),
            name: Some(secret.name),
            secret_binary: binary.map(Sensitive::new),
            secret_string: text.map(Sensitive::new),
            version_id: Some(found.version.version),
            version_stages: Some(found.version.stages),
        })
    }

    /// AWS keeps the day of the last access only: one write a day.
    pub(super) fn note_access(
        &self,
        secret: &SecretRecord,
        now: EpochMillis,
    ) -> Result<(), SecretsError> {
        let today = EpochMillis(now.0 - now.0.rem_euclid(DAY_MILLIS));
        if secret.accessed_at == Some(today) {
            return Ok(());
        }
        self.store.write(|tx| {
            let Some(current) = tx.secret_by_id(&secret.id)? else {
                return Ok(());
            };
            tx.put_secret(&SecretRecord {
                accessed_at: Some(today),
                ..current
            })?;
            Ok(())
        })
    }

    pub(super) fn put(
        &self,
        request: PutSecretValueRequest,
        now: EpochMillis,
    ) -> Result<PutSecretValueResponse, SecretsError> {
        let given = GivenValue {
            text: request.secret_string,
            binary: request.secret_binary,
        };
        let value = given.read()?.ok_or_else(|| {
            SecretsError::Request(
                "You must provide either SecretString or SecretBinary.".to_owned(),
            )
        })?;
        let version = request.client_request_token.unwrap_or_else(new_version);
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            if add_version(tx, &secret, &version, &value, now)? == Added::New {
                attach(tx, &secret, &version, request.version_stages.as_deref())?;
                secret.changed_at = now;
                tx.put_secret(&secret)?;
            }
            let stages = stages_of(tx, &secret, &version)?;
            Ok(PutSecretValueResponse {
                arn: Some(arn_of(&secret)),
                name: Some(secret.name),
                version_id: Some(version),
                version_stages: Some(stages),
            })
        })
    }

    pub(super) fn update(
        &self,
        request: UpdateSecretRequest,
        now: EpochMillis,
    ) -> Result<UpdateSecretResponse, SecretsError> {
        let given = GivenValue {
            text: request.secret_string,
            binary: request.secret_binary,
        };
        let value = given.read()?;
        let version = request.client_request_token.unwrap_or_else(new_version);
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.description = request.description.or(secret.description);
            secret.kms_key_id = request.kms_key_id.or(secret.kms_key_id);
            secret.changed_at = now;
            tx.put_secret(&secret)?;
            let mut version_id = None;
            if let Some(value) = value {
                if add_version(tx, &secret, &version, &value, now)? == Added::New {
                    make_current(tx, &secret, &version)?;
                }
                version_id = Some(version);
            }
            let arn = Some(arn_of(&secret));
            Ok(UpdateSecretResponse {
                arn,
                name: Some(secret.name),
                version_id,
            })
        })
    }

    pub(super) fn list_versions(
        &self,
        request: &ListSecretVersionIdsRequest,
    ) -> Result<ListSecretVersionIdsResponse, SecretsError> {
        let (secret, versions) = self.store.read(|view| {
            let secret = find(view, &request.secret_id)?;
            let versions = view.secret_versions(&secret.id)?;
            Ok::<_, SecretsError>((secret, versions))
        })?;
        let all = request.include_deprecated == Some(true);
        let versions: Vec<_> = versions
            .into_iter()
            .filter(|version| all || !version.stages.is_empty())
            .collect();
        let page = listing::page_of(request.next_token.as_deref(), request.max_results);
        let (versions, next_token) = page.sorted(versions, Order::Descending, |version| {
            time_key(Some(version.created_at), &version.version)
        })?;
        let entries = versions.into_iter().map(|version| SecretVersionsListEntry {
            created_date: timestamp(version.created_at),
            version_id: Some(version.version),
            version_stages: Some(version.stages),
            ..SecretVersionsListEntry::default()
        });
        Ok(ListSecretVersionIdsResponse {
            arn: Some(arn_of(&secret)),
            name: Some(secret.name),
            next_token,
            versions: Some(entries.collect()),
        })
    }

    pub(super) fn move_stage(
        &self,
        request: &UpdateSecretVersionStageRequest,
        now: EpochMillis,
    ) -> Result<UpdateSecretVersionStageResponse, SecretsError> {
        let stage = &request.version_stage;
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            let holder = tx.secret_version_at(&secret.id, stage)?;
            check_source(stage, holder.as_deref(), request)?;
            match &request.move_to_version_id {
                Some(version) => {
                    require_version(tx, &secret, version)?;
                    attach(tx, &secret, version, Some(std::slice::from_ref(stage)))?;
                }
                None if stage == CURRENT => {
                    return Err(SecretsError::Parameter(format!(
                        "You can only move staging label {CURRENT} to a different secret version. \
                         It can't be completely removed."
                    )));
                }
                None => tx.remove_secret_stage(&secret.id, stage)?,
            }
            secret.changed_at = now;
            tx.put_secret(&secret)?;
            let arn = Some(arn_of(&secret));
            Ok(UpdateSecretVersionStageResponse {
                arn,
                name: Some(secret.name),
            })
        })
    }
}

/// Whether a version was added or is the same as one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    New,
    Repeated,
}

/// Adds a version unless a repeated request did so before.
pub(super) fn add_version(
    tx: &Tx<'_>,
    secret: &SecretRecord,
    version: &str,
    value: &SecretValue,
    now: EpochMillis,
) -> Result<Added, SecretsError> {
    match tx.secret_value(&secret.id, version)? {
        Some(stored) if stored == *value => Ok(Added::Repeated),
        Some(_) => Err(SecretsError::TokenInUse(version.to_owned())),
        None => {
            tx.add_secret_version(&secret.id, version, value, now)?;
            Ok(Added::New)
        }
    }
}

/// Attaches the stages that a request names, `AWSCURRENT` where it names none.
/// The first version of a secret is always current.
fn attach(
    tx: &Tx<'_>,
    secret: &SecretRecord,
    version: &str,
    stages: Option<&[String]>,
) -> Result<(), SecretsError> {
    let named = stages.unwrap_or_default();
    let has_current = tx.secret_version_at(&secret.id, CURRENT)?.is_some();
    if stages.is_none() || !has_current || named.iter().any(|stage| stage == CURRENT) {
        make_current(tx, secret, version)?;
    }
    for stage in named.iter().filter(|stage| *stage != CURRENT) {
        tx.set_secret_stage(&secret.id, stage, version)?;
    }
    Ok(())
}

/// Makes `version` the current one and the one that was so the previous one.
pub(super) fn make_current(
    tx: &Tx<'_>,
    secret: &SecretRecord,
    version: &str,
) -> Result<(), SecretsError> {
    if let Some(previous) = tx.secret_version_at(&secret.id, CURRENT)?
        && previous != version
    {
        tx.set_secret_stage(&secret.id, PREVIOUS, &previous)?;
    }
    Ok(tx.set_secret_stage(&secret.id, CURRENT, version)?)
}

/// The version that is asked for: by id, by stage, or the current one.
pub(super) fn select(
    view: &View<'_>,
    secret: &SecretRecord,
    version: Option<&str>,
    stage: Option<&str>,
) -> Result<FoundValue, SecretsError> {
    let id = match (version, stage) {
        (Some(version), _) => version.to_owned(),
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            view.secret_version_at(&secret.id, stage)?
                .ok_or_else(|| SecretsError::NoStage(stage.to_owned()))?
        }
    };
    let version = view
        .secret_versions(&secret.id)?
        .into_iter()
        .find(|version| version.version == id)
        .ok_or_else(|| SecretsError::NoVersion(id.clone()))?;
    if stage.is_some_and(|stage| !version.stages.iter().any(|has| has == stage)) {
        return Err(SecretsError::Request(
            "You provided a VersionStage that is not associated to the provided VersionId."
                .to_owned(),
        ));
    }
    let value = view
        .secret_value(&secret.id, &id)?
        .ok_or_else(|| SecretsError::NoVersion(id.clone()))?;
    Ok(FoundValue { version, value })
}

/// A version id like those that clients make.
pub(super) fn new_version() -> String {
    Uuid::new_v4().to_string()
}

fn stages_of(
    tx: &Tx<'_>,
    secret: &SecretRecord,
    version: &str,
) -> Result<Vec<String>, SecretsError> {
    let versions = tx.secret_versions(&secret.id)?;
    let found = versions
        .into_iter()
        .find(|candidate| candidate.version == version);
    Ok(found.map(|version| version.stages).unwrap_or_default())
}

fn require_version(tx: &Tx<'_>, secret: &SecretRecord, version: &str) -> Result<(), SecretsError> {
    let versions = tx.secret_versions(&secret.id)?;
    if versions
        .iter()
        .any(|candidate| candidate.version == version)
    {
        return Ok(());
    }
    Err(SecretsError::NoVersion(version.to_owned()))
}

/// A stage that a version has is taken from it only by naming that version.
fn check_source(
    stage: &str,
    holder: Option<&str>,
    request: &UpdateSecretVersionStageRequest,
) -> Result<(), SecretsError> {
    let source = request.remove_from_version_id.as_deref();
    match (holder, source) {
        (Some(holder), None) if request.move_to_version_id.as_deref() != Some(holder) => {
            Err(SecretsError::Parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                 currently attached to version {holder}, so you must explicitly reference that \
                 version in RemoveFromVersionId."
            )))
        }
        (holder, Some(source)) if holder != Some(source) => Err(SecretsError::Parameter(format!(
            "The staging label {stage} is not attached to version {source}."
        ))),
        _ => Ok(()),
    }
}
