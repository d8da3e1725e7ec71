//! Carries effects out: starts and stops tasks, and tells what became of them.
//!
//! A launch is a task of the async runtime that resolves images and secrets and hands the finished
//! specification to the supervisor; a stop that comes before that cancels it. What happens to
//! processes arrives through [`super::supervisor`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seaway_runtime::client::Supervisor;
use seaway_runtime::event::{ContainerState, Event, EventKind, TaskStatus};
use seaway_runtime::task::StopSignal;
use seaway_scheduler::{Exit, TaskId, TaskReport};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::driver::{Expected, Inbox};
use super::effects::LaunchOrder;
use super::launch::{Launcher, Outcome};
use super::logs::Shipper;

/// A supervisor that went away is connected to again by [`super::supervisor`]; until then callers
/// ask again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The supervisor of the moment; none while there is no connection.
pub(super) type Connection = watch::Receiver<Option<Supervisor>>;

/// Runs tasks.
#[derive(Debug)]
pub(super) struct Runner {
    launcher: Arc<Launcher>,
    connection: Connection,
    inbox: Inbox,
    shipper: Arc<Shipper>,
    handle: Handle,
    tasks: Mutex<HashMap<TaskId, Running>>,
}

/// What is known of a task that was launched.
#[derive(Debug, Default)]
struct Running {
    /// The launch while it is under way.
    launch: Option<AbortHandle>,
    /// Names of its containers once it was handed to the supervisor.
    containers: BTreeSet<String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    signal: StopSignal,
    stopping: bool,
}

impl Running {
    fn has_ended(&self) -> bool {
        self.launch.is_none() && self.ended.len() == self.containers.len()
    }
}

impl Runner {
    pub(super) fn new(
        launcher: Arc<Launcher>,
        connection: Connection,
        inbox: Inbox,
        shipper: Arc<Shipper>,
    ) -> Arc<Self> {
        let (handle, tasks) = (Handle::current(), Mutex::default());
        Arc::new(Self {
            launcher,
            connection,
            inbox,
            shipper,
            handle,
            tasks,
        })
    }

    /// Starts a task, unless it is under way already.
    pub(super) fn launch(self: &Arc<Self>, order: LaunchOrder) {
        let mut tasks = self.lock();
        let running = tasks.entry(order.task.clone()).or_default();
        if running.launch.is_some() || !running.containers.is_empty() || running.stopping {
            return;
        }
        let runner = Arc::clone(self);
        let task = self.handle.spawn(async move { runner.start(order).await });
        running.launch = Some(task.abort_handle());
    }

    /// Stops a task, however far it has come.
    pub(super) fn stop(self: &Arc<Self>, task: &TaskId, timeout: Duration) {
        let mut tasks = self.lock();
        let running = tasks.entry(task.clone()).or_default();
        running.stopping = true;
        if let Some(launch) = running.launch.take() {
            launch.abort();
        }
        if running.has_ended() {
            self.inbox.report(task, TaskReport::Stopped);
            return;
        }
        let (runner, task, signal) = (Arc::clone(self), task.clone(), running.signal);
        self.handle
            .spawn(async move { runner.ask_to_stop(&task, signal, timeout).await });
    }

    /// Lets go of a task that is over.
    pub(super) fn forget(self: &Arc<Self>, task: &TaskId) {
        self.lock().remove(task);
        self.shipper.close(task);
        let (runner, task) = (Arc::clone(self), task.clone());
        self.handle.spawn(async move {
            let Some(id) = runtime_id(&task) else { return };
            let supervisor = runner.connection.borrow().clone();
            if let Some(supervisor) = supervisor
                && let Err(error) = supervisor.forget(&id).await
            {
                tracing::debug!(%task, %error, "the supervisor keeps a task that is over");
            }
        });
    }

    /// Takes in what the supervisor says of one container.
    pub(super) async fn happened(&self, event: Event) {
        let task = TaskId::new(event.task.as_str());
        let container = event.container.as_str().to_owned();
        match event.kind {
            EventKind::Started { .. } => self.started(&task, &container),
            EventKind::StartFailed(failure) => {
                self.inbox.report(
                    &task,
                    TaskReport::FailedToStart {
                        reason: format!("CannotStartContainerError: {}", failure.message),
                    },
                );
                self.ended(&task, &container, None).await;
            }
            EventKind::Exited(exit) => {
                self.ended(&task, &container, Some(scheduler_exit(&exit)))
                    .await;
            }
        }
    }

    /// Compares what is expected with what the supervisor knows, after a connection was made.
    pub(super) async fn reconcile(&self, expected: Vec<Expected>, known: Vec<TaskStatus>) {
        let mut known: BTreeMap<String, TaskStatus> = known
            .into_iter()
            .map(|status| (status.id.to_string(), status))
            .collect();
        for one in expected {
            match known.remove(one.task.as_str()) {
                Some(status) => self.adopt(&one, status).await,
                None if one.handed_over && !self.is_launching(&one.task) => self.lost(one).await,
                None => {}
            }
        }
        for id in known.into_keys() {
            self.stop_stranger(&TaskId::new(id)).await;
        }
    }

    async fn start(self: Arc<Self>, order: LaunchOrder) {
        let task = order.task.clone();
        match self.launcher.prepare(&order, &self.inbox).await {
            Ok(outcome) => self.hand_over(&task, outcome).await,
            Err(reason) => {
                if let Some(running) = self.lock().get_mut(&task) {
                    running.launch = None;
                }
                self.inbox
                    .report(&task, TaskReport::FailedToStart { reason });
            }
        }
    }

    /// Gives the task to the supervisor; from here on its events tell what happens.
    async fn hand_over(&self, task: &TaskId, outcome: Outcome) {
        {
            let mut tasks = self.lock();
            let Some(running) = tasks.get_mut(task).filter(|running| !running.stopping) else {
                return;
            };
            running.launch = None;
            running.signal = outcome.signal;
            let names = outcome
                .spec
                .containers
                .iter()
                .map(|c| c.name.as_str().to_owned());
            running.containers = names.collect();
        }
        self.shipper.open(task, outcome.logs);
        let spec = outcome.spec;
        loop {
            let supervisor = self.supervisor().await;
            match supervisor.start(spec.clone()).await {
                Ok(()) => return,
                Err(error) if is_gone(&error) => tokio::time::sleep(ASK_AGAIN).await,
                Err(error) => {
                    let reason = format!("CannotStartContainerError: {error}");
                    self.inbox
                        .report(task, TaskReport::FailedToStart { reason });
                    self.vanish(task);
                    return;
                }
            }
        }
    }

    async fn ask_to_stop(&self, task: &TaskId, signal: StopSignal, timeout: Duration) {
        let Some(id) = runtime_id(task) else { return };
        loop {
            let supervisor = self.supervisor().await;
            match supervisor.stop(&id, signal, timeout).await {
                Ok(()) => return,
                Err(error) if is_gone(&error) => tokio::time::sleep(ASK_AGAIN).await,
                Err(error) => {
                    tracing::debug!(%task, %error, "nothing to stop");
                    self.vanish(task);
                    self.inbox.report(task, TaskReport::Stopped);
                    return;
                }
            }
        }
    }

    async fn supervisor(&self) -> Supervisor {
        let mut connection = self.connection.clone();
        loop {
            if let Ok(present) = connection.wait_for(Option::is_some).await
                && let Some(supervisor) = present.clone()
            {
                return supervisor;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn is_launching(&self, task: &TaskId) -> bool {
        let tasks = self.lock();
        tasks
            .get(task)
            .is_some_and(|running| running.launch.is_some())
    }

    fn started(&self, task: &TaskId, container: &str) {
        let mut tasks = self.lock();
        let Some(running) = tasks.get_mut(task) else {
            return;
        };
        running.started.insert(container.to_owned());
        if running.started.len() == running.containers.len() {
            self.inbox.report(task, TaskReport::Started);
        }
    }

    /// A container is over: its last words are shipped before anybody hears of it.
    async fn ended(&self, task: &TaskId, container: &str, exit: Option<Exit>) {
        self.shipper.flush(task).await;
        let mut tasks = self.lock();
        let Some(running) = tasks.get_mut(task) else {
            return;
        };
        if !running.ended.insert(container.to_owned()) {
            return;
        }
        if let Some(exit) = exit {
            let container = container.to_owned();
            self.inbox
                .report(task, TaskReport::ContainerExited { container, exit });
        }
        if running.stopping && running.has_ended() {
            self.inbox.report(task, TaskReport::Stopped);
        }
    }

    /// A task that the supervisor has kept, of an earlier platform or an earlier connection.
    async fn adopt(&self, one: &Expected, status: TaskStatus) {
        let task = &one.task;
        let names = status
            .containers
            .iter()
            .map(|c| c.name.as_str().to_owned())
            .collect();
        {
            let mut tasks = self.lock();
            let running = tasks.entry(task.clone()).or_default();
            if let Some(launch) = running.launch.take() {
                launch.abort();
            }
            running.containers = names;
        }
        self.shipper.open(
            task,
            self.launcher.logs_of(task.as_str(), &one.task_definition),
        );
        for container in status.containers {
            let name = container.name.as_str();
            match container.state {
                ContainerState::Starting => {}
                ContainerState::Running { .. } => self.started(task, name),
                ContainerState::StartFailed { failure, .. } => {
                    let reason = format!("CannotStartContainerError: {}", failure.message);
                    self.inbox
                        .report(task, TaskReport::FailedToStart { reason });
                    self.ended(task, name, None).await;
                }
                ContainerState::Exited { exit, .. } => {
                    self.ended(task, name, Some(scheduler_exit(&exit))).await;
                }
            }
        }
    }

    /// Nobody knows the task any more: everything about it is over.
    async fn lost(&self, one: Expected) {
        let Expected {
            task, containers, ..
        } = one;
        self.lock()
            .entry(task.clone())
            .or_default()
            .containers
            .clone_from(&containers);
        for container in containers {
            self.ended(&task, &container, Some(Exit::Unknown)).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Running>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task that no record knows, left behind by a platform that was killed at the wrong moment.
    async fn stop_stranger(&self, task: &TaskId) {
        let Some(id) = runtime_id(task) else { return };
        let supervisor = self.supervisor().await;
        let stopped = supervisor
            .stop(&id, StopSignal::default(), Duration::from_secs(10))
            .await;
        if let Err(error) = stopped.and(supervisor.forget(&id).await) {
            tracing::debug!(%task, %error, "a stranger's task");
        }
    }

    fn vanish(&self, task: &TaskId) {
        let mut tasks = self.lock();
        if let Some(running) = tasks.get_mut(task) {
            running.containers.clear();
            running.ended.clear();
        }
    }
}

fn runtime_id(task: &TaskId) -> Option<seaway_runtime::task::TaskId> {
    seaway_runtime::task::TaskId::new(task.as_str()).ok()
}

fn scheduler_exit(exit: &seaway_runtime::event::Exit) -> Exit {
    match (exit.oom, exit.code()) {
        (true, _) => Exit::OutOfMemory,
        (false, Some(code)) => Exit::Code(code),
        (false, None) => Exit::Unknown,
    }
}

fn is_gone(error: &seaway_runtime::client::ClientError) -> bool {
    use seaway_runtime::client::ClientError;
    matches!(
        error,
        ClientError::NotRunning { .. } | ClientError::Disconnected(_)
    )
}
