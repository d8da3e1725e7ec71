//! Encryption of secret values: AES-256-GCM with a random nonce per value. The
//! secret's id and version are authenticated, so values cannot be exchanged.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use super::StoreError;
use crate::keys::StoreKey;

/// Encrypts and decrypts with the platform's store key.
pub(super) struct Sealer(RandomizedNonceKey);

/// Which value is sealed; authenticated together with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SealedName<'a> {
    pub(super) secret: &'a str,
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
}

/// An encrypted value.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) nonce: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

impl Sealer {
    pub(super) fn new(key: &StoreKey) -> Self {
        // Invariant: `StoreKey` has the 256 bits that this algorithm wants.
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).expect("256-bit key");
        Self(key)
    }

    pub(super) fn seal(&self, name: SealedName<'_>, plain: &[u8]) -> Result<Sealed, StoreError> {
        let mut bytes = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(name.encode()), &mut bytes)
            .map_err(|_| StoreError::Encrypt {
                secret: name.secret.to_owned(),
            })?;
        Ok(Sealed {
            nonce: nonce.as_ref().to_vec(),
            bytes,
        })
    }

    pub(super) fn open(&self, name: SealedName<'_>, sealed: Sealed) -> Result<Vec<u8>, StoreError> {
        let unreadable = || StoreError::Unreadable {
            secret: name.secret.to_owned(),
            version: name.version.to_owned(),
        };
        let nonce = Nonce::try_assume_unique_for_key(&sealed.nonce).map_err(|_| unreadable())?;
        let mut bytes = sealed.bytes;
        let length = self
            .0
            .open_in_place(nonce, Aad::from(name.encode()), &mut bytes)
            .map_err(|_| unreadable())?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl SealedName<'_> {
    /// Unambiguous: none of the parts can contain a zero byte.
    fn encode(self) -> Vec<u8> {
        ["seaway secret 1", self.secret, self.version, self.kind]
            .join("\0")
            .into_bytes()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: SealedName<'_> = SealedName {
        secret: "db-AbCdEf",
        version: "v1",
        kind: "string",
    };

    #[test]
    fn what_was_sealed_opens_under_its_own_name_only() {
        let sealer = Sealer::new(&StoreKey::generate());
        let sealed = sealer.seal(NAME, b"hunter2").unwrap();
        let copy = Sealed {
            nonce: sealed.nonce.clone(),
            bytes: sealed.bytes.clone(),
        };
        assert_eq!(sealer.open(NAME, sealed).unwrap(), b"hunter2");
        let moved = SealedName {
            version: "v2",
            ..NAME
        };
        assert!(matches!(
            sealer.open(moved, copy),
            Err(StoreError::Unreadable { .. })
        ));
    }

    #[test]
    fn another_key_opens_nothing() {
        let sealed = Sealer::new(&StoreKey::generate())
            .seal(NAME, b"hunter2")
            .unwrap();
        let other = Sealer::new(&StoreKey::generate());
        assert!(matches!(
            other.open(NAME, sealed),
            Err(StoreError::Unreadable { .. })
        ));
    }
}
