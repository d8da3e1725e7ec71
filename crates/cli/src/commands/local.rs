//! `seaway local`.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use seaway_local::launch::{self, PlatformClient, Stopped};
use seaway_local::layout::StateDir;
use seaway_local::profile::ProfileName;
use serde::{Deserialize, Serialize};

use crate::args::{Format, Global};
use crate::context::{ensure_platform, restart_platform, state_dir};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Start, stop and look at the embedded platform of this project
#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Start the platform in the background
    Start(Start),
    /// Stop the platform and every task
    Stop,
    /// Tell what runs, where it listens and how memory limits are held
    Status,
    /// Print variables that point AWS tools at the platform: eval "$(seaway local env)"
    Env,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The platform's own waiting times: quick, or those of AWS (kept for later starts)
    #[arg(long)]
    profile: Option<Profile>,
}

/// The profiles, as the command line names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    Quick,
    Aws,
}

impl From<Profile> for ProfileName {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::Quick,
            Profile::Aws => Self::Aws,
        }
    }
}

/// A listener of the platform's load balancers, as its status tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) load_balancer: String,
    pub(crate) scheme: String,
    pub(crate) port: u16,
    pub(crate) url: String,
}

impl Address {
    /// Whether people are meant to reach it.
    pub(crate) fn is_public(&self) -> bool {
        self.scheme == "internet-facing"
    }
}

impl Local {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        // A manifest with mistakes is no reason to leave a platform running.
        let state = state_dir(&seaway_manifest::locate(&global.manifest)?)?;
        match self {
            Self::Start(start) => start.run(&state, output).await,
            Self::Stop => stop(&state, output).await,
            Self::Status => status(&state, output).await,
            Self::Env => env(&state, output).await,
        }
    }
}

/// Where the load balancers of a running platform listen.
pub(crate) async fn addresses(state: &StateDir) -> Result<Vec<Address>, Failure> {
    let Some(mut status) = running_status(state).await? else {
        return Ok(vec![]);
    };
    let listeners = status
        .get_mut("listeners")
        .map(serde_json::Value::take)
        .unwrap_or_default();
    serde_json::from_value(listeners).map_err(|error| Failure::prerequisite(error, &[]))
}

async fn running_status(state: &StateDir) -> Result<Option<serde_json::Value>, Failure> {
    let running = launch::find_running(state).await;
    let Some(connection) = running.map_err(|error| Failure::prerequisite(error, &[]))? else {
        return Ok(None);
    };
    let status = PlatformClient::new(connection).status().await;
    status
        .map(Some)
        .map_err(|error| Failure::prerequisite(error, &[]))
}

impl Start {
    async fn run(self, state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
        let failed = |error| Failure::prerequisite(error, &["choose it again with --profile"]);
        let before = ProfileName::of(state).map_err(failed);
        let connection = match self.profile.map(ProfileName::from) {
            Some(wanted) if before.as_ref().ok() != Some(&wanted) => {
                state
                    .create()
                    .map_err(|error| Failure::prerequisite(error, &[]))?;
                wanted.choose(state).map_err(failed)?;
                restart_platform(state).await?
            }
            _ => {
                before?;
                ensure_platform(state).await?
            }
        };
        let endpoint = connection.endpoint;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "endpoint": endpoint })),
            Format::Text => output.data(&format!("The platform answers at {endpoint}\n")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn stop(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let stopped = launch::stop(state)
        .await
        .map_err(|error| Failure::prerequisite(error, &[]))?;
    output.message(match stopped {
        Stopped::Ended => "The platform and its tasks have stopped.\n",
        Stopped::Killed => "The platform did not answer and was killed; its tasks have stopped.\n",
        Stopped::NoneRan => "No platform ran.\n",
    });
    Ok(ExitCode::SUCCESS)
}

async fn status(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let status = running_status(state).await?;
    match (status, output.format) {
        (status, Format::Json) => {
            output.json(&status.unwrap_or_else(|| serde_json::json!({ "running": false })));
        }
        (None, Format::Text) => {
            output.data("No platform runs.\nhint: `seaway local start` starts it, `seaway up` also deploys\n");
        }
        (Some(status), Format::Text) => output.data(&described(&status)),
    }
    Ok(ExitCode::SUCCESS)
}

fn described(status: &serde_json::Value) -> String {
    let text = |name: &str| status.get(name).map(shown).unwrap_or_default();
    let mut lines = vec![
        format!("version      {}", text("version")),
        format!("endpoint     {}", text("endpoint")),
        format!(
            "platform     pid {}, profile {}",
            text("pid"),
            text("profile")
        ),
        format!("supervisor   pid {}", text("supervisor_pid")),
        format!("memory       {}", text("memory")),
        format!("services     {}, {} tasks", text("services"), text("tasks")),
        format!("state        {}", text("state")),
    ];
    for listener in status
        .get("listeners")
        .and_then(|l| l.as_array())
        .into_iter()
        .flatten()
    {
        let of = |name: &str| listener.get(name).map(shown).unwrap_or_default();
        lines.push(format!(
            "listener     {}  {} ({}, port {})",
            of("url"),
            of("load_balancer"),
            of("scheme"),
            of("port"),
        ));
    }
    lines.push("isolation    none: tasks run as your user and see your files".to_owned());
    lines.push(String::new());
    lines.join("\n")
}

fn shown(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Shell assignments; the secret key is the reader's own.
async fn env(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let running = launch::find_running(state).await;
    let connection = running.map_err(|error| Failure::prerequisite(error, &[]))?;
    let Some(connection) = connection else {
        return Err(Failure::new(
            Exit::Prerequisite,
            "no platform runs",
            &["`seaway local start` starts it"],
        ));
    };
    let variables = [
        ("AWS_ENDPOINT_URL", connection.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", connection.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            connection.secret_access_key.expose().to_owned(),
        ),
        ("AWS_REGION", connection.region.to_owned()),
        ("AWS_DEFAULT_REGION", connection.region.to_owned()),
        ("NO_PROXY", no_proxy("NO_PROXY")),
        ("no_proxy", no_proxy("no_proxy")),
    ];
    match output.format {
        Format::Json => {
            let map: std::collections::BTreeMap<&str, &String> = variables
                .iter()
                .map(|(name, value)| (*name, value))
                .collect();
            output.json(&map);
        }
        Format::Text => {
            for (name, value) in &variables {
                output.data(&format!(
                    "export {name}='{}'\n",
                    value.replace('\'', r"'\''")
                ));
            }
            output.data("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was there already, and this machine.
fn no_proxy(name: &str) -> String {
    const OWN: &str = "127.0.0.1,localhost";
    match std::env::var(name) {
        Ok(before) if !before.is_empty() && !before.contains(OWN) => format!("{before},{OWN}"),
        Ok(before) if before.contains(OWN) => before,
        _ => OWN.to_owned(),
    }
}
