//! Who else is let in: the arguments of `seaway local start` for test suites of others.

use clap::Args;
use seaway_local::access::{Access, AccessKeyId, KeyPair, ResetToken};
use seaway_local::launch::{Changed, change_access};
use seaway_local::layout::StateDir;
use seaway_local::redacted::Redacted;

use crate::args::Format;
use crate::confidential;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Holds the secret of the second access key in scripts.
const SECRET_VARIABLE: &str = "SEAWAY_LOCAL_SECRET_ACCESS_KEY";
/// A shorter secret is no secret.
const SHORT: usize = 16;

/// What is opened or closed at a start.
#[derive(Debug, Args)]
pub(super) struct Opening {
    /// Accept this access key, too: its secret is in SEAWAY_LOCAL_SECRET_ACCESS_KEY, or comes from a
    /// prompt or standard input (kept for later starts)
    #[arg(long, value_name = "ID")]
    access_key_id: Option<AccessKeyId>,
    /// Make a token that empties the platform over HTTP, and print it once (kept for later starts)
    #[arg(long)]
    reset_token: bool,
    /// Take the second key and the token back
    #[arg(long, conflicts_with_all = ["access_key_id", "reset_token"])]
    closed: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Opened {
    /// Whether the platform has to be started anew.
    pub(super) changed: Changed,
    /// The new token, which nothing tells again.
    pub(super) reset_token: Option<Redacted>,
}

impl Opening {
    /// Opens or closes the platform of `state` for its next start.
    pub(super) async fn apply(self, state: &StateDir, output: Output) -> Result<Opened, Failure> {
        if !self.changes() {
            return Ok(Opened {
                changed: Changed::Nothing,
                reset_token: None,
            });
        }
        let second_key = match self.access_key_id {
            Some(id) => Some(key_pair(id, output).await?),
            None => None,
        };
        let (token, kept) = self.reset_token.then(ResetToken::generate).unzip();
        let changed = change_access(state, |access| {
            if self.closed {
                *access = Access::default();
            }
            access.second_key = second_key.or(access.second_key.take());
            access.reset_token = kept.or(access.reset_token.take());
        });
        let changed = changed.await.map_err(|error| {
            let hint = "`seaway local start --help` tells how others are let in";
            Failure::prerequisite(error, hint)
        })?;
        Ok(Opened {
            changed,
            reset_token: token,
        })
    }

    fn changes(&self) -> bool {
        self.access_key_id.is_some() || self.reset_token || self.closed
    }
}

async fn key_pair(id: AccessKeyId, output: Output) -> Result<KeyPair, Failure> {
    let hint = format!("{SECRET_VARIABLE}=... seaway local start --access-key-id {id}");
    let secret = match std::env::var(SECRET_VARIABLE) {
        Ok(secret) if !secret.is_empty() => secret,
        Err(std::env::VarError::NotUnicode(_)) => {
            let text = format!("{SECRET_VARIABLE} is no text");
            return Err(Failure::new(Exit::Usage, text, &[&hint]));
        }
        _ => confidential::read(&format!("Secret access key of {id}: "), &hint).await?,
    };
    if secret.len() < SHORT && output.format == Format::Text {
        output.message(&format!(
            "note: a secret of fewer than {SHORT} characters can be guessed by others on this machine\n"
        ));
    }
    Ok(KeyPair {
        id,
        secret: Redacted::new(secret),
    })
}
