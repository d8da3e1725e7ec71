//! `valueFrom` of a container's secrets: from a reference to the value that the
//! task gets, or to the reason that ECS gives.
//!
//! The reference is a secret's ARN or name, followed by `:json-key:stage:version`
//! of which each may be empty or left out (ECS guide, "Pass Secrets Manager
//! secrets through environment variables").

use serde_json::{Map, Value};
use thiserror::Error;

use super::values::select;
use super::{SecretsError, SecretsManager, find_live};
use crate::clock::EpochMillis;
use crate::redacted::Redacted;
use crate::store::SecretKind;

/// Colons in a secret's ARN: `arn:aws:secretsmanager:REGION:ACCOUNT:secret:ID`.
const ARN_PARTS: usize = 7;

/// Why a task cannot have a secret; reads as ECS writes it into `stoppedReason`.
#[derive(Debug, Error)]
#[error(
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
     retrieval failed: unable to retrieve secret from asm: {reason}"
)]
pub struct SecretPullError {
    reason: PullReason,
}

#[derive(Debug, Error)]
enum PullReason {
    #[error("failed to fetch secret {reference} from secrets manager: {code}: {message}")]
    Refused {
        reference: String,
        code: &'static str,
        message: String,
    },
    #[error("`{reference}` has too many parts after the secret")]
    Malformed { reference: String },
    #[error("the value of secret {reference} is not a JSON object")]
    NotAnObject { reference: String },
    #[error("retrieved secret from Secrets Manager did not contain json key {key}")]
    NoKey { key: String },
    #[error("the value of secret {reference} is binary and not text")]
    Binary { reference: String },
}

/// The parts of a `valueFrom`.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    secret: String,
    json_key: Option<&'a str>,
    stage: Option<&'a str>,
    version: Option<&'a str>,
}

impl SecretsManager {
    /// The value that `value_from` refers to. Reads the store: call it where
    /// blocking is allowed.
    pub fn resolve(&self, value_from: &str, now: EpochMillis) -> Result<Redacted, SecretPullError> {
        self.pull(value_from, now)
            .map_err(|reason| SecretPullError { reason })
    }

    fn pull(&self, value_from: &str, now: EpochMillis) -> Result<Redacted, PullReason> {
        let reference = parse(value_from).ok_or_else(|| PullReason::Malformed {
            reference: value_from.to_owned(),
        })?;
        let refused = |error: SecretsError| {
            let message = error.to_string();
            let code = seaway_aws_wire::WireError::from(error).code();
            PullReason::Refused {
                reference: reference.secret.clone(),
                code,
                message,
            }
        };
        let (secret, found) = self
            .store
            .read(|view| {
                let secret = find_live(view, &reference.secret)?;
                let found = select(view, &secret, reference.version, reference.stage)?;
                Ok((secret, found))
            })
            .map_err(refused)?;
        self.note_access(&secret, now).map_err(refused)?;
        let named = || value_from.to_owned();
        let text = match found.value.kind {
            SecretKind::Text => String::from_utf8(found.value.bytes)
                .map_err(|_| PullReason::Binary { reference: named() })?,
            SecretKind::Binary => return Err(PullReason::Binary { reference: named() }),
        };
        let Some(key) = reference.json_key else {
            return Ok(Redacted::new(text));
        };
        // serde's message could quote the value: only the fact is passed on.
        let mut object: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|_| PullReason::NotAnObject { reference: named() })?;
        match object.remove(key) {
            Some(Value::String(text)) => Ok(Redacted::new(text)),
            Some(other) => Ok(Redacted::new(other.to_string())),
            None => Err(PullReason::NoKey {
                key: key.to_owned(),
            }),
        }
    }
}

fn parse(value_from: &str) -> Option<Reference<'_>> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let secret_parts = if value_from.starts_with("arn:") {
        ARN_PARTS
    } else {
        1
    };
    let (secret, rest) = parts.split_at_checked(secret_parts)?;
    if rest.len() > 3 {
        return None;
    }
    let part = |index: usize| rest.get(index).copied().filter(|part| !part.is_empty());
    Some(Reference {
        secret: secret.join(":"),
        json_key: part(0),
        stage: part(1),
        version: part(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_up_to_three_parts_behind_the_secret() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
        let full = format!("{arn}:url:AWSPREVIOUS:v1");
        let reference = parse(&full).unwrap();
        assert_eq!(reference.secret, arn);
        assert_eq!(reference.json_key, Some("url"));
        assert_eq!(reference.stage, Some("AWSPREVIOUS"));
        assert_eq!(reference.version, Some("v1"));
        let by_name = parse("db:url::").unwrap();
        assert_eq!(
            (by_name.secret.as_str(), by_name.json_key),
            ("db", Some("url"))
        );
        assert_eq!(by_name.stage, None);
        assert_eq!(parse("db:a:b:c:d"), None);
        assert_eq!(parse("arn:aws:secretsmanager"), None);
    }
}
