//! `seaway secrets`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use seaway_core::environment::SecretRef;
use seaway_core::name::ServiceName;
use seaway_ports::{Clock as _, SecretValue};
use seaway_report::SecretRow;
use serde_json::json;

use crate::args::{Format, Global};
use crate::confidential;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::follow::or_leave;
use crate::output::Output;
use crate::system_clock::SystemClock;

/// List, set, remove and check the secrets of an environment
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// List secrets, never their values
    List(Of),
    /// Give a secret its value, from a prompt or standard input
    Set(Set),
    /// Remove a secret
    Rm(Named),
    /// Check that every secret a service refers to has a value
    Check(Of),
}

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The environment
    environment: String,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The environment
    environment: String,
    /// The secret, as the manifest names it
    secret: String,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The environment
    environment: String,
    /// The secret, or one key of its JSON object (database#url)
    secret: String,
    /// Caught, so that it is refused without being repeated in an error
    #[arg(hide = true)]
    value: Vec<OsString>,
}

impl Secrets {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        match self {
            Self::List(of) => of.list(global, output).await,
            Self::Set(set) => set.run(global, output).await,
            Self::Rm(named) => named.remove(global, output).await,
            Self::Check(of) => of.check(global, output).await,
        }
    }
}

impl Of {
    async fn list(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let secrets = context.reach().await?.secrets.list().await?;
        match output.format {
            Format::Json => output.json(&json!({ "secrets": secrets })),
            Format::Text => {
                let row = |secret: seaway_ports::SecretStatus| SecretRow {
                    name: secret.name,
                    has_value: secret.has_value,
                    changed_at: secret.changed_at,
                };
                let rows: Vec<SecretRow> = secrets.into_iter().map(row).collect();
                let style = output.data_style();
                output.data(&seaway_report::secrets(&rows, SystemClock.now(), style));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn check(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let references: BTreeSet<(ServiceName, SecretRef)> = context
            .environment
            .services
            .iter()
            .flat_map(|(name, service)| {
                service
                    .secrets
                    .values()
                    .map(|secret| (name.clone(), secret.clone()))
            })
            .collect();
        let findings = context.reach().await?.secrets.check(&references).await?;
        match output.format {
            Format::Json => output.json(&json!({ "findings": findings })),
            Format::Text => {
                output.data(&seaway_report::findings(&findings, output.data_style()));
            }
        }
        let failed = findings.iter().any(seaway_core::finding::Finding::failed);
        Ok(if failed {
            Exit::Failed.into()
        } else {
            ExitCode::SUCCESS
        })
    }
}

impl Set {
    async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let secret = reference(&self.secret)?;
        if !self.value.is_empty() {
            let hint = from_stdin(&self.secret);
            return Err(Failure::new(
                Exit::Usage,
                "a value is never an argument: shells and process lists would keep it",
                &[&hint],
            ));
        }
        let question = format!("Value of {}: ", self.secret);
        let value = confidential::read(&question, &from_stdin(&self.secret)).await?;
        let value = SecretValue::new(value);
        or_leave(output, async {
            let secrets = context.connect().await?.secrets;
            Ok::<_, Failure>(secrets.set(&secret, &value).await?)
        })
        .await?;
        match output.format {
            Format::Json => output.json(&json!({ "set": self.secret })),
            Format::Text => {
                output.message(&format!("{} is set in {}\n", self.secret, self.environment));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn remove(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let secrets = context.connect().await?.secrets;
        let known = secrets.list().await?;
        if !known.iter().any(|secret| secret.name == self.secret) {
            let text = format!("{} has no secret {:?}", self.environment, self.secret);
            let hint = format!("`seaway secrets list {}` lists them", self.environment);
            return Err(Failure::new(Exit::Usage, text, &[&hint]));
        }
        secrets.remove(&self.secret).await?;
        match output.format {
            Format::Json => output.json(&json!({ "removed": self.secret })),
            Format::Text => output.message(&format!(
                "{} is removed from {}\n",
                self.secret, self.environment
            )),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `secret` or `secret#key`.
fn reference(given: &str) -> Result<SecretRef, Failure> {
    let (secret, key) = match given.split_once('#') {
        Some((secret, key)) => (secret, Some(key)),
        None => (given, None),
    };
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
    };
    if !plain(secret) || key == Some("") {
        return Err(Failure::new(
            Exit::Usage,
            format!("{given:?} names no secret"),
            &["write `name` or `name#key`; a name holds letters, digits and /_+=.@-"],
        ));
    }
    Ok(SecretRef {
        secret: secret.to_owned(),
        key: key.map(str::to_owned),
    })
}

/// How a script gives a value.
fn from_stdin(name: &str) -> String {
    format!("printf %s \"$VALUE\" | seaway secrets set ENVIRONMENT {name}")
}
