//! Secret keys, where they come from, and what is derived from them.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::authorization::{Scope, TERMINATOR};

/// Finds the secret key of an access key id. Closures do, too.
pub trait SecretKeys {
    /// The secret key, or none when the access key id is unknown.
    fn secret_key(&self, access_key_id: &str) -> Option<SecretKey>;
}

impl<F: Fn(&str) -> Option<SecretKey>> SecretKeys for F {
    fn secret_key(&self, access_key_id: &str) -> Option<SecretKey> {
        self(access_key_id)
    }
}

/// A secret access key. It is never printed.
#[derive(Clone)]
pub struct SecretKey(String);

impl SecretKey {
    /// Wraps a secret access key.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Signs with the key that is derived for a scope.
    pub(super) fn sign(&self, scope: &Scope, text: &[u8]) -> [u8; 32] {
        let date = hmac(format!("AWS4{}", self.0).as_bytes(), scope.date.as_bytes());
        let region = hmac(&date, scope.region.as_bytes());
        let service = hmac(&region, scope.service.as_bytes());
        let signing = hmac(&service, TERMINATOR.as_bytes());
        hmac(&signing, text)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(sensitive)")
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
