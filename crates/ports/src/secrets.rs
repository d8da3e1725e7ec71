//! Secret values go in and never come out.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use seaway_core::environment::SecretRef;
use seaway_core::finding::Finding;
use seaway_core::name::ServiceName;
use seaway_core::time::Timestamp;

use crate::error::PortError;

/// A value nobody may see; it is shown as dots.
#[derive(Clone)]
pub struct SecretValue(String);

impl SecretValue {
    /// Takes a value in.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself, for the one call that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(...)")
    }
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SecretStatus {
    pub name: String,
    pub has_value: bool,
    pub changed_at: Option<Timestamp>,
}

/// The secrets of an environment, by the names the manifest uses.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// All of the environment's secrets.
    async fn list(&self) -> Result<Vec<SecretStatus>, PortError>;
    /// Gives a secret its value, or one key of its JSON object, and creates it where needed.
    async fn set(&self, secret: &SecretRef, value: &SecretValue) -> Result<(), PortError>;
    /// Removes a secret.
    async fn remove(&self, secret: &str) -> Result<(), PortError>;
    /// Whether each reference has a value and its key, and whether a task may read it; what cannot
    /// be found out is skipped with a reason.
    async fn check(
        &self,
        references: &BTreeSet<(ServiceName, SecretRef)>,
    ) -> Result<Vec<Finding>, PortError>;
}
