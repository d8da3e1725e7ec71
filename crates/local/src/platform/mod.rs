//! ECS at work: services and tasks, and everything that makes them real.
//!
//! ```text
//! handlers ──change──▶ Book (schedulers, records) ──commit──▶ Effects ──driver──▶ runner, balancing
//!                        ▲                                                          │
//!                        └────────────── reports, target health, time ◀─────────────┘
//! ```
//!
//! Handlers and the driver change the [`Book`] under one lock; everything that changed is in the
//! store before any effect is carried out, so a platform that is killed at any moment goes on
//! where it was.

mod book;
pub(crate) mod capacity;
pub mod definitions;
mod driver;
mod effects;
mod engines;
mod fixing;
mod gateway;
pub(crate) mod housekeeping;
mod ignored;
mod image_root;
mod keeper;
mod launch;
mod leftovers;
mod load;
mod logs;
mod not_started;
mod pending;
mod ports;
mod pull;
pub mod records;
mod runner;
mod settings;
pub(crate) mod size;
mod spec;
pub(crate) mod task_tags;
mod volumes;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use seaway_runtime::client::{ClientError, Supervisor, SupervisorLaunch};
use seaway_runtime::containers::Engine;
use seaway_runtime::host::{Host, HostError};
use seaway_runtime::memory::MemoryReport;
use seaway_runtime::unpack::Unpacker;
use seaway_scheduler::Millis;
use thiserror::Error;
use tokio::sync::watch;

use crate::balancing::Balancing;
use crate::clock::EpochMillis;
use crate::faults::Faults;
use crate::layout::StateDir;
use crate::registry::Registry;
use crate::server::control::TaskFate;
use crate::services::task_secrets::TaskSecrets;
use crate::store::{Store, StoreError};

use crate::profile::ProfileName;
use crate::runtimes::RuntimeName;
pub use book::Book;
use driver::{Driver, Inbox, Message};
use engines::Before;
pub use engines::Engines;
use fixing::Fixing;
pub use gateway::Endpoint;
use gateway::Gateway;
use ignored::Ignored;
use keeper::Keeper;
use launch::Launcher;
pub use load::{Reservation, RunningTask, ServiceLoad};
use logs::Shipper;
pub(crate) use pending::revision_key;
use pull::Puller;
use runner::Runner;

/// The hidden sub-command of the binary that runs [`seaway_runtime::supervisor::run`]; its directory
/// follows.
pub const SUPERVISOR_COMMAND: &str = "__supervisor";

/// How long the running tasks may take to be adopted. The supervisor tells all it knows in
/// milliseconds; the start of a platform that hangs here would be waited for in vain.
const ADOPTION: Duration = Duration::from_secs(20);

/// How long tasks may take to stop when the whole platform stops, beyond their own time-outs.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// The parts that tasks are made with.
#[derive(Debug, Clone)]
pub struct Parts {
    pub store: Arc<Store>,
    pub registry: Arc<Registry>,
    pub secrets: TaskSecrets,
    pub balancing: Arc<Balancing>,
    pub faults: Arc<Faults>,
}

/// How the platform works.
#[derive(Debug, Clone)]
pub struct Settings {
    pub profile: ProfileName,
    pub launch: SupervisorLaunch,
    pub engines: Engines,
    pub endpoint: Endpoint,
}

/// ECS at work.
#[derive(Debug)]
pub struct Platform {
    parts: Parts,
    profile: ProfileName,
    book: Arc<Mutex<Book>>,
    inbox: Inbox,
    host: watch::Receiver<Option<Host>>,
    engines: Engines,
    shipper: Arc<Shipper>,
    supervisor_directory: PathBuf,
    task_logs: PathBuf,
    memory: MemoryReport,
    threads: Mutex<Option<JoinHandle<()>>>,
    tasks: Vec<tokio::task::AbortHandle>,
}

/// Why the platform cannot begin to work.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the services on record cannot be read")]
    Load(#[from] StoreError),
    #[error("the supervisor of the tasks cannot be started")]
    Supervisor(#[from] ClientError),
    #[error(
        "the supervisor of the tasks (process {process}) did not tell within {} s which tasks run; \
         `kill -9 {process}` ends it and them, and the next start makes them again",
        waited.as_secs()
    )]
    NotAdopted { process: u32, waited: Duration },
    #[error("no thread can be started")]
    Thread(#[from] std::io::Error),
}

impl From<logs::StartError> for StartError {
    fn from(error: logs::StartError) -> Self {
        match error {
            logs::StartError::Store(error) => Self::Load(error),
            logs::StartError::Thread(error) => Self::Thread(error),
        }
    }
}

impl Platform {
    /// Takes up the work where an earlier platform left it.
    pub async fn start(
        state: &StateDir,
        parts: Parts,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        let Settings {
            profile,
            launch,
            engines,
            endpoint,
        } = settings;
        let seed = u64::from(std::process::id()).wrapping_mul(7919);
        let mut book = Book::load(Arc::clone(&parts.store), seed)?;
        book.set_profile(profile);
        let book = Arc::new(Mutex::new(book));
        let (sender, receiver) = std::sync::mpsc::channel();
        let inbox = Inbox::new(sender, Arc::clone(&book));
        let first = Supervisor::connect_or_start(&launch).await?;
        let (memory, process) = (first.memory().clone(), first.pid());
        if engines.runtime() == RuntimeName::Processes
            && let Err(error) = engines.sweep(STOP_GRACE).await
        {
            tracing::warn!(%error, "containers of an earlier time may be left");
        }
        let first = Host::new(first, engines.find(Before::None).await);
        let (connected, host) = watch::channel(None);
        let Parts {
            store,
            registry,
            secrets,
            balancing,
            faults,
        } = parts.clone();
        let launcher = Launcher {
            store: Arc::clone(&store),
            secrets,
            balancing: Arc::clone(&balancing),
            faults: Arc::clone(&faults),
            puller: Puller {
                registry,
                unpacker: Unpacker::new(state.images()),
                engines: engines.clone(),
            },
            fixing: Fixing::default(),
            ignored: Ignored::default(),
            host: host.clone(),
            gateway: Gateway::new(endpoint),
            volumes: state.volumes(),
            task_logs: state.task_logs(),
        };
        leftovers::sweep_images(&launcher.puller.unpacker, &store, &driver::lock(&book));
        for (task, owner) in driver::lock(&book).tasks_of_services() {
            faults.follow(task, &owner.cluster, &owner.name);
        }
        if let Some(engine) = first.engine() {
            leftovers::sweep_engine(engine, &engines.repository(), &store).await;
        }
        let alive = driver::lock(&book)
            .live_tasks()
            .map(|(task, _)| task.id.clone())
            .collect();
        let shipper = Shipper::start(store, &alive)?;
        let runner = Runner::new(
            Arc::new(launcher),
            host.clone(),
            inbox.clone(),
            Arc::clone(&shipper),
        );
        let supervisor_directory = launch.directory.clone();
        let keeper = Keeper {
            state: state.clone(),
            launch,
            engines: engines.clone(),
            connected,
            runner: Arc::clone(&runner),
            inbox: inbox.clone(),
        };
        let health = forward_health(Arc::clone(&balancing), inbox.clone());
        let tasks = vec![
            tokio::spawn(keeper.keep(first)).abort_handle(),
            tokio::spawn(health).abort_handle(),
        ];
        let driver = Driver {
            book: Arc::clone(&book),
            runner,
            balancing,
            receiver,
        };
        let thread = std::thread::Builder::new()
            .name("driver".into())
            .spawn(|| driver.run())?;
        let platform = Self {
            parts,
            profile,
            book,
            inbox,
            host,
            engines,
            shipper,
            supervisor_directory,
            task_logs: state.task_logs(),
            memory,
            threads: Mutex::new(Some(thread)),
            tasks,
        };
        // By then every task that lives is adopted: what is outstanding is really to be done.
        if let Err(NotConnected) = connected_within(platform.host.clone(), ADOPTION).await {
            platform.end(TaskFate::Keep).await;
            return Err(StartError::NotAdopted {
                process,
                waited: ADOPTION,
            });
        }
        platform.inbox.send(Message::Restore);
        Ok(Arc::new(platform))
    }

    /// The waiting times of this platform.
    pub fn profile(&self) -> ProfileName {
        self.profile
    }

    /// What tasks are made with.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// How memory limits are held.
    pub fn memory(&self) -> &MemoryReport {
        &self.memory
    }

    /// The supervisor's process; none while it is started anew.
    pub fn supervisor_pid(&self) -> Option<u32> {
        let host = self.host.borrow();
        host.as_ref().map(|host| host.supervisor().pid())
    }

    /// How tasks run.
    pub fn runtime(&self) -> RuntimeName {
        self.engines.runtime()
    }

    /// The container engine in use, where there is one.
    pub fn engine(&self) -> Option<Engine> {
        let host = self.host.borrow();
        host.as_ref().and_then(|host| host.engine().cloned())
    }

    /// Active services, and tasks that are not `STOPPED`.
    pub fn counts(&self) -> (usize, usize) {
        let book = self.book();
        (
            book.services().filter(is_active).count(),
            book.live_tasks().count(),
        )
    }

    /// Whether there is an active service of which `is_meant` holds.
    pub(crate) fn has_service(&self, is_meant: impl Fn(&records::ServiceKey) -> bool) -> bool {
        let book = self.book();
        let mut active = book.services().filter(is_active);
        active.any(|service| is_meant(&service.key))
    }

    /// Reads the book.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        driver::lock(&self.book)
    }

    /// Changes the book in one turn. What follows is on record when this returns, and done soon
    /// after.
    pub(crate) fn change<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut book = self.book();
        let changed = change(&mut book).and_then(|answer| Ok((answer, book.commit()?)));
        // Sent before the lock is given back: effects of a later turn come later. After a failure
        // there are none, but the driver looks whether something is left to be written.
        match changed {
            Ok((answer, effects)) => {
                self.inbox.send(Message::Effects(effects));
                Ok(answer)
            }
            Err(error) => {
                self.inbox.send(Message::Effects(vec![]));
                Err(error)
            }
        }
    }

    /// Tells the deployments which alarms are in `ALARM` now; to be repeated whenever that changes.
    ///
    /// # Errors
    /// When what follows from it cannot be written.
    pub fn tell_alarms(&self, now: EpochMillis, in_alarm: &[String]) -> Result<(), StoreError> {
        self.change(|book| {
            book.tell_alarms(Millis(now.0), in_alarm);
            Ok(())
        })
    }

    /// Ends the work. Tasks stop with it, or run on for the next platform.
    pub async fn end(&self, fate: TaskFate) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
        self.inbox.send(Message::End);
        let thread = self
            .threads
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(|| thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the driver ended badly");
            }
        }
        if fate == TaskFate::Stop
            && let Err(error) = self.stop_host().await
        {
            tracing::error!(%error, "not every task was stopped");
        }
        let shipper = Arc::clone(&self.shipper);
        if tokio::task::spawn_blocking(move || shipper.end())
            .await
            .is_err()
        {
            tracing::error!("the last lines of tasks are shipped at the next start");
        }
    }

    /// Ends the supervisor, also one that was started and not connected to yet, and every
    /// container. From here on no task can be started, so a launch that is under way comes too
    /// late.
    async fn stop_host(&self) -> Result<(), HostError> {
        let connected = self.host.borrow().clone();
        let host = match connected {
            Some(host) => host,
            None => match Supervisor::connect(&self.supervisor_directory).await {
                Err(ClientError::NotRunning { .. }) => return Ok(()),
                found => Host::new(found?, self.engines.find(Before::None).await),
            },
        };
        host.shut_down(STOP_GRACE).await
    }

    /// Brings CloudWatch Logs up to date with what tasks have written, as far as a short wait
    /// allows. Blocks.
    pub fn refresh_logs(&self) {
        self.shipper.refresh();
    }
}

/// There is no connection to the supervisor.
#[derive(Debug, PartialEq, Eq)]
struct NotConnected;

/// Waits for the connection to the supervisor.
async fn connected_within(
    mut connection: watch::Receiver<Option<Host>>,
    limit: Duration,
) -> Result<(), NotConnected> {
    match tokio::time::timeout(limit, connection.wait_for(Option::is_some)).await {
        Ok(Ok(_connected)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(NotConnected),
    }
}

fn is_active(service: &&records::ServiceRecord) -> bool {
    service.scheduler.status() == seaway_scheduler::ServiceStatus::Active
}

/// Tells the schedulers what the load balancer thinks of their tasks.
async fn forward_health(balancing: Arc<Balancing>, inbox: Inbox) {
    use seaway_scheduler::{TargetGroupArn, TaskId};
    let mut events = balancing.health_events();
    while let Some(event) = events.recv().await {
        inbox.health(
            TaskId::new(event.task),
            TargetGroupArn::new(event.target_group),
            event.health,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_start_does_not_wait_forever_for_the_supervisor() {
        let (keeper, connection) = watch::channel(None);
        let waited = connected_within(connection.clone(), ADOPTION).await;
        assert_eq!(waited, Err(NotConnected));
        drop(keeper);
        let waited = connected_within(connection, ADOPTION).await;
        assert_eq!(waited, Err(NotConnected), "nobody is left to connect");
    }
}
