//! Secrets Manager: secrets, their versions and stages.
//!
//! Values are decrypted for `GetSecretValue` and for starting tasks
//! ([`SecretsManager::resolve`]), and to tell a repeated request from a
//! conflicting one. Nothing here logs a request.

mod batch;
mod error;
mod lifecycle;
mod listing;
mod passwords;
mod policies;
mod resolve;
mod tags;
mod values;

use std::sync::Arc;

use rand::seq::IndexedRandom as _;
use seaway_aws_wire::Operation as AnyOperation;
use seaway_aws_wire::secretsmanager::{self as wire, Operation};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::identity::arn;
use crate::store::{SecretRecord, Store, StoreError, View};

pub use error::SecretsError;
pub use resolve::SecretPullError;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The secrets of one platform.
#[derive(Debug)]
pub struct SecretsManager {
    store: Arc<Store>,
}

impl SecretsManager {
    /// Secrets Manager on `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Removes the secrets whose recovery window is over.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), StoreError> {
        self.store.write(|tx| {
            for secret in tx.secrets()? {
                if secret.deletion_at.is_some_and(|at| at <= now) {
                    tx.remove_secret(&secret.id)?;
                }
            }
            Ok(())
        })
    }
}

impl BlockingHandler for SecretsManager {
    fn handle(&self, call: Call) -> Answer {
        let now = call.now();
        let AnyOperation::SecretsManager(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        match operation {
            Operation::CreateSecret => {
                call.answer::<wire::CreateSecret, _>(|r| self.create(r, now))
            }
            Operation::DescribeSecret => {
                call.answer::<wire::DescribeSecret, _>(|r| self.describe(&r))
            }
            Operation::ListSecrets => call.answer::<wire::ListSecrets, _>(|r| self.list(&r)),
            Operation::GetSecretValue => {
                call.answer::<wire::GetSecretValue, _>(|r| self.get(&r, now))
            }
            Operation::PutSecretValue => {
                call.answer::<wire::PutSecretValue, _>(|r| self.put(r, now))
            }
            Operation::UpdateSecret => {
                call.answer::<wire::UpdateSecret, _>(|r| self.update(r, now))
            }
            Operation::DeleteSecret => {
                call.answer::<wire::DeleteSecret, _>(|r| self.delete(&r, now))
            }
            Operation::RestoreSecret => call.answer::<wire::RestoreSecret, _>(|r| self.restore(&r)),
            Operation::ListSecretVersionIds => {
                call.answer::<wire::ListSecretVersionIds, _>(|r| self.list_versions(&r))
            }
            Operation::UpdateSecretVersionStage => {
                call.answer::<wire::UpdateSecretVersionStage, _>(|r| self.move_stage(&r, now))
            }
            Operation::TagResource => call.answer::<wire::TagResource, _>(|r| self.tag(r, now)),
            Operation::UntagResource => {
                call.answer::<wire::UntagResource, _>(|r| self.untag(&r, now))
            }
            Operation::BatchGetSecretValue => {
                call.answer::<wire::BatchGetSecretValue, _>(|r| self.get_batch(r, now))
            }
            Operation::GetRandomPassword => {
                call.answer::<wire::GetRandomPassword, _>(|r| passwords::make(&r))
            }
            Operation::PutResourcePolicy => {
                call.answer::<wire::PutResourcePolicy, _>(|r| self.put_policy(r))
            }
            Operation::GetResourcePolicy => {
                call.answer::<wire::GetResourcePolicy, _>(|r| self.get_policy(&r))
            }
            Operation::DeleteResourcePolicy => {
                call.answer::<wire::DeleteResourcePolicy, _>(|r| self.delete_policy(&r))
            }
            Operation::ValidateResourcePolicy => {
                call.answer::<wire::ValidateResourcePolicy, _>(|r| self.validate_policy(&r))
            }
        }
    }
}

/// The secret that `id` names: its name, its ARN, or its ARN without the suffix.
fn find(view: &View<'_>, id: &str) -> Result<SecretRecord, SecretsError> {
    let prefix = arn("secretsmanager", "secret:");
    let found = match id.strip_prefix(&prefix) {
        Some(resource) => match view.secret_by_id(resource)? {
            Some(secret) => Some(secret),
            None => view.secret_by_name(resource)?,
        },
        None => view.secret_by_name(id)?,
    };
    found.ok_or(SecretsError::NotFound)
}

/// Like [`find`], but not a secret that is scheduled for deletion.
fn find_live(view: &View<'_>, id: &str) -> Result<SecretRecord, SecretsError> {
    let secret = find(view, id)?;
    if secret.deleted_at.is_some() {
        Err(SecretsError::Deleted)
    } else {
        Ok(secret)
    }
}

fn arn_of(secret: &SecretRecord) -> String {
    arn("secretsmanager", &format!("secret:{}", secret.id))
}

/// The hyphen and six characters that make ARNs of deleted and recreated
/// secrets differ.
fn random_suffix() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    (0..6)
        .filter_map(|_| ALPHABET.choose(&mut rng))
        .map(|byte| char::from(*byte))
        .collect()
}

fn timestamp(at: EpochMillis) -> Option<seaway_aws_wire::Timestamp> {
    seaway_aws_wire::Timestamp::from_millis(at.0).ok()
}

#[cfg(test)]
mod tests;
