//! Names that people choose in the manifest, checked once and carried as types.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Longest name the manifest accepts, in characters.
pub const MAX_NAME: usize = 64;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("a name cannot be empty")]
    Empty,
    #[error("a name has at most {MAX_NAME} characters, this one has {0}")]
    TooLong(usize),
    #[error("a name starts with a lower-case letter and ends with a letter or digit")]
    Edge,
    #[error("a name holds only lower-case letters, digits and hyphens, not {0:?}")]
    Character(char),
}

fn check(text: &str) -> Result<(), NameError> {
    let length = text.chars().count();
    if length == 0 {
        return Err(NameError::Empty);
    }
    if length > MAX_NAME {
        return Err(NameError::TooLong(length));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(stranger) = text.chars().find(|c| !allowed(*c)) {
        return Err(NameError::Character(stranger));
    }
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts_well || text.ends_with('-') {
        return Err(NameError::Edge);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

names! {
    /// A monorepo as Seaway knows it: `[project] name`.
    ProjectName;
    /// A long-running service: `[services.NAME]`.
    ServiceName;
    /// A one-off or scheduled job: `[jobs.NAME]`.
    JobName;
    /// A static site: `[sites.NAME]`.
    SiteName;
    /// A place where everything runs once: `[environments.NAME]`.
    EnvironmentName;
}

/// Joins `parts` with hyphens into a name of at most `limit` characters that a platform accepts.
///
/// A name that is too long keeps its beginning and ends with eight hexadecimal digits of its
/// SHA-256, so that the same parts give the same name on every machine and two long names that
/// differ only at the end stay different. Load balancers and target groups allow 32 characters
/// (Elastic Load Balancing API reference, `CreateTargetGroup`).
pub fn bounded(parts: &[&str], limit: usize) -> String {
    let whole = parts.join("-");
    if whole.len() <= limit {
        return whole;
    }
    let hash = hex::encode(&Sha256::digest(whole.as_bytes())[..4]);
    let keep = limit.saturating_sub(hash.len() + 1);
    format!("{}-{hash}", whole[..keep].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_every_platform_accepts() {
        for text in ["a", "api", "api-2", "a1-b2"] {
            assert!(text.parse::<ServiceName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_some_platform_refuses() {
        let errors = ["", "Api", "2api", "api-", "a_b", "é"]
            .map(|text| text.parse::<ServiceName>().expect_err(text).to_string());
        assert_eq!(errors[0], "a name cannot be empty");
        assert_eq!(
            errors[1],
            "a name holds only lower-case letters, digits and hyphens, not 'A'"
        );
        assert_eq!(errors[2], errors[3]);
    }

    #[test]
    fn a_long_name_is_shortened_the_same_way_each_time() {
        let parts = ["shop", "production-europe", "recommendations"];
        let name = bounded(&parts, 32);
        assert_eq!(name, bounded(&parts, 32));
        assert!(name.len() <= 32, "{name}");
        assert_ne!(
            name,
            bounded(&["shop", "production-europe", "recommendation"], 32)
        );
        assert_eq!(bounded(&["shop", "qa", "api"], 32), "shop-qa-api");
    }
}
