//! The background process: puts the parts of the platform together, answers
//! until it is told to end, and ends in order.

mod ending;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use seaway_aws_wire::Service;
use seaway_router::Disturbances;
use seaway_runtime::client::SupervisorLaunch;
use seaway_runtime::containers::NamespaceError;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use ending::{Ending, Reasons};

use crate::access::Access;
use crate::authority::{Authority, AuthorityError};
use crate::balancing::{Balancing, BalancingError, BalancingOptions};
use crate::clock::EpochMillis;
use crate::faults::Faults;
use crate::files;
use crate::identity::VERSION;
use crate::keys::{KeysError, PlatformKeys};
use crate::launch::{Claim, ClaimError, ProcessIdentity, ProcessRecord, build_of};
use crate::layout::StateDir;
use crate::monitoring::Monitoring;
use crate::platform::{
    Endpoint, Engines, Parts, Platform, SUPERVISOR_COMMAND, Settings, StartError,
};
use crate::profile::{ProfileError, ProfileName};
use crate::registry::{BlobError, BlobFiles, Registry};
use crate::runtimes::{RuntimeError, RuntimeName};
use crate::server::control::{Control, Shutdown, TaskFate};
use crate::server::reset::Resets;
use crate::server::{AccessKeys, ContainerSide, Door, ListenError, Listener, Routes};
use crate::services::cloudwatch::CloudWatch;
use crate::services::ecr::Ecr;
use crate::services::ecs::Ecs;
use crate::services::elbv2::Elbv2;
use crate::services::logs::{Logs, LogsApi};
use crate::services::secretsmanager::SecretsManager;
use crate::services::ssm::Parameters;
use crate::services::sts::Sts;
use crate::services::task_secrets::TaskSecrets;
use crate::services::{Blocking, Services};
use crate::standing::Standing;
use crate::store::{Store, StoreError};

/// How often expired log events, metrics, stopped tasks and deleted secrets are removed.
const HOUSEKEEPING: Duration = Duration::from_secs(15 * 60);
/// How often images and blobs are looked through.
const IMAGE_KEEPING: Duration = Duration::from_secs(60 * 60);
/// When for the first time: a platform that has just started has more urgent work, and a push that
/// its end has interrupted goes on first.
const FIRST_IMAGE_KEEPING: Duration = Duration::from_secs(10 * 60);
/// Threads that answer requests, and at most as many that wait for the disk.
const WORKERS: usize = 2;
/// How long requests may finish when the load balancer ends.
const DRAIN: Duration = Duration::from_secs(2);
const BLOCKING_THREADS: usize = 16;
/// How long what is under way may take until the platform is emptied.
const LAST_WORK: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The platform cannot start or run.
#[derive(Debug, Error)]
pub enum DaemonError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Balancing(#[from] BalancingError),
    #[error(transparent)]
    Platform(#[from] StartError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("the platform's name cannot be that of containers")]
    Namespace(#[from] NamespaceError),
    #[error("the operating system refused {what}")]
    System {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Runs the platform of `state` until it is told to end.
pub fn run(state: &StateDir) -> Result<(), DaemonError> {
    let keys = PlatformKeys::load_or_create(state)?;
    let claim = Claim::take(state)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("platform")
        .enable_all()
        .build()
        .map_err(refused("threads"))?;
    runtime.block_on(live(state, &keys))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(claim);
    Ok(())
}

async fn live(state: &StateDir, keys: &PlatformKeys) -> Result<(), DaemonError> {
    let identity = state
        .identity()
        .map_err(refused("a look at the state directory"))?;
    let access = Access::of(state, keys)?;
    let store = Arc::new(Store::open(&state.store(), &keys.store_key)?);
    let listener = Listener::bind(state).await?;
    let (resets, asked) = Resets::new(AccessKeys::of(keys), access.reset_token.clone());
    let ground = Ground {
        state,
        keys,
        access,
        store,
        port: listener.port(),
        containers: ContainerSide::default(),
    };
    let mut reasons = Reasons::new(asked).map_err(refused("a signal handler"))?;
    let (mut life, routes) = begin(&ground).await?;
    let door = Arc::new(Door::new(routes, resets, ground.containers.clone()));
    let end = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(Arc::clone(&door), end.clone()));
    announce(state, ground.port)?;
    let fate = loop {
        match reasons.next(state, identity, &mut life.shutdown).await {
            Ending::Fate(fate) => break fate,
            Ending::Reset(done) => {
                tracing::info!("the platform is emptied");
                let shut = door.shut().await;
                life.end(TaskFate::Stop).await;
                is_over(&ground.store).await;
                empty(&ground).await?;
                let (anew, routes) = begin(&ground).await?;
                life = anew;
                shut.open(routes);
                reasons.tell(done);
            }
        }
    };
    tracing::info!(?fate, "the platform ends");
    end.cancel();
    life.end(fate).await;
    drop(serving.await);
    Ok(())
}

/// What every life of the platform has: it ends with the process, a life ends with a reset.
struct Ground<'a> {
    state: &'a StateDir,
    keys: &'a PlatformKeys,
    access: Access,
    store: Arc<Store>,
    port: u16,
    /// Where containers find the port.
    containers: ContainerSide,
}

/// The platform at work, between its start and its end or a reset.
struct Life {
    platform: Arc<Platform>,
    balancing: Arc<Balancing>,
    /// What is done from time to time.
    keepers: Vec<JoinHandle<()>>,
    shutdown: Shutdown,
}

impl Life {
    async fn end(self, fate: TaskFate) {
        self.keepers.iter().for_each(JoinHandle::abort);
        self.platform.end(fate).await;
        self.balancing.shutdown(DRAIN).await;
    }
}

/// Waits until nobody of the last life can write to the store any more: whoever can, holds it.
async fn is_over(store: &Arc<Store>) {
    let over = async {
        while Arc::strong_count(store) > 1 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    if tokio::time::timeout(LAST_WORK, over).await.is_err() {
        tracing::warn!("something of the time before the reset still has the store");
    }
}

/// Removes everything that was ever asked of the platform: what is in the store, and with it the
/// images, whose files go when a life begins; data volumes stay.
async fn empty(ground: &Ground<'_>) -> Result<(), DaemonError> {
    let (store, state) = (Arc::clone(&ground.store), ground.state.clone());
    let emptied = tokio::task::spawn_blocking(move || {
        store.clear()?;
        let files = [state.task_logs(), state.access_log()];
        files
            .iter()
            .try_for_each(|path| files::remove_if_present(path))
            .map_err(refused("the removal of logs"))
    });
    emptied
        .await
        .unwrap_or_else(|error| Err(refused("a thread")(error.into())))
}

/// Puts the parts together, from what is in the store.
async fn begin(ground: &Ground<'_>) -> Result<(Life, Routes), DaemonError> {
    let Ground {
        state,
        keys,
        ref access,
        ref store,
        port,
        ref containers,
    } = *ground;
    let access_keys = AccessKeys::of(keys).with_second(access.second_key.clone());
    let registry = Arc::new(Registry::new(
        BlobFiles::prepare(state.registry())?,
        Arc::clone(store),
    ));
    let secrets = Arc::new(SecretsManager::new(Arc::clone(store)));
    let parameters = Arc::new(Parameters::new(Arc::clone(store), Arc::clone(&secrets)));
    let logs = Arc::new(Logs::new(Arc::clone(store)));
    let cloudwatch = Arc::new(CloudWatch::new(Arc::clone(store)));
    let profile = ProfileName::of(state)?;
    let faults = Arc::new(Faults::default());
    let authority =
        Authority::load_or_create(&keys.authority_key(state), &state.authority_certificate())?;
    let balancing = Balancing::start(
        Arc::clone(store),
        BalancingOptions {
            access_log: Some(state.access_log()),
            draining: profile.draining(),
            disturbances: Some(Arc::clone(&faults) as Arc<dyn Disturbances>),
            tls: authority.server_config()?,
        },
    )?;
    let parts = Parts {
        store: Arc::clone(store),
        registry: Arc::clone(&registry),
        secrets: TaskSecrets::new(Arc::clone(&secrets), Arc::clone(&parameters)),
        balancing: Arc::clone(&balancing),
        faults: Arc::clone(&faults),
    };
    let settings = Settings {
        profile,
        launch: supervisor_launch(state),
        engines: Engines::new(RuntimeName::of(state)?, &keys.id)?,
        endpoint: Endpoint {
            port,
            containers: containers.clone(),
        },
    };
    let platform = Platform::start(state, parts, settings).await?;
    let standing = Standing {
        state: state.root().to_owned(),
        port,
        access: access.clone(),
        platform: Arc::clone(&platform),
        balancing: Arc::clone(&balancing),
    };
    let known = Arc::clone(&platform);

    let (control, shutdown) = Control::new(
        keys.secret_access_key.clone(),
        build_of(Path::new("/proc/self/exe")).map_err(refused("a look at the binary"))?,
        Box::new(move || futures::future::ready(standing.status()).boxed()),
        Arc::clone(&faults),
        Box::new(move |injection| {
            known.has_service(|key| injection.is_about_service(&key.cluster, &key.name))
        }),
    );
    let writers = Arc::clone(&platform);
    let services = Services::default()
        .with_faults(faults)
        .with(Service::Sts, Blocking::new(Arc::new(Sts)))
        .with(Service::SecretsManager, Blocking::new(Arc::clone(&secrets)))
        .with(Service::Ssm, Blocking::new(parameters))
        .with(
            Service::Logs,
            LogsApi::new(Arc::clone(&logs), move || writers.refresh_logs()),
        )
        .with(Service::CloudWatch, Blocking::new(Arc::clone(&cloudwatch)))
        .with(
            Service::Elbv2,
            Blocking::new(Arc::new(Elbv2::new(Arc::clone(&balancing)))),
        )
        .with(
            Service::Ecr,
            Blocking::new(Arc::new(Ecr::new(
                registry.images().clone(),
                access_keys.token_secret(),
                port,
            ))),
        )
        .with(
            Service::Ecs,
            Blocking::new(Arc::new(Ecs::new(Arc::clone(&platform)))),
        );
    let routes = Routes {
        keys: access_keys,
        services,
        registry: Arc::clone(&registry),
        control,
    };
    let monitoring = Monitoring {
        platform: Arc::clone(&platform),
        balancing: Arc::clone(&balancing),
        cloudwatch: Arc::clone(&cloudwatch),
    };
    let watching = tokio::spawn(monitoring.run());
    let cleaning = tokio::spawn(keep_house(House {
        secrets,
        logs,
        cloudwatch,
        platform: Arc::clone(&platform),
    }));
    let collecting = tokio::spawn(keep_images(registry));
    let life = Life {
        platform,
        balancing,
        keepers: vec![cleaning, watching, collecting],
        shutdown,
    };
    Ok((life, routes))
}

/// Says in the state directory who answers where.
fn announce(state: &StateDir, port: u16) -> Result<(), DaemonError> {
    let process = ProcessIdentity::of(std::process::id())
        .and_then(|own| own.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(refused("a look at this process"))?;
    ProcessRecord {
        process,
        port,
        version: VERSION.to_owned(),
    }
    .write(state)
    .map_err(refused("a note in the state directory"))
}

/// This binary, executed again as the parent of the tasks. By way of `/proc`, so that it is the
/// very file that runs, even when a build has replaced the one of its name.
fn supervisor_launch(state: &StateDir) -> SupervisorLaunch {
    SupervisorLaunch {
        directory: state.supervisor(),
        executable: "/proc/self/exe".into(),
        arguments: vec![SUPERVISOR_COMMAND.into()],
    }
}

/// Where something has its time.
#[derive(Clone)]
struct House {
    secrets: Arc<SecretsManager>,
    logs: Arc<Logs>,
    cloudwatch: Arc<CloudWatch>,
    platform: Arc<Platform>,
}

/// Removes what has had its time.
async fn keep_house(house: House) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        let house = house.clone();
        let cleaned = tokio::task::spawn_blocking(move || {
            let now = EpochMillis::now();
            house
                .secrets
                .remove_expired(now)
                .and_then(|()| house.logs.remove_expired(now))
                .and_then(|()| house.cloudwatch.remove_expired(now))
                .and_then(|()| house.platform.remove_expired(now))
        });
        match cleaned.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "housekeeping failed"),
            Err(error) => tracing::error!(%error, "housekeeping ended"),
        }
    }
}

/// Removes images that have had their time, blobs that no image needs, and uploads left behind.
async fn keep_images(registry: Arc<Registry>) {
    let first = tokio::time::Instant::now() + FIRST_IMAGE_KEEPING;
    let mut ticks = tokio::time::interval_at(first, IMAGE_KEEPING);
    loop {
        ticks.tick().await;
        let registry = Arc::clone(&registry);
        let kept = tokio::task::spawn_blocking(move || {
            registry.drop_idle_uploads();
            let (images, now) = (registry.images(), EpochMillis::now());
            images.remove_expired(now)?;
            images.remove_unused(now)
        });
        match kept.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "images that nobody needs stay"),
            Err(error) => tracing::error!(%error, "the look for images that nobody needs ended"),
        }
    }
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> DaemonError {
    move |source| DaemonError::System { what, source }
}
