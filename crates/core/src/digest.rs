//! Content addresses: what an image or a document is, whoever holds it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A text that is no `sha256:` digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no digest: expected `sha256:` and 64 hexadecimal digits")]
pub struct DigestError(pub String);

/// A SHA-256 content address in the form of the OCI image specification, `sha256:<hex>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
    }

    /// The digest of a document: of its compact JSON with sorted keys, so that the order in which
    /// fields were written does not matter.
    pub fn of_document(document: &serde_json::Value) -> Self {
        Self::of(sorted(document).to_string().as_bytes())
    }

    /// `sha256:<hex>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hexadecimal digits alone.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

/// The same document with the keys of every object in order, whichever map serde_json uses.
fn sorted(document: &serde_json::Value) -> serde_json::Value {
    match document {
        serde_json::Value::Object(fields) => {
            let ordered: BTreeMap<&String, &serde_json::Value> = fields.iter().collect();
            ordered
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect()
        }
        serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() == 64 && digits.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that cannot change: a repository and the digest of a manifest in it.
///
/// The repository never names a port or a machine: on this machine it is
/// `registry.seaway.internal/PROJECT/SERVICE`, which the embedded platform resolves itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImageRef {
    pub repository: String,
    pub digest: Digest,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl FromStr for ImageRef {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (repository, digest) = text
            .rsplit_once('@')
            .ok_or_else(|| DigestError(text.to_owned()))?;
        Ok(Self {
            repository: repository.to_owned(),
            digest: digest.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_one_digest_however_its_fields_were_written() {
        let one = serde_json::json!({"a": 1, "b": [true]});
        let other: serde_json::Value =
            serde_json::from_str(r#"{ "b": [true], "a": 1 }"#).expect("valid JSON");
        assert_eq!(Digest::of_document(&one), Digest::of_document(&other));
    }

    #[test]
    fn an_image_reference_is_read_back_as_written() {
        let image = ImageRef {
            repository: "registry.seaway.internal/shop/api".into(),
            digest: Digest::of(b"manifest"),
        };
        assert_eq!(image.to_string().parse(), Ok(image));
    }

    #[test]
    fn a_tag_is_no_digest() {
        assert!("sha256:latest".parse::<Digest>().is_err());
        assert!("shop/api:latest".parse::<ImageRef>().is_err());
    }
}
