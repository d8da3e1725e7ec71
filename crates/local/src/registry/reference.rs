//! Image references of the embedded platform:
//! `registry.seaway.internal/PROJECT/SERVICE@sha256:...`.
//!
//! The registry has a fixed name and no port, so that nothing about this
//! machine enters a task definition.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::digest::{Digest, DigestError};

/// The name of the registry in image references. It resolves nowhere: only the
/// platform reads it.
pub const REGISTRY_NAME: &str = "registry.seaway.internal";

/// The longest name that the OCI distribution specification's clients agree on.
const MAX_NAME: usize = 255;

/// A repository within the registry, such as `shop/api`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName(String);

/// One image by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    pub repository: RepositoryName,
    pub digest: Digest,
}

/// A text is no reference to an image of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    #[error("the embedded platform pulls from {REGISTRY_NAME} only")]
    ForeignRegistry,
    #[error("images are pulled by digest (`@sha256:...`), not by tag")]
    NoDigest,
    #[error("`{0}` is not a repository name")]
    Repository(String),
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl RepositoryName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = ReferenceError;

    /// Components of lower-case letters and digits, separated inside by `.`,
    /// `_`, `__` or dashes (OCI distribution specification, "Pulling manifests").
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() <= MAX_NAME && text.split('/').all(is_component) {
            return Ok(Self(text.to_owned()));
        }
        Err(ReferenceError::Repository(text.to_owned()))
    }
}

fn is_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    let inner = component.trim_start_matches(alphanumeric);
    !component.is_empty()
        && component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && inner.split(alphanumeric).all(is_separator)
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let path = text
            .strip_prefix(REGISTRY_NAME)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or(ReferenceError::ForeignRegistry)?;
        let (repository, digest) = path.split_once('@').ok_or(ReferenceError::NoDigest)?;
        Ok(Self {
            repository: repository.parse()?,
            digest: digest.parse()?,
        })
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{REGISTRY_NAME}/{}@{}",
            self.repository, self.digest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back_as_they_were_written() {
        let text = format!("{REGISTRY_NAME}/shop/api@{}", Digest::of(b"x"));
        let reference: ImageReference = text.parse().unwrap();
        assert_eq!(reference.repository.as_str(), "shop/api");
        assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn other_registries_and_tags_are_named_as_such() {
        let parse = |text: &str| text.parse::<ImageReference>().unwrap_err();
        assert_eq!(parse("nginx:latest"), ReferenceError::ForeignRegistry);
        assert_eq!(
            parse("registry.seaway.internal.evil/a@b"),
            ReferenceError::ForeignRegistry
        );
        assert_eq!(
            parse("registry.seaway.internal/shop/api:v1"),
            ReferenceError::NoDigest
        );
    }

    #[test]
    fn repository_names_follow_the_specification() {
        for name in ["a", "shop/api", "a.b", "a_b", "a__b", "a---b", "0/1"] {
            assert!(name.parse::<RepositoryName>().is_ok(), "{name}");
        }
        for name in [
            "", "A", "a//b", "/a", "a/", "..", "a/../b", ".a", "a-", "a..b", "a___b", "a.-b",
        ] {
            assert!(name.parse::<RepositoryName>().is_err(), "{name}");
        }
    }
}
