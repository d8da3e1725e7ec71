//! `seaway local`.

mod access;
mod env;
mod inject;
mod reset;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use seaway_local::launch::{self, Changed, PlatformClient, Stopped};
use seaway_local::layout::StateDir;
use seaway_local::profile::{ProfileError, ProfileName};
use seaway_local::redacted::Redacted;
use seaway_local::runtimes::{RuntimeError, RuntimeName};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::args::{Format, Global};
use crate::context::{ensure_platform, restart_platform, running_platform, state_dir};
use crate::failure::Failure;
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
    Inject(inject::Inject),
    Reset(reset::Reset),
}

/// What to do when the state directory cannot be used.
const WRITABLE: &str = "the state directory must be writable; SEAWAY_STATE_DIR moves it";

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The platform's own waiting times: quick, or those of AWS (kept for later starts)
    #[arg(long)]
    profile: Option<Profile>,

    /// How tasks run: bundles as processes and other images as containers (auto), or all of them
    /// one way (kept for later starts)
    #[arg(long)]
    runtime: Option<Runtime>,
    #[command(flatten)]
    opening: access::Opening,
}

/// The runtimes, as the command line names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Runtime {
    Auto,
    Processes,
    Containers,
}

impl From<Runtime> for RuntimeName {
    fn from(runtime: Runtime) -> Self {
        match runtime {
            Runtime::Auto => Self::Auto,
            Runtime::Processes => Self::Processes,
            Runtime::Containers => Self::Containers,
        }
    }
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

impl Local {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        // A manifest with mistakes is no reason to leave a platform running.
        let state = state_dir(&seaway_manifest::locate(&global.manifest)?)?;
        match self {
            Self::Start(start) => start.run(&state, output).await,
            Self::Stop => stop(&state, output).await,
            Self::Status => status(&state, output).await,
            Self::Env => env::run(&state, output).await,
            Self::Inject(inject) => inject.run(&state, output).await,
            Self::Reset(reset) => reset.run(&state, output).await,
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
    serde_json::from_value(listeners).map_err(|error| {
        let hint = "`seaway local start` replaces a platform of another version";
        Failure::prerequisite(error, hint)
    })
}

async fn running_status(state: &StateDir) -> Result<Option<serde_json::Value>, Failure> {
    let Some(connection) = running_platform(state).await? else {
        return Ok(None);
    };
    let status = PlatformClient::new(connection).status().await;
    status.map(Some).map_err(|error| {
        let hint = "`seaway local stop` ends a platform that does not answer as it should";
        Failure::prerequisite(error, hint)
    })
}

impl Start {
    async fn run(self, state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
        let chosen = self.choose(state)?;
        let opened = self.opening.apply(state, output).await?;
        let connection = match (chosen, opened.changed) {
            (Changed::Nothing, Changed::Nothing) => ensure_platform(state).await?,
            _ => restart_platform(state).await?,
        };
        let endpoint = connection.endpoint;
        let token = opened.reset_token.as_ref().map(Redacted::expose);
        match (output.format, token) {
            (Format::Json, None) => output.json(&json!({ "endpoint": endpoint })),
            (Format::Json, Some(token)) => {
                output.json(&json!({ "endpoint": endpoint, "reset_token": token }));
            }
            (Format::Text, token) => {
                output.data(&format!("The platform answers at {endpoint}\n"));
                if let Some(token) = token {
                    output.data(&format!("reset token, shown this once: {token}\n"));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Keeps what is to be different from now on.
    fn choose(&self, state: &StateDir) -> Result<Changed, Failure> {
        let wanted = self.profile.map(ProfileName::from);
        let profile = wanted.filter(|wanted| ProfileName::of(state).ok() != Some(*wanted));
        let wanted = self.runtime.map(RuntimeName::from);
        let runtime = wanted.filter(|wanted| RuntimeName::of(state).ok() != Some(*wanted));
        if profile.is_some() || runtime.is_some() {
            state
                .create()
                .map_err(|error| Failure::prerequisite(error, WRITABLE))?;
        }
        if let Some(profile) = profile {
            profile.choose(state).map_err(profile_failure)?;
        }
        if let Some(runtime) = runtime {
            runtime.choose(state).map_err(runtime_failure)?;
        }
        ProfileName::of(state).map_err(profile_failure)?;
        RuntimeName::of(state).map_err(runtime_failure)?;
        Ok(match (profile, runtime) {
            (None, None) => Changed::Nothing,
            _ => Changed::AtNextStart,
        })
    }
}

fn profile_failure(error: ProfileError) -> Failure {
    let hint = "choose it again with --profile, in a state directory that is writable";
    Failure::prerequisite(error, hint)
}

fn runtime_failure(error: RuntimeError) -> Failure {
    let hint = "choose it again with --runtime, in a state directory that is writable";
    Failure::prerequisite(error, hint)
}

async fn stop(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let stopped = launch::stop(state).await.map_err(|error| {
        let log = state.root().join("platform.log");
        let hint = format!("its own log may tell more: {}", log.display());
        Failure::prerequisite(error, &hint)
    })?;
    let (word, text) = match stopped {
        Stopped::Ended => ("ended", "The platform and its tasks have stopped.\n"),
        Stopped::Killed => (
            "killed",
            "The platform did not answer and was killed; its tasks have stopped.\n",
        ),
        Stopped::NoneRan => ("none_ran", "No platform ran.\n"),
    };
    match output.format {
        Format::Json => output.json(&json!({ "stopped": word })),
        Format::Text => output.message(text),
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let status = running_status(state).await?;
    match (status, output.format) {
        (status, Format::Json) => {
            output.json(&status.unwrap_or_else(|| json!({ "running": false })));
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
        format!("runtime      {}", runtime(status)),
        format!("memory       {}", text("memory")),
        format!("services     {}, {} tasks", text("services"), text("tasks")),
        format!("state        {}", text("state")),
    ];
    if status.get("access_key_id").is_some_and(|id| !id.is_null()) {
        let id = text("access_key_id");
        lines.push(format!("second key   {id} signs requests, too"));
    }
    if status.get("reset_by_token") == Some(&json!(true)) {
        lines.push("reset        on: whoever has the token can empty the platform".to_owned());
    }
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
    lines.push(
        "isolation    processes have none: they run as your user and see your files".to_owned(),
    );
    lines.push(String::new());
    lines.join("\n")
}

/// How tasks run, and what containers run in.
fn runtime(status: &serde_json::Value) -> String {
    let name = status.get("runtime").map(shown).unwrap_or_default();
    let engine = status.get("engine").filter(|engine| !engine.is_null());
    match engine {
        Some(engine) => {
            let of = |name: &str| engine.get(name).map(shown).unwrap_or_default();
            format!(
                "{name}, container engine {} at {}",
                of("version"),
                of("socket")
            )
        }
        None => format!("{name}, no container engine"),
    }
}

fn shown(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
