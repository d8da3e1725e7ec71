//! Parameters and their versions. Every value is sealed before it reaches the database, the
//! plain kinds, too; names, descriptions and tags are readable.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::seal::{Sealed, SealedName};
use super::{Document, StoreError, Tx, View};
use crate::clock::EpochMillis;

/// Sets these values apart from secrets; authenticated together with each of them.
const KIND: &str = "parameter";

/// What is known of a parameter besides its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterRecord {
    /// Full name, such as `/shop/api/url`.
    pub name: String,
    /// The number of the newest version.
    pub latest: u64,
    pub tags: BTreeMap<String, String>,
    /// The version that each label is attached to.
    pub labels: BTreeMap<String, u64>,
}

/// What is known of one version besides its value, in the words of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterVersion {
    pub version: u64,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// `Standard` or `Advanced`.
    pub tier: String,
    pub data_type: String,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    /// What a `SecureString` says it was encrypted with.
    pub key_id: Option<String>,
    pub modified_at: EpochMillis,
}

/// The value of a version, in clear and as it is kept; shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue {
    pub plain: String,
    /// What a reader without decryption gets: base64.
    pub sealed: String,
}

/// A version with its sealed value.
#[derive(Serialize, Deserialize)]
struct StoredVersion {
    about: ParameterVersion,
    nonce: String,
    sealed: String,
}

impl Document for ParameterRecord {
    const KIND: &'static str = "parameter";
}

impl Document for StoredVersion {
    const KIND: &'static str = "parameter-version";
}

impl View<'_> {
    /// The parameter with this name.
    pub fn parameter(&self, name: &str) -> Result<Option<ParameterRecord>, StoreError> {
        self.get(name)
    }

    /// The parameters whose name starts with `prefix`, by name.
    pub fn parameters(&self, prefix: &str) -> Result<Vec<ParameterRecord>, StoreError> {
        let found = self.list::<ParameterRecord>(prefix)?;
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// What is known of the versions of a parameter, oldest first.
    pub fn parameter_versions(&self, name: &str) -> Result<Vec<ParameterVersion>, StoreError> {
        let found = self.list::<StoredVersion>(&prefix(name))?;
        Ok(found.into_iter().map(|(_, stored)| stored.about).collect())
    }

    /// A version and its value, decrypted.
    pub fn parameter_version(
        &self,
        name: &str,
        version: u64,
    ) -> Result<Option<(ParameterVersion, ParameterValue)>, StoreError> {
        let Some(stored) = self.get::<StoredVersion>(&key(name, version))? else {
            return Ok(None);
        };
        let unreadable = || StoreError::Unreadable {
            secret: name.to_owned(),
            version: version.to_string(),
        };
        let decode = |text: &str| BASE64.decode(text).map_err(|_| unreadable());
        let sealed = Sealed {
            nonce: decode(&stored.nonce)?,
            bytes: decode(&stored.sealed)?,
        };
        let number = version.to_string();
        let plain = self.sealer.open(sealed_name(name, &number), sealed)?;
        let value = ParameterValue {
            plain: String::from_utf8(plain).map_err(|_| unreadable())?,
            sealed: stored.sealed,
        };
        Ok(Some((stored.about, value)))
    }
}

impl Tx<'_> {
    /// Writes what is known of a parameter, replacing what was.
    pub fn put_parameter(&self, record: &ParameterRecord) -> Result<(), StoreError> {
        self.put(&record.name, record)
    }

    /// Adds a version.
    pub fn add_parameter_version(
        &self,
        name: &str,
        about: ParameterVersion,
        plain: &str,
    ) -> Result<(), StoreError> {
        let version = about.version;
        let number = version.to_string();
        let sealed = self
            .sealer
            .seal(sealed_name(name, &number), plain.as_bytes())?;
        let stored = StoredVersion {
            about,
            nonce: BASE64.encode(sealed.nonce),
            sealed: BASE64.encode(sealed.bytes),
        };
        self.put(&key(name, version), &stored)
    }

    /// Removes one version; a missing one is fine.
    pub fn remove_parameter_version(&self, name: &str, version: u64) -> Result<(), StoreError> {
        self.remove::<StoredVersion>(&key(name, version))
    }

    /// Removes a parameter with all its versions.
    pub fn remove_parameter(&self, name: &str) -> Result<(), StoreError> {
        for version in self.parameter_versions(name)? {
            self.remove_parameter_version(name, version.version)?;
        }
        self.remove::<ParameterRecord>(name)
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ParameterValue(***)")
    }
}

fn sealed_name<'a>(name: &'a str, version: &'a str) -> SealedName<'a> {
    SealedName {
        secret: name,
        version,
        kind: KIND,
    }
}

/// What the keys of a parameter's versions start with. Names have no colon.
fn prefix(name: &str) -> String {
    format!("{name}:")
}

/// Sorted by number: versions have at most as many digits.
fn key(name: &str, version: u64) -> String {
    format!("{name}:{version:020}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    fn version(version: u64) -> ParameterVersion {
        ParameterVersion {
            version,
            kind: "SecureString".into(),
            tier: "Standard".into(),
            data_type: "text".into(),
            description: None,
            allowed_pattern: None,
            key_id: None,
            modified_at: EpochMillis(1),
        }
    }

    #[test]
    fn versions_are_kept_apart_and_removed_together() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let found = store
            .write::<_, StoreError>(|tx| {
                for name in ["/a", "/a-b"] {
                    let record = ParameterRecord {
                        name: name.into(),
                        latest: 11,
                        tags: BTreeMap::new(),
                        labels: BTreeMap::new(),
                    };
                    tx.put_parameter(&record)?;
                    for number in [2, 11] {
                        tx.add_parameter_version(name, version(number), &format!("v{number}"))?;
                    }
                }
                let numbers: Vec<u64> = tx
                    .parameter_versions("/a")?
                    .iter()
                    .map(|it| it.version)
                    .collect();
                assert_eq!(numbers, [2, 11]);
                let (_, value) = tx.parameter_version("/a", 11)?.unwrap();
                assert_eq!(value.plain, "v11");
                assert_eq!(format!("{value:?}"), "ParameterValue(***)");
                tx.remove_parameter("/a")?;
                assert_eq!(tx.parameter_version("/a", 2)?, None);
                tx.parameters("/")
            })
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "/a-b");
    }

    #[test]
    fn a_value_of_another_parameter_is_not_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let moved = store.write::<_, StoreError>(|tx| {
            tx.add_parameter_version("/a", version(1), "one")?;
            let stored = tx.get::<StoredVersion>(&key("/a", 1))?.unwrap();
            tx.put(&key("/b", 1), &stored)?;
            tx.parameter_version("/b", 1)
        });
        assert!(matches!(moved, Err(StoreError::Unreadable { .. })));
    }
}
