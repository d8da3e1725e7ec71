//! Content addresses: `sha256:` or `sha512:` and as many hexadecimal digits as the hash has.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use aws_lc_rs::digest::{self, Context, SHA256, SHA512};
use thiserror::Error;

/// Bytes hashed at a time when a file is read.
const CHUNK: usize = 64 << 10;

/// The hash of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

/// A text is no digest that this registry knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not `sha256:` or `sha512:` and lower-case hexadecimal digits")]
pub struct DigestError(String);

/// The hashes that the OCI image specification registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    #[default]
    Sha256,
    Sha512,
}

/// Computes a digest piece by piece.
#[derive(Clone)]
pub(super) struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        self.hash().output_len() * 2
    }

    fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha512 => &SHA512,
        }
    }
}

impl Digest {
    /// The SHA-256 digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::with(Algorithm::Sha256, bytes)
    }

    /// The digest of `bytes` by `algorithm`.
    #[must_use]
    pub fn with(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self::from_hash(algorithm, digest::digest(algorithm.hash(), bytes).as_ref())
    }

    /// The digest by `algorithm` of everything that `reader` gives.
    pub(super) fn of_reader(algorithm: Algorithm, reader: &mut impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; CHUNK];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(hasher.finish()),
                read => hasher.update(&buffer[..read]),
            }
        }
    }

    /// The algorithm's name, a colon and the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone: safe in a path.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0[self.algorithm().name().len() + 1..]
    }

    /// What it was computed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with(Algorithm::Sha512.name()) {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        }
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        Self(format!("{}:{}", algorithm.name(), hex::encode(hash)))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = |(name, digits): (&str, &str)| {
            let algorithm: Algorithm = name.parse().ok()?;
            (digits.len() == algorithm.digits() && digits.bytes().all(is_digit)).then_some(())
        };
        match text.split_once(':').and_then(fits) {
            Some(()) => Ok(Self(text.to_owned())),
            None => Err(DigestError(text.to_owned())),
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.name() == text)
            .ok_or_else(|| DigestError(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Hasher {
    /// Nothing hashed yet.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            context: Context::new(algorithm.hash()),
        }
    }

    /// What it computes.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Goes on with `bytes`.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of everything so far.
    pub(super) fn finish(self) -> Digest {
        Digest::from_hash(self.algorithm, self.context.finish().as_ref())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hasher({})", self.algorithm.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let known = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), known);
        let hasher = Hasher::new(Algorithm::Sha256);
        assert_eq!(known.parse(), Ok(hasher.finish()));
    }

    #[test]
    fn both_hashes_are_told_apart() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::with(algorithm, b"layer");
            assert_eq!(digest.as_str().parse(), Ok(digest.clone()));
            assert_eq!(digest.algorithm(), algorithm);
            let read = Digest::of_reader(algorithm, &mut &b"layer"[..]).unwrap();
            assert_eq!(read, digest);
        }
        let digest = Digest::with(Algorithm::Sha512, b"layer");
        assert_eq!(digest.hex().len(), 128);
    }

    #[test]
    fn what_could_leave_the_directory_is_no_digest() {
        for text in ["sha256:../../etc/passwd", "sha512:00", "sha256:", ""] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let upper = format!("sha256:{}", "A".repeat(64));
        assert!(upper.parse::<Digest>().is_err());
        let swapped = format!("sha512:{}", "a".repeat(64));
        assert!(swapped.parse::<Digest>().is_err());
    }
}
