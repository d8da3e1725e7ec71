//! What images are called: `registry.seaway.internal/PROJECT/SERVICE@sha256:...` or `...:TAG`.
//!
//! The registry has a fixed name and no port, so that nothing about this
//! machine enters a task definition. What tools compute from the account and a region, as in
//! `000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/api`, names the same registry.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::digest::{Digest, DigestError};
use crate::identity::ACCOUNT;

/// The name of the registry in image references. It resolves nowhere: only the
/// platform reads it.
pub const REGISTRY_NAME: &str = "registry.seaway.internal";

/// The longest name that the OCI distribution specification's clients agree on.
const MAX_NAME: usize = 255;
/// The longest tag (OCI distribution specification, "Pulling manifests").
const MAX_TAG: usize = 128;
/// What a reference without tag and digest means to every client.
const DEFAULT_TAG: &str = "latest";

/// A repository within the registry, such as `shop/api`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

/// A name for a manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagName(String);

/// How a manifest of a repository is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    Tag(TagName),
    Digest(Digest),
}

/// An image as a task definition names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageName {
    pub repository: RepositoryName,
    pub reference: Reference,
}

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
    #[error("`{0}` is not a repository name")]
    Repository(String),
    #[error("`{0}` is not a tag")]
    Tag(String),
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

impl TagName {
    /// The tag as text.
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

impl FromStr for TagName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts = text.bytes().next().is_some_and(is_word);
        let goes_on = text.bytes().all(|b| is_word(b) || b == b'.' || b == b'-');
        if starts && goes_on && text.len() <= MAX_TAG {
            return Ok(Self(text.to_owned()));
        }
        Err(ReferenceError::Tag(text.to_owned()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// A digest has a colon, which no tag can have.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl FromStr for ImageName {
    type Err = ReferenceError;

    /// A digest beside a tag wins, as with every client.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (registry, path) = text.split_once('/').unwrap_or_default();
        if !is_this_registry(registry) {
            return Err(ReferenceError::ForeignRegistry);
        }
        let (name, digest) = match path.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (path, None),
        };
        let (repository, tag) = name.split_once(':').unwrap_or((name, DEFAULT_TAG));
        let tag = tag.parse()?;
        Ok(Self {
            repository: repository.parse()?,
            reference: digest.map_or(Reference::Tag(tag), Reference::Digest),
        })
    }
}

fn is_this_registry(name: &str) -> bool {
    let region = name
        .strip_prefix(ACCOUNT)
        .and_then(|rest| rest.strip_prefix(".dkr.ecr."))
        .and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let is_region = |text: &str| {
        let of_region =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !text.is_empty() && text.bytes().all(of_region)
    };
    name == REGISTRY_NAME || region.is_some_and(is_region)
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
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

    fn parse(text: &str) -> Result<ImageName, ReferenceError> {
        text.parse()
    }

    #[test]
    fn images_are_named_by_digest_by_tag_or_by_neither() {
        let digest = Digest::of(b"x");
        for text in [
            format!("{REGISTRY_NAME}/shop/api@{digest}"),
            format!("{REGISTRY_NAME}/shop/api:v1@{digest}"),
        ] {
            let name = parse(&text).unwrap();
            assert_eq!(name.repository.as_str(), "shop/api");
            assert_eq!(name.reference, Reference::Digest(digest.clone()));
        }
        let tag = |text: &str| parse(text).unwrap().reference.to_string();
        assert_eq!(tag("registry.seaway.internal/shop/api:v1.2"), "v1.2");
        assert_eq!(tag("registry.seaway.internal/shop/api"), "latest");
        assert_eq!(
            tag("000000000000.dkr.ecr.eu-west-1.amazonaws.com/api:a_b"),
            "a_b"
        );
    }

    #[test]
    fn other_registries_and_bad_tags_are_named_as_such() {
        for foreign in [
            "nginx:latest",
            "nginx",
            "registry.seaway.internal.evil/a@b",
            "111111111111.dkr.ecr.us-east-1.amazonaws.com/a",
            "000000000000.dkr.ecr.us-east-1.evil/a.amazonaws.com",
            "127.0.0.1:5000/shop/api:v1",
        ] {
            assert_eq!(parse(foreign), Err(ReferenceError::ForeignRegistry));
        }
        assert_eq!(
            parse("registry.seaway.internal/shop/api:-v1"),
            Err(ReferenceError::Tag("-v1".into()))
        );
        let long = format!("registry.seaway.internal/api:{}", "a".repeat(129));
        assert!(matches!(parse(&long), Err(ReferenceError::Tag(_))));
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
