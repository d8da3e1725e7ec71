//! Secrets, their versions and stages. Values are sealed before they reach the
//! database; names, descriptions and tags are readable.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::seal::{Sealed, SealedName};
use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

/// Secrets Manager keeps about this many versions without a stage.
const KEPT_VERSIONS: u32 = 100;

/// What is known of a secret besides its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Name and random suffix: the last part of the ARN.
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub created_at: EpochMillis,
    pub changed_at: EpochMillis,
    pub accessed_at: Option<EpochMillis>,
    /// When deletion was asked for.
    pub deleted_at: Option<EpochMillis>,
    /// When the secret will be gone for good.
    pub deletion_at: Option<EpochMillis>,
    /// The resource policy, as JSON.
    #[serde(default)]
    pub policy: Option<String>,
}

/// Whether a value was stored as text or as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    Text,
    Binary,
}

/// A value in clear; shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue {
    pub kind: SecretKind,
    pub bytes: Vec<u8>,
}

/// A version without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    pub version: String,
    pub created_at: EpochMillis,
    /// Such as `AWSCURRENT`; sorted. None: deprecated.
    pub stages: Vec<String>,
}

impl View<'_> {
    /// The secret with this id (`NAME-SUFFIX`).
    pub fn secret_by_id(&self, id: &str) -> Result<Option<SecretRecord>, StoreError> {
        self.secret("SELECT id, body FROM secrets WHERE id = ?1", id)
    }

    /// The secret with this name.
    pub fn secret_by_name(&self, name: &str) -> Result<Option<SecretRecord>, StoreError> {
        self.secret("SELECT id, body FROM secrets WHERE name = ?1", name)
    }

    /// Every secret, by name.
    pub fn secrets(&self) -> Result<Vec<SecretRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, body FROM secrets ORDER BY name")?;
        let rows: Vec<(String, String)> =
            statement.query_map([], pair)?.collect::<Result<_, _>>()?;
        rows.iter().map(|(id, body)| decode(id, body)).collect()
    }

    fn secret(&self, query: &str, key: &str) -> Result<Option<SecretRecord>, StoreError> {
        let row = self
            .connection
            .prepare_cached(query)?
            .query_row([key], pair)
            .optional()?;
        row.map(|(id, body)| decode(&id, &body)).transpose()
    }

    /// The versions of a secret, oldest first.
    pub fn secret_versions(&self, secret: &str) -> Result<Vec<SecretVersion>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, created_at, (SELECT group_concat(stage, ' ') FROM \
             (SELECT stage FROM secret_stages s WHERE s.secret = v.secret \
              AND s.version = v.version ORDER BY stage)) \
             FROM secret_versions v WHERE secret = ?1 ORDER BY created_at, version",
        )?;
        let rows = statement.query_map([secret], |row| {
            let stages: Option<String> = row.get(2)?;
            Ok(SecretVersion {
                version: row.get(0)?,
                created_at: row.get(1)?,
                stages: stages
                    .iter()
                    .flat_map(|all| all.split(' '))
                    .map(str::to_owned)
                    .collect(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The version that `stage` is attached to.
    pub fn secret_version_at(
        &self,
        secret: &str,
        stage: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT version FROM secret_stages WHERE secret = ?1 AND stage = ?2")?;
        Ok(statement
            .query_row([secret, stage], |row| row.get(0))
            .optional()?)
    }

    /// The value of a version, decrypted.
    pub fn secret_value(
        &self,
        secret: &str,
        version: &str,
    ) -> Result<Option<SecretValue>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, nonce, sealed FROM secret_versions WHERE secret = ?1 AND version = ?2",
        )?;
        let row = statement.query_row([secret, version], |row| {
            Ok((
                row.get::<_, String>(0)?,
                Sealed {
                    nonce: row.get(1)?,
                    bytes: row.get(2)?,
                },
            ))
        });
        let Some((kind, sealed)) = row.optional()? else {
            return Ok(None);
        };
        let name = SealedName {
            secret,
            version,
            kind: &kind,
        };
        let kind = if kind == SecretKind::Binary.name() {
            SecretKind::Binary
        } else {
            SecretKind::Text
        };
        Ok(Some(SecretValue {
            kind,
            bytes: self.sealer.open(name, sealed)?,
        }))
    }
}

impl Tx<'_> {
    /// Writes what is known of a secret, replacing what was.
    pub fn put_secret(&self, record: &SecretRecord) -> Result<(), StoreError> {
        let body =
            serde_json::to_string(record).map_err(|source| undocumented(&record.id, source))?;
        self.connection
            .prepare_cached(
                "INSERT INTO secrets (id, name, body) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            )?
            .execute([&record.id, &record.name, &body])?;
        Ok(())
    }

    /// Removes a secret with all its versions.
    pub fn remove_secret(&self, id: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM secrets WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Adds a version; the secret exists, the version does not.
    pub fn add_secret_version(
        &self,
        secret: &str,
        version: &str,
        value: &SecretValue,
        at: EpochMillis,
    ) -> Result<(), StoreError> {
        let kind = value.kind.name();
        let sealed = self.sealer.seal(
            SealedName {
                secret,
                version,
                kind,
            },
            &value.bytes,
        )?;
        self.connection
            .prepare_cached(
                "INSERT INTO secret_versions (secret, version, created_at, kind, nonce, sealed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                secret,
                version,
                at,
                kind,
                sealed.nonce,
                sealed.bytes
            ])?;
        self.drop_deprecated_versions(secret)
    }

    fn drop_deprecated_versions(&self, secret: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "DELETE FROM secret_versions WHERE secret = ?1 AND version IN (\
                 SELECT version FROM secret_versions v WHERE secret = ?1 AND NOT EXISTS \
                 (SELECT 1 FROM secret_stages s WHERE s.secret = ?1 AND s.version = v.version) \
                 ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![secret, KEPT_VERSIONS])?;
        Ok(())
    }

    /// Attaches `stage` to `version`, taking it from another one.
    pub fn set_secret_stage(
        &self,
        secret: &str,
        stage: &str,
        version: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO secret_stages (secret, stage, version) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (secret, stage) DO UPDATE SET version = excluded.version",
            )?
            .execute([secret, stage, version])?;
        Ok(())
    }

    /// Detaches `stage` from whatever version has it.
    pub fn remove_secret_stage(&self, secret: &str, stage: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM secret_stages WHERE secret = ?1 AND stage = ?2")?
            .execute([secret, stage])?;
        Ok(())
    }
}

impl SecretKind {
    /// Part of the store's format.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretValue({:?}, ***)", self.kind)
    }
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn decode(id: &str, body: &str) -> Result<SecretRecord, StoreError> {
    serde_json::from_str(body).map_err(|source| undocumented(id, source))
}

fn undocumented(id: &str, source: serde_json::Error) -> StoreError {
    StoreError::Document {
        kind: "secret",
        key: id.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    const PLAIN: &str = "correct horse battery staple";

    fn record(name: &str) -> SecretRecord {
        SecretRecord {
            id: format!("{name}-AbCdEf"),
            name: name.into(),
            description: None,
            kms_key_id: None,
            tags: BTreeMap::new(),
            created_at: EpochMillis(1),
            changed_at: EpochMillis(1),
            accessed_at: None,
            deleted_at: None,
            deletion_at: None,
            policy: None,
        }
    }

    fn text(value: &str) -> SecretValue {
        SecretValue {
            kind: SecretKind::Text,
            bytes: value.as_bytes().to_vec(),
        }
    }

    #[test]
    fn no_file_ever_holds_a_value_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let key = StoreKey::generate();
        let store = Store::open(&dir.path().join("store.db"), &key).unwrap();
        store
            .write::<_, StoreError>(|tx| {
                tx.put_secret(&record("database"))?;
                for number in 0..50 {
                    let version = format!("version-{number}");
                    let value = text(&format!("{PLAIN} {number}"));
                    tx.add_secret_version("database-AbCdEf", &version, &value, EpochMillis(1))?;
                    tx.set_secret_stage("database-AbCdEf", "AWSCURRENT", &version)?;
                }
                Ok(())
            })
            .unwrap();
        let encoded = STANDARD.encode(PLAIN);
        let mut searched = 0;
        for entry in fs::read_dir(dir.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            searched += bytes.len();
            for needle in [PLAIN.as_bytes(), &encoded.as_bytes()[..20]] {
                assert!(!bytes.windows(needle.len()).any(|window| window == needle));
            }
        }
        assert!(
            searched > 10_000,
            "the database and its log were searched: {searched} bytes"
        );
        let value = store
            .read::<_, StoreError>(|view| view.secret_value("database-AbCdEf", "version-49"))
            .unwrap();
        assert_eq!(value, Some(text(&format!("{PLAIN} 49"))));
    }

    #[test]
    fn a_stage_is_at_one_version_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let versions = store
            .write::<_, StoreError>(|tx| {
                tx.put_secret(&record("a"))?;
                tx.add_secret_version("a-AbCdEf", "one", &text("1"), EpochMillis(1))?;
                tx.add_secret_version("a-AbCdEf", "two", &text("2"), EpochMillis(2))?;
                tx.set_secret_stage("a-AbCdEf", "AWSCURRENT", "one")?;
                tx.set_secret_stage("a-AbCdEf", "extra", "two")?;
                tx.set_secret_stage("a-AbCdEf", "AWSCURRENT", "two")?;
                tx.secret_versions("a-AbCdEf")
            })
            .unwrap();
        assert_eq!(versions[0].stages, Vec::<String>::new());
        assert_eq!(versions[1].stages, ["AWSCURRENT", "extra"]);
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(format!("{:?}", text(PLAIN)), "SecretValue(Text, ***)");
    }
}
