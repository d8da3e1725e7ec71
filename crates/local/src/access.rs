//! Who is let in besides Seaway's own commands: clients with a second access key, and whoever has
//! the token for resets. Nobody, unless asked for.
//!
//! It is kept beside the platform's keys, outside the project and readable by its owner alone. A
//! copied state directory becomes a platform of its own and starts with neither.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files;
use crate::keys::{KeysError, PlatformKeys, io_error, refuse_exposed};
use crate::layout::StateDir;
use crate::redacted::Redacted;
use crate::registry::token::TOKEN_USER;

const ACCESS_FILE: &str = "access.json";
/// What the API reference of IAM allows.
const LONGEST_ID: usize = 128;

/// What is open to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Signs AWS requests and logs in to the registry like the platform's own key. Seaway's own
    /// interface does not know it.
    pub second_key: Option<KeyPair>,
    /// Lets whoever has it empty the platform.
    pub reset_token: Option<ResetToken>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    pub id: AccessKeyId,
    #[serde(with = "clear")]
    pub secret: Redacted,
}

/// The name of an access key: letters, digits, `_` and `-`, so that it can stand in a signature's
/// credential and before the colon of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

/// No access key can have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "an access key ID has 1 to {LONGEST_ID} letters, digits, `_` or `-`, and is not {TOKEN_USER}"
)]
pub struct BadAccessKeyId;

/// The token for resets, as its SHA-256: it has 256 random bits, is shown when it is made, and
/// cannot be told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetToken {
    sha256: String,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct AccessFile {
    second_key: Option<KeyPair>,
    reset_token: Option<ResetToken>,
}

impl Access {
    /// What is open at the platform of `state`, which has these keys.
    ///
    /// # Errors
    /// When the file cannot be read, or others can read it.
    pub fn of(state: &StateDir, keys: &PlatformKeys) -> Result<Self, KeysError> {
        let path = keys.directory(state).join(ACCESS_FILE);
        let Some(text) = files::read_if_present(&path).map_err(io_error(&path))? else {
            return Ok(Self::default());
        };
        refuse_exposed(&path)?;
        let AccessFile {
            second_key,
            reset_token,
        } = serde_json::from_str(&text).map_err(|source| KeysError::BadFile { path, source })?;
        Ok(Self {
            second_key,
            reset_token,
        })
    }

    /// Keeps it for the next start of the platform.
    ///
    /// # Errors
    /// When the second key has the name of the platform's own, or the file cannot be written.
    pub fn keep(&self, state: &StateDir, keys: &PlatformKeys) -> Result<(), KeysError> {
        let path = keys.directory(state).join(ACCESS_FILE);
        if *self == Self::default() {
            return files::remove_if_present(&path).map_err(io_error(&path));
        }
        if let Some(second) = &self.second_key
            && second.id.as_str() == keys.access_key_id
        {
            let id = second.id.clone();
            return Err(KeysError::OwnKey { id });
        }
        let content = AccessFile {
            second_key: self.second_key.clone(),
            reset_token: self.reset_token.clone(),
        };
        let text = serde_json::to_vec_pretty(&content).map_err(|source| KeysError::BadFile {
            path: path.clone(),
            source,
        })?;
        files::replace_durably(&path, &text).map_err(io_error(&path))
    }
}

impl AccessKeyId {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessKeyId {
    type Err = BadAccessKeyId;

    fn from_str(text: &str) -> Result<Self, BadAccessKeyId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = BadAccessKeyId;

    fn try_from(text: String) -> Result<Self, BadAccessKeyId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let fits = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(allowed);
        if fits && text != TOKEN_USER {
            Ok(Self(text))
        } else {
            Err(BadAccessKeyId)
        }
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> Self {
        id.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl ResetToken {
    /// A new token, and what is kept of it.
    #[must_use]
    pub fn generate() -> (Redacted, Self) {
        let token = hex::encode(rand::random::<[u8; 32]>());
        let kept = Self {
            sha256: fingerprint(token.as_bytes()),
        };
        (Redacted::new(token), kept)
    }

    /// Whether `given` is the token; compared in constant time.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        verify_slices_are_equal(fingerprint(given).as_bytes(), self.sha256.as_bytes()).is_ok()
    }
}

fn fingerprint(token: &[u8]) -> String {
    hex::encode(digest(&SHA256, token))
}

/// A secret in the one file that may hold it.
mod clear {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::redacted::Redacted;

    pub(super) fn serialize<S: Serializer>(secret: &Redacted, to: S) -> Result<S::Ok, S::Error> {
        secret.expose().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Redacted, D::Error> {
        Ok(Redacted::new(String::deserialize(from)?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn platform(dir: &Path) -> (StateDir, PlatformKeys) {
        let state = StateDir::new(dir.join("state"), dir.join("keys"));
        let keys = PlatformKeys::load_or_create(&state).unwrap();
        (state, keys)
    }

    fn second(id: &str) -> Option<KeyPair> {
        Some(KeyPair {
            id: id.parse().unwrap(),
            secret: Redacted::new("open sesame"),
        })
    }

    #[test]
    fn nothing_is_open_unless_asked_for_and_it_is_kept_until_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (state, keys) = platform(dir.path());
        assert_eq!(Access::of(&state, &keys).unwrap(), Access::default());
        let (token, reset_token) = ResetToken::generate();
        let open = Access {
            second_key: second("AKIDSUITE"),
            reset_token: Some(reset_token),
        };
        open.keep(&state, &keys).unwrap();
        assert_eq!(Access::of(&state, &keys).unwrap(), open);
        let path = keys.directory(&state).join(ACCESS_FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(token.expose()), "the token is not kept");
        assert!(!format!("{open:?}").contains("sesame"));
        Access::default().keep(&state, &keys).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (state, keys) = platform(dir.path());
        let open = Access {
            second_key: second("AKIDSUITE"),
            reset_token: None,
        };
        open.keep(&state, &keys).unwrap();
        let path = keys.directory(&state).join(ACCESS_FILE);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let refused = Access::of(&state, &keys);
        assert!(matches!(refused, Err(KeysError::Exposed { .. })));
    }

    #[test]
    fn the_platforms_own_key_is_no_second_one() {
        let dir = tempfile::tempdir().unwrap();
        let (state, keys) = platform(dir.path());
        let open = Access {
            second_key: second(&keys.access_key_id),
            reset_token: None,
        };
        let refused = open.keep(&state, &keys);
        assert!(matches!(refused, Err(KeysError::OwnKey { .. })));
    }

    #[test]
    fn ids_fit_into_credentials_and_logins() {
        for id in ["test", "AKIAIOSFODNN7EXAMPLE", "fake-key_1"] {
            assert_eq!(id.parse::<AccessKeyId>().unwrap().as_str(), id);
        }
        let long = "A".repeat(129);
        for id in ["", "a b", "a/b", "a:b", "a,b", "a=b", "AWS", "ä", &long] {
            assert_eq!(id.parse::<AccessKeyId>(), Err(BadAccessKeyId), "{id}");
        }
    }

    #[test]
    fn only_the_token_itself_matches() {
        let (token, kept) = ResetToken::generate();
        assert!(kept.matches(token.expose().as_bytes()));
        for wrong in [&b""[..], b"x", kept.sha256.as_bytes()] {
            assert!(!kept.matches(wrong));
        }
        let (other, _) = ResetToken::generate();
        assert!(!kept.matches(other.expose().as_bytes()));
    }
}
