//! The composition root: which manifest, which environment, and the ports of its platform.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seaway_core::environment::{EcsTarget, Environment, Platform};
use seaway_core::release::{Origin, Release, Snapshot};
use seaway_ecs::{
    Ecs, EcsRenderer, EnvironmentIdentity, LocalInfrastructure, LocalTarget, ProcessEnvironment,
    Target, no_foreign_endpoint,
};
use seaway_engine::{Ports, Session};
use seaway_image::{Bundler, ImageStore, RegistryClient, RegistryCredentials};
use seaway_ledger::DirectoryLedger;
use seaway_local::launch::{self, Connection, LaunchError, LaunchOptions};
use seaway_local::layout::StateDir;
use seaway_manifest::Manifest;
use seaway_ports::{Ledger as _, SecretValue, Secrets};

use crate::args::Global;
use crate::failure::{Exit, Failure, unconnected};
use crate::follow::Following;
use crate::hidden;
use crate::system_clock::SystemClock;

/// Releases that are looked through for one that ended, or for the next step.
const LOOKED_THROUGH: usize = 20;

/// A manifest and one of its environments.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) manifest: Manifest,
    pub(crate) environment: Arc<Environment>,
    pub(crate) state: StateDir,
}

/// The ports of an environment's platform.
pub(crate) struct Connected {
    pub(crate) ports: Ports,
    pub(crate) secrets: Arc<dyn Secrets>,
}

impl Context {
    /// Reads the manifest and resolves the environment. The sources may be missing: most commands
    /// go by the record and build nothing.
    pub(crate) fn load(global: &Global, environment: &str) -> Result<Self, Failure> {
        Self::of(seaway_manifest::load_text(&global.manifest)?, environment)
    }

    /// The same for a command that builds: the paths in the manifest must lead somewhere.
    pub(crate) fn with_sources(manifest: &Path, environment: &str) -> Result<Self, Failure> {
        Self::of(seaway_manifest::load(manifest)?, environment)
    }

    fn of(manifest: Manifest, environment: &str) -> Result<Self, Failure> {
        let environment = Arc::new(manifest.resolve(environment)?);
        let state = state_dir(manifest.directory())?;
        Ok(Self {
            manifest,
            environment,
            state,
        })
    }

    /// The directory the manifest is in.
    pub(crate) fn directory(&self) -> &Path {
        self.manifest.directory()
    }

    /// Refuses an environment that this version cannot reach.
    fn guard(&self) -> Result<(), Failure> {
        match &self.environment.platform {
            Platform::Local => Ok(()),
            Platform::Ecs(target) => {
                guard_aws(target)?;
                Err(Failure::new(
                    Exit::Prerequisite,
                    format!("{} runs on Amazon ECS", self.environment.name),
                    &[
                        "this version deploys to environments with platform = \"local\"; \
                       `seaway check` and `seaway schema` work for all",
                    ],
                ))
            }
        }
    }

    /// The record of the environment's releases, if there is one: looking makes no directory.
    pub(crate) fn record(&self) -> Result<Option<DirectoryLedger>, Failure> {
        if self.ledger_root().exists() {
            self.ledger().map(Some)
        } else {
            Ok(None)
        }
    }

    /// The newest releases first, at most `limit`.
    pub(crate) async fn releases(&self, limit: usize) -> Result<Vec<Release>, Failure> {
        match self.record()? {
            Some(ledger) => Ok(ledger.list(&self.environment.name, limit).await?),
            None => Ok(vec![]),
        }
    }

    /// The newest of them, as many as are looked through for one that ended.
    pub(crate) async fn newest_releases(&self) -> Result<Vec<Release>, Failure> {
        self.releases(LOOKED_THROUGH).await
    }

    /// What runs by the record.
    pub(crate) async fn recorded(&self) -> Result<Option<Snapshot>, Failure> {
        let releases = self.newest_releases().await?;
        Ok(releases.iter().find_map(Release::after).cloned())
    }

    fn ledger_root(&self) -> PathBuf {
        self.state.root().join("ledger")
    }

    fn ledger(&self) -> Result<DirectoryLedger, Failure> {
        let clock = Arc::new(SystemClock);
        DirectoryLedger::open(self.ledger_root(), clock).map_err(|error| {
            Failure::prerequisite(
                error,
                "the state directory must be writable; SEAWAY_STATE_DIR moves it",
            )
        })
    }

    /// Connects to the environment's platform, which is started where it does not run.
    pub(crate) async fn connect(&self) -> Result<Connected, Failure> {
        self.guard()?;
        self.connected(ensure_platform(&self.state).await?).await
    }

    /// Connects to the environment's platform, if it runs: looking at things starts nothing.
    pub(crate) async fn find(&self) -> Result<Option<Connected>, Failure> {
        self.guard()?;
        match running_platform(&self.state).await? {
            Some(connection) => self.connected(connection).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for a command that has nothing to say about a stopped platform.
    pub(crate) async fn reach(&self) -> Result<Connected, Failure> {
        self.find().await?.ok_or_else(not_running)
    }

    /// What everything of the environment is named after.
    pub(crate) fn identity(&self) -> EnvironmentIdentity {
        EnvironmentIdentity {
            project: self.environment.project.clone(),
            environment: self.environment.name.clone(),
        }
    }

    async fn connected(&self, connection: Connection) -> Result<Connected, Failure> {
        let target = LocalTarget {
            endpoint: connection.endpoint.clone(),
            access_key_id: connection.access_key_id.clone(),
            secret_access_key: SecretValue::new(connection.secret_access_key.expose().to_owned()),
            region: connection.region.to_owned(),
            account: connection.account.to_owned(),
        };
        let identity = self.identity();
        let infrastructure = LocalInfrastructure::connect(&target, &identity)
            .await
            .map_err(unconnected)?;
        let ecs = Ecs::connect(&Target::Local(target), &identity)
            .await
            .map_err(unconnected)?;
        let ecs = Arc::new(ecs);
        let ledger = Arc::new(self.ledger()?);
        let ports = Ports {
            rollouts: ecs.clone(),
            jobs: ecs.clone(),
            logs: ecs.clone(),
            infrastructure: Arc::new(infrastructure),
            renderer: Arc::new(EcsRenderer),
            builder: Arc::new(self.builder()?),
            registry: Arc::new(self.registry(&connection)?),
            ledger: ledger.clone(),
            locks: ledger,
            clock: Arc::new(SystemClock),
        };
        Ok(Connected {
            ports,
            secrets: ecs,
        })
    }

    fn builder(&self) -> Result<Bundler, Failure> {
        Bundler::new(self.directory(), self.images()?).map_err(|error| {
            Failure::prerequisite(error, "the manifest's directory must be readable")
        })
    }

    fn registry(&self, connection: &Connection) -> Result<RegistryClient, Failure> {
        let credentials = RegistryCredentials {
            access_key_id: connection.access_key_id.clone(),
            secret_access_key: SecretValue::new(connection.secret_access_key.expose().to_owned()),
        };
        RegistryClient::new(&connection.endpoint, &credentials, self.images()?).map_err(|error| {
            Failure::prerequisite(
                error,
                "`seaway local stop` and `seaway local start` start the platform anew",
            )
        })
    }

    /// Images that were built here, whether or not they were pushed.
    fn images(&self) -> Result<ImageStore, Failure> {
        ImageStore::open(self.state.root().join("builds")).map_err(|error| {
            Failure::prerequisite(
                error,
                "the state directory must be writable; SEAWAY_STATE_DIR moves it",
            )
        })
    }

    /// One command's session.
    pub(crate) fn session(&self, ports: Ports, following: &Following, origin: Origin) -> Session {
        Session {
            environment: Arc::clone(&self.environment),
            ports,
            events: following.events.clone(),
            interrupt: following.interrupt.clone(),
            origin,
            pid: std::process::id(),
        }
    }
}

/// The state directory of the manifest in `directory`.
pub(crate) fn state_dir(directory: &Path) -> Result<StateDir, Failure> {
    // The background processes live in another working directory.
    let directory = std::path::absolute(directory).map_err(|error| {
        let hint = "change to a directory that exists, or name the manifest with an absolute path";
        Failure::prerequisite(error, hint)
    })?;
    StateDir::from_environment(&directory, |name| std::env::var_os(name))
        .map_err(|error| Failure::prerequisite(error, "set HOME or XDG_DATA_HOME"))
}

/// Refuses variables of this process that would send AWS calls elsewhere than the manifest says.
fn guard_aws(target: &EcsTarget) -> Result<(), Failure> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let process = ProcessEnvironment::from_variables(std::env::vars_os().filter_map(text));
    no_foreign_endpoint(&process, target.endpoint_url.as_deref()).map_err(|error| {
        let hint = "unset it, or name it as `endpoint_url` of the environment";
        Failure::new(Exit::Refused, error.to_string(), &[hint])
    })
}

/// The embedded platform of a state directory, started where it does not run.
pub(crate) async fn ensure_platform(state: &StateDir) -> Result<Connection, Failure> {
    launched(launch::ensure_running(state, &launch_options()?).await)
}

/// The embedded platform of a state directory, if it runs.
pub(crate) async fn running_platform(state: &StateDir) -> Result<Option<Connection>, Failure> {
    let found = launch::find_running(state).await;
    found.map_err(|error| {
        let hint = "`seaway local stop` ends a platform that does not answer; \
                    `seaway local start` starts it again";
        Failure::prerequisite(error, hint)
    })
}

/// What a command says that needs a running platform and may not start one.
pub(crate) fn not_running() -> Failure {
    let hint = "`seaway local start` starts it";
    Failure::new(Exit::Prerequisite, "the platform does not run", &[hint])
}

/// The embedded platform started anew, with its tasks kept.
pub(crate) async fn restart_platform(state: &StateDir) -> Result<Connection, Failure> {
    launched(launch::restart(state, &launch_options()?).await)
}

fn launch_options() -> Result<LaunchOptions, Failure> {
    Ok(LaunchOptions {
        exe: own_binary()?,
        args: vec![OsString::from(hidden::PLATFORM)],
    })
}

fn launched(result: Result<Connection, LaunchError>) -> Result<Connection, Failure> {
    result.map_err(|error| Failure::prerequisite(error, "`seaway local status` tells what runs"))
}

fn own_binary() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::prerequisite(error, "/proc must be mounted: Seaway executes itself again")
    })
}

/// A runtime for one command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            let hint =
                "close other programs, or raise the limits on threads and files (`ulimit -a`)";
            Failure::prerequisite(error, hint)
        })
}
