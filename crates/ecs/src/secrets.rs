//! Secrets Manager: values go in and never come out.
//!
//! Invariant: no value enters an error, a log line or a finding. Where the JSON object of a secret
//! has to be read to change or find one of its keys, it lives in memory for that call only.

mod json;

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_secretsmanager::types as sdk;
use seaway_core::environment::SecretRef;
use seaway_core::finding::{Finding, Verdict};
use seaway_core::name::ServiceName;
use seaway_ports::{PortError, PortErrorKind, SecretStatus, SecretValue, Secrets};

use crate::connect::{Ecs, Place, Session};
use crate::error::{During as _, invalid};
use crate::tasks::timestamp;
use json::{has_key, with_key};

/// The stage of the version that tasks get.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the version before it.
const PREVIOUS: &str = "AWSPREVIOUS";
/// How long a removed secret can be restored on AWS, the shortest that Secrets Manager allows.
const RECOVERY_DAYS: i64 = 7;
/// How often a key is written again because another writer came between.
const ATTEMPTS: usize = 5;

#[async_trait]
impl Secrets for Ecs {
    async fn list(&self) -> Result<Vec<SecretStatus>, PortError> {
        self.session.list_secrets().await
    }

    async fn set(&self, secret: &SecretRef, value: &SecretValue) -> Result<(), PortError> {
        let session = &self.session;
        let set = match &secret.key {
            None => session.put_whole(&secret.secret, value).await,
            Some(key) => session.put_key(&secret.secret, key, value).await,
        };
        set.map_err(|error| without(error, value))
    }

    async fn remove(&self, secret: &str) -> Result<(), PortError> {
        let session = &self.session;
        let request = session
            .secrets
            .delete_secret()
            .secret_id(session.identity.secret(secret));
        let request = match session.place {
            Place::Local => request.force_delete_without_recovery(true),
            Place::Aws => request.recovery_window_in_days(RECOVERY_DAYS),
        };
        request
            .send()
            .await
            .during(format!("remove the secret {secret}"))?;
        Ok(())
    }

    async fn check(
        &self,
        references: &BTreeSet<(ServiceName, SecretRef)>,
    ) -> Result<Vec<Finding>, PortError> {
        let mut findings = vec![];
        for (service, reference) in references {
            let shown = shown(reference);
            findings.push(Finding {
                check: format!("secret {shown} of {service}"),
                verdict: self.session.check_secret(reference).await?,
            });
            findings.push(Finding {
                check: format!("{service} may read the secret {shown}"),
                verdict: Verdict::Skipped {
                    reason: self.session.place.no_permissions().into(),
                },
            });
        }
        Ok(findings)
    }
}

impl Place {
    fn no_permissions(self) -> &'static str {
        match self {
            Self::Local => "needs IAM, which the embedded platform does not have",
            Self::Aws => "needs IAM: the execution role's policies are not read yet",
        }
    }
}

impl Session {
    async fn list_secrets(&self) -> Result<Vec<SecretStatus>, PortError> {
        let prefix = self.identity.secret_prefix();
        let named = sdk::Filter::builder()
            .key(sdk::FilterNameStringType::Name)
            .values(&prefix)
            .build();
        let mut pages = self
            .secrets
            .list_secrets()
            .filters(named)
            .into_paginator()
            .send();
        let mut secrets = vec![];
        while let Some(page) = pages.next().await {
            let page = page.during(format!("list the secrets of {}", self.identity))?;
            let entries = page.secret_list().iter();
            secrets.extend(entries.filter_map(|entry| status(entry, &prefix)));
        }
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    async fn put_whole(&self, name: &str, value: &SecretValue) -> Result<(), PortError> {
        match self.put(name, value.expose()).await {
            Err(error) if error.kind == PortErrorKind::NotFound => {
                self.create_secret(name, value.expose()).await
            }
            put => put.map(drop),
        }
    }

    /// Changes one key of the object and keeps the others.
    async fn put_key(&self, name: &str, key: &str, value: &SecretValue) -> Result<(), PortError> {
        let what = format!("set the key {key} of the secret {name}");
        let with = |before: Option<&str>| {
            with_key(before, key, value.expose()).map_err(|error| invalid(&what, error))
        };
        for _ in 0..ATTEMPTS {
            if let Some(before) = self.version(name, None).await? {
                return self.replace(name, before, &with).await;
            }
            let object = with(None)?;
            match self.put(name, &object).await {
                Err(error) if error.kind == PortErrorKind::NotFound => {}
                put => return put.map(drop),
            }
            match self.create_secret(name, &object).await {
                // Somebody else created it: the change is made on top of theirs.
                Err(error) if error.kind == PortErrorKind::Conflict => {}
                created => return created,
            }
        }
        Err(contended(what))
    }

    /// Writes what `with` makes of the version `before`. Secrets Manager has no conditional write,
    /// so the version that ours replaced is compared with the one that was read; when another
    /// writer came between, the change is made again on top of theirs.
    async fn replace(
        &self,
        name: &str,
        before: Version,
        with: &impl Fn(Option<&str>) -> Result<String, PortError>,
    ) -> Result<(), PortError> {
        let mut base = before;
        let mut expected = base.id.clone();
        for _ in 0..ATTEMPTS {
            let ours = self.put(name, &with(Some(&base.text))?).await?;
            let Some(replaced) = self.version_at(name, PREVIOUS).await? else {
                return Ok(());
            };
            // When ours was replaced meanwhile, whoever did so has the same duty.
            if replaced == expected || replaced == ours {
                return Ok(());
            }
            let Some(theirs) = self.version(name, Some(&replaced)).await? else {
                return Ok(());
            };
            base = theirs;
            expected = ours;
        }
        Err(contended(format!("set the secret {name}")))
    }

    /// Writes a new version and returns its id; a secret whose removal is pending is restored
    /// first.
    async fn put(&self, name: &str, value: &str) -> Result<String, PortError> {
        let id = self.identity.secret(name);
        let what = format!("set the secret {name}");
        let put = || {
            let request = self.secrets.put_secret_value().secret_id(&id);
            request.secret_string(value).send()
        };
        let answer = match put().await.during(&what) {
            Err(error) if is_removed(&error) => {
                let restored = self.secrets.restore_secret().secret_id(&id).send().await;
                restored.during(format!("restore the secret {name}"))?;
                put().await.during(what)?
            }
            first => first?,
        };
        Ok(answer.version_id.unwrap_or_default())
    }

    async fn create_secret(&self, name: &str, value: &str) -> Result<(), PortError> {
        let tag = |key, value| sdk::Tag::builder().key(key).value(value).build();
        self.secrets
            .create_secret()
            .name(self.identity.secret(name))
            .secret_string(value)
            .tags(tag(crate::tags::PROJECT, self.identity.project.as_str()))
            .tags(tag(
                crate::tags::ENVIRONMENT,
                self.identity.environment.as_str(),
            ))
            .send()
            .await
            .during(format!("create the secret {name}"))
            .map(drop)
    }

    /// A version of a secret by its id, or the one that tasks get now.
    async fn version(&self, name: &str, id: Option<&str>) -> Result<Option<Version>, PortError> {
        let answer = self
            .secrets
            .get_secret_value()
            .secret_id(self.identity.secret(name))
            .set_version_id(id.map(str::to_owned))
            .send()
            .await
            .during(format!("read the secret {name}"));
        let answer = match answer {
            Err(error) if error.kind == PortErrorKind::NotFound || is_removed(&error) => {
                return Ok(None);
            }
            answer => answer?,
        };
        Ok(Some(Version {
            text: answer.secret_string.unwrap_or_default(),
            id: answer.version_id.unwrap_or_default(),
        }))
    }

    async fn version_at(&self, name: &str, stage: &str) -> Result<Option<String>, PortError> {
        let answer = self
            .secrets
            .describe_secret()
            .secret_id(self.identity.secret(name))
            .send()
            .await
            .during(format!("describe the secret {name}"))?;
        let mut versions = answer.version_ids_to_stages.unwrap_or_default().into_iter();
        let at_stage = versions.find(|(_, stages)| stages.iter().any(|s| s == stage));
        Ok(at_stage.map(|(version, _)| version))
    }

    async fn check_secret(&self, reference: &SecretRef) -> Result<Verdict, PortError> {
        let shown = shown(reference);
        let environment = &self.identity.environment;
        let set = format!("`seaway secrets set {environment} NAME` gives {shown} a value");
        let failed = |reason: &str| Verdict::Failed {
            reason: reason.into(),
            hint: set.clone(),
        };
        let current = match self.version(&reference.secret, None).await {
            Ok(Some(current)) => current,
            Ok(None) => return Ok(failed("it does not exist or has no value")),
            Err(error) if error.kind == PortErrorKind::Denied => {
                return Ok(Verdict::Skipped {
                    reason: error.to_string(),
                });
            }
            Err(error) => return Err(error),
        };
        Ok(match &reference.key {
            Some(key) if !has_key(&current.text, key) => {
                failed("its value is no JSON object with this key")
            }
            _ => Verdict::Passed,
        })
    }
}

/// A version of a secret. Not `Debug`: nothing may show it.
struct Version {
    text: String,
    id: String,
}

fn contended(what: String) -> PortError {
    let message = "it is being changed by others again and again";
    PortError::new(PortErrorKind::Conflict, what, message)
}

fn status(entry: &sdk::SecretListEntry, prefix: &str) -> Option<SecretStatus> {
    let is_removed = entry.deleted_date().is_some();
    let name = entry.name()?.strip_prefix(prefix)?;
    let mut stages = entry
        .secret_versions_to_stages()
        .into_iter()
        .flat_map(|versions| versions.values().flatten());
    (!is_removed).then(|| SecretStatus {
        name: name.to_owned(),
        has_value: stages.any(|stage| stage == CURRENT),
        changed_at: entry
            .last_changed_date()
            .or_else(|| entry.created_date())
            .and_then(timestamp),
    })
}

fn shown(reference: &SecretRef) -> String {
    match &reference.key {
        Some(key) => format!("{}#{key}", reference.secret),
        None => reference.secret.clone(),
    }
}

/// Secrets Manager answers so while a removal is pending.
fn is_removed(error: &PortError) -> bool {
    error.message.contains("marked for deletion") || error.message.contains("marked deleted")
}

/// The same error without the value, should the other side have repeated it.
fn without(mut error: PortError, value: &SecretValue) -> PortError {
    let value = value.expose();
    if !value.is_empty() {
        error.message = error.message.replace(value, "(hidden)");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_repeats_the_value_is_cleaned() {
        let value = SecretValue::new("hunter2".into());
        let error = invalid("set the secret database", "bad value 'hunter2'");
        let cleaned = without(error, &value).to_string();
        assert_eq!(
            cleaned,
            "could not set the secret database: bad value '(hidden)'"
        );
    }

    #[test]
    fn only_the_environments_own_secrets_are_listed() {
        let entry = |name: &str, stage: &str| {
            sdk::SecretListEntry::builder()
                .name(name)
                .secret_versions_to_stages("v1", vec![stage.to_owned()])
                .build()
        };
        let prefix = "shop/local/";
        let own = status(&entry("shop/local/database", CURRENT), prefix);
        assert_eq!(
            own,
            Some(SecretStatus {
                name: "database".into(),
                has_value: true,
                changed_at: None,
            })
        );
        assert_eq!(status(&entry("shop/qa/database", CURRENT), prefix), None);
        let empty = status(&entry("shop/local/empty", PREVIOUS), prefix);
        assert_eq!(empty.map(|secret| secret.has_value), Some(false));
    }
}
