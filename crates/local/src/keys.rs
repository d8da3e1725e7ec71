//! The keys of one platform: what signs requests and what encrypts secrets.
//!
//! They are kept outside the project, readable by their owner alone, in a
//! directory named by the random platform id. The id lives in the state
//! directory, so two checkouts never see each other; a state directory that was
//! copied gets an id and access keys of its own.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access::AccessKeyId;
use crate::files::{self, FileIdentity};
use crate::layout::{LayoutError, StateDir};
use crate::redacted::Redacted;

const KEY_FILE: &str = "keys.json";
const AUTHORITY_KEY: &str = "authority-key.pem";
const STORE_KEY_BYTES: usize = 32;

/// The keys of one platform.
#[derive(Clone, Debug)]
pub struct PlatformKeys {
    /// Names the platform among those of this user: 32 hexadecimal digits.
    pub id: String,
    /// The access key id that requests are signed with.
    pub access_key_id: String,
    /// The secret of the access key.
    pub secret_access_key: Redacted,
    /// Encrypts secret values in the store.
    pub store_key: StoreKey,
}

/// A key for AES-256-GCM.
#[derive(Clone)]
pub struct StoreKey([u8; STORE_KEY_BYTES]);

/// The keys cannot be used.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("failed to read or write {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{path} can be read by others (mode {mode:04o}, owner {owner}); \
         make it yours alone (chmod 600), or delete it together with the state directory"
    )]
    Exposed {
        path: PathBuf,
        mode: u32,
        owner: u32,
    },
    #[error("{path} does not hold a platform id; delete the state directory to start afresh")]
    BadId { path: PathBuf },
    #[error("{path} is damaged")]
    BadFile {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{path} holds no 256-bit store key")]
    BadStoreKey { path: PathBuf },
    #[error("{id} is the platform's own key; give the second one another ID")]
    OwnKey { id: AccessKeyId },
    #[error("there is no {path}, which the platform in {state} needs to decrypt its secrets")]
    Lost { path: PathBuf, state: PathBuf },
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    access_key_id: String,
    secret_access_key: String,
    store_key: String,
    /// The state directory that these keys belong to.
    state_dir: PathBuf,
    state_identity: FileIdentity,
}

impl StoreKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    pub(crate) fn bytes(&self) -> &[u8; STORE_KEY_BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StoreKey(***)")
    }
}

impl PlatformKeys {
    /// The file with the key of the platform's certificate authority.
    #[must_use]
    pub fn authority_key(&self, state: &StateDir) -> PathBuf {
        state.keys_root().join(&self.id).join(AUTHORITY_KEY)
    }

    /// The keys of the platform in `state`; creates directory and keys at first
    /// use. A copied state directory keeps its store key, since its secrets are
    /// encrypted with it, and nothing else.
    pub fn load_or_create(state: &StateDir) -> Result<Self, KeysError> {
        state.create()?;
        let Some(id) = stored_id(state)? else {
            return Self::create(state, &StoreKey::generate());
        };
        match Self::load(state, &id)? {
            Loaded::Ours(keys) => Ok(keys),
            Loaded::OfTheOriginal(keys) => {
                state.forget_processes().map_err(io_error(state.root()))?;
                Self::create(state, &keys.store_key)
            }
        }
    }

    /// Where these keys are kept, and what else must not be in the project.
    pub(crate) fn directory(&self, state: &StateDir) -> PathBuf {
        directory(state, &self.id)
    }

    fn create(state: &StateDir, store_key: &StoreKey) -> Result<Self, KeysError> {
        let keys = Self {
            id: hex::encode(rand::random::<[u8; 16]>()),
            access_key_id: format!("SEAWAY{}", &random_capitals::<14>()),
            secret_access_key: Redacted::new(hex::encode(rand::random::<[u8; 20]>())),
            store_key: store_key.clone(),
        };
        keys.write(state)?;
        let id_path = state.platform_id();
        files::replace_durably(&id_path, keys.id.as_bytes()).map_err(io_error(&id_path))?;
        Ok(keys)
    }

    fn write(&self, state: &StateDir) -> Result<(), KeysError> {
        let path = key_file(state, &self.id);
        let content = KeyFile {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.expose().to_owned(),
            store_key: BASE64.encode(self.store_key.0),
            state_dir: state.root().to_owned(),
            state_identity: identity_of(state)?,
        };
        let text = serde_json::to_vec_pretty(&content).map_err(|source| KeysError::BadFile {
            path: path.clone(),
            source,
        })?;
        let directory = path.parent().unwrap_or(state.keys_root());
        files::create_private_dir(directory)
            .and_then(|()| files::replace_durably(&path, &text))
            .map_err(io_error(&path))
    }

    fn load(state: &StateDir, id: &str) -> Result<Loaded, KeysError> {
        let path = key_file(state, id);
        let Some(text) = files::read_if_present(&path).map_err(io_error(&path))? else {
            return Err(KeysError::Lost {
                path,
                state: state.root().to_owned(),
            });
        };
        refuse_exposed(&path)?;
        let content: KeyFile =
            serde_json::from_str(&text).map_err(|source| KeysError::BadFile {
                path: path.clone(),
                source,
            })?;
        let keys = Self {
            id: id.to_owned(),
            access_key_id: content.access_key_id,
            secret_access_key: Redacted::new(content.secret_access_key),
            store_key: decode_store_key(&content.store_key)
                .ok_or(KeysError::BadStoreKey { path })?,
        };
        if content.state_identity == identity_of(state)? {
            return Ok(Loaded::Ours(keys));
        }
        let original = StateDir::new(content.state_dir, state.keys_root().to_owned());
        let original_remains = original.identity().ok().flatten() == Some(content.state_identity);
        if original_remains && stored_id(&original)?.as_deref() == Some(id) {
            return Ok(Loaded::OfTheOriginal(keys));
        }
        keys.write(state)?;
        Ok(Loaded::Ours(keys))
    }
}

/// Whose keys the platform id in a state directory led to.
enum Loaded {
    Ours(PlatformKeys),
    /// The state directory is a copy and its original is still there.
    OfTheOriginal(PlatformKeys),
}

fn key_file(state: &StateDir, id: &str) -> PathBuf {
    directory(state, id).join(KEY_FILE)
}

fn directory(state: &StateDir, id: &str) -> PathBuf {
    state.keys_root().join(id)
}

fn stored_id(state: &StateDir) -> Result<Option<String>, KeysError> {
    let path = state.platform_id();
    let Some(text) = files::read_if_present(&path).map_err(io_error(&path))? else {
        return Ok(None);
    };
    let id = text.trim();
    // The id becomes a part of a path: nothing but hexadecimal digits.
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(KeysError::BadId { path });
    }
    Ok(Some(id.to_owned()))
}

fn identity_of(state: &StateDir) -> Result<FileIdentity, KeysError> {
    state
        .identity()
        .and_then(|found| found.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(io_error(state.root()))
}

pub(crate) fn refuse_exposed(path: &Path) -> Result<(), KeysError> {
    let meta = fs::metadata(path).map_err(io_error(path))?;
    let mode = meta.permissions().mode() & 0o7777;
    let ours = meta.uid() == nix::unistd::geteuid().as_raw();
    if ours && mode & 0o077 == 0 {
        return Ok(());
    }
    Err(KeysError::Exposed {
        path: path.to_owned(),
        mode,
        owner: meta.uid(),
    })
}

fn decode_store_key(text: &str) -> Option<StoreKey> {
    let bytes = BASE64.decode(text).ok()?;
    Some(StoreKey(bytes.try_into().ok()?))
}

fn random_capitals<const N: usize>() -> String {
    // RFC 4648 base32: what access key ids are made of.
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random: [u8; N] = std::array::from_fn(|_| rand::random());
    random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(dir: &Path, name: &str) -> StateDir {
        StateDir::new(dir.join(name), dir.join("keys"))
    }

    #[test]
    fn keys_are_the_same_at_every_load() {
        let dir = tempfile::tempdir().unwrap();
        let first = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        let second = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        assert_eq!(first.id, second.id);
        assert_eq!(first.secret_access_key, second.secret_access_key);
        assert_eq!(first.store_key.bytes(), second.store_key.bytes());
        assert_eq!(first.access_key_id.len(), 20);
    }

    #[test]
    fn two_checkouts_have_different_keys() {
        let dir = tempfile::tempdir().unwrap();
        let first = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        let second = PlatformKeys::load_or_create(&state(dir.path(), "b")).unwrap();
        assert_ne!(first.id, second.id);
        assert_ne!(first.access_key_id, second.access_key_id);
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path(), "a");
        let keys = PlatformKeys::load_or_create(&state).unwrap();
        let path = key_file(&state, &keys.id);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = PlatformKeys::load_or_create(&state);
        assert!(
            matches!(refused, Err(KeysError::Exposed { mode: 0o640, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_moved_state_directory_keeps_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let before = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        let after = PlatformKeys::load_or_create(&state(dir.path(), "b")).unwrap();
        assert_eq!(before.id, after.id);
    }

    #[test]
    fn a_copied_state_directory_gets_an_identity_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let original = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        let copy = state(dir.path(), "b");
        copy.create().unwrap();
        fs::copy(dir.path().join("a/platform.id"), copy.platform_id()).unwrap();
        fs::write(copy.port(), "4000").unwrap();
        let copied = PlatformKeys::load_or_create(&copy).unwrap();
        assert_ne!(copied.id, original.id);
        assert_ne!(copied.access_key_id, original.access_key_id);
        assert_eq!(copied.store_key.bytes(), original.store_key.bytes());
        assert!(
            !copy.port().exists(),
            "the copy does not claim the original's port"
        );
        let again = PlatformKeys::load_or_create(&state(dir.path(), "a")).unwrap();
        assert_eq!(again.id, original.id);
    }

    #[test]
    fn an_id_that_would_leave_the_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path(), "a");
        state.create().unwrap();
        fs::write(state.platform_id(), "../../../../etc/0123456789abcdef").unwrap();
        let refused = PlatformKeys::load_or_create(&state);
        assert!(matches!(refused, Err(KeysError::BadId { .. })));
    }
}
