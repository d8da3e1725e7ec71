//! What is on record of a repository beside its images: who may overwrite a tag, what is removed
//! after a while, what it is tagged with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::{RepositoryName, TagName};
use crate::clock::EpochMillis;
use crate::store::{Document, StoreError, Tx};

/// The settings of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositoryRecord {
    pub created_at: EpochMillis,
    pub mutability: TagMutability,
    /// Patterns of tags that `mutability` does not hold for; `*` stands for anything.
    pub exclusions: Vec<String>,
    pub scan_on_push: bool,
    pub tags: BTreeMap<String, String>,
    /// Who may do what, as it was put: JSON. Kept for whoever asks; one key opens everything here.
    pub policy: Option<String>,
    /// As it was put: JSON.
    pub lifecycle_policy: Option<String>,
    /// The policy of the last preview.
    pub lifecycle_preview: Option<String>,
    /// When the lifecycle policy was last applied.
    pub lifecycle_evaluated_at: Option<EpochMillis>,
}

/// Whether a tag can be given to another image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagMutability {
    #[default]
    Mutable,
    Immutable,
    /// Immutable but for the tags that an exclusion fits.
    ImmutableWithExclusion,
    /// Mutable but for the tags that an exclusion fits.
    MutableWithExclusion,
}

impl Document for RepositoryRecord {
    const KIND: &'static str = "image-repository";
}

impl RepositoryRecord {
    /// A repository with the settings of a new one.
    #[must_use]
    pub fn new(now: EpochMillis) -> Self {
        Self {
            created_at: now,
            ..Self::default()
        }
    }

    /// Whether the tag stays at the image that it names.
    #[must_use]
    pub fn is_immutable(&self, tag: &TagName) -> bool {
        let excluded = || {
            let mut patterns = self.exclusions.iter();
            patterns.any(|pattern| fits(pattern, tag.as_str()))
        };
        match self.mutability {
            TagMutability::Mutable => false,
            TagMutability::Immutable => true,
            TagMutability::ImmutableWithExclusion => !excluded(),
            TagMutability::MutableWithExclusion => excluded(),
        }
    }
}

/// The repository's record, which a first push creates.
pub(super) fn find_or_create(
    tx: &Tx<'_>,
    name: &RepositoryName,
    now: EpochMillis,
) -> Result<RepositoryRecord, StoreError> {
    if let Some(found) = tx.get(name.as_str())? {
        return Ok(found);
    }
    let created = RepositoryRecord::new(now);
    tx.put(name.as_str(), &created)?;
    Ok(created)
}

/// Whether `text` is what `pattern` says; `*` stands for any characters, none included.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(prefix) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let suffix = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_turn_the_rule_around() {
        let tag = |text: &str| text.parse::<TagName>().unwrap();
        let mut record = RepositoryRecord::new(EpochMillis(0));
        record.exclusions = vec!["dev-*".into()];
        let rule = |record: &RepositoryRecord| {
            (
                record.is_immutable(&tag("dev-1")),
                record.is_immutable(&tag("v1")),
            )
        };
        assert_eq!(rule(&record), (false, false));
        record.mutability = TagMutability::Immutable;
        assert_eq!(rule(&record), (true, true));
        record.mutability = TagMutability::ImmutableWithExclusion;
        assert_eq!(rule(&record), (false, true));
        record.mutability = TagMutability::MutableWithExclusion;
        assert_eq!(rule(&record), (true, false));
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [("*", ""), ("a*", "a"), ("*-b*c", "x-bbc"), ("a*a", "aa")] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*a", "a"), ("*b", "a"), ("a*b*c", "acb")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
