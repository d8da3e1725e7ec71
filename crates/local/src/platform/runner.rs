//! Carries effects out: starts and stops tasks, and tells what became of them.
//!
//! A launch is a task of the async runtime: it prepares images and secrets, and then hands the
//! finished specification to the supervisor. Until the hand-over begins a stop cancels it; from
//! then on the supervisor may know the task, so a stop waits for its answer: a task that somebody
//! may have started is never called stopped. What happens to processes arrives through
//! [`super::keeper`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seaway_runtime::containers::Health;
use seaway_runtime::host::{ContainerPhase, Host, HostError, TaskEvent, TaskEventKind, TaskState};
use seaway_runtime::task::StopSignal;
use seaway_scheduler::{Exit, HealthStatus, TaskId, TaskReport};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::driver::{Expected, Inbox};
use super::effects::LaunchOrder;
use super::launch::{Launcher, Outcome, chain};
use super::logs::Shipper;
use crate::faults::Faults;

/// What runs tasks and went away is connected to again by [`super::keeper`]; until then callers
/// ask again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long a task that nobody knows may take to end.
const STRANGERS_PATIENCE: Duration = Duration::from_secs(10);

/// What runs tasks at the moment; none while there is no connection.
pub(super) type Connection = watch::Receiver<Option<Host>>;

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

/// What is known of a task.
#[derive(Debug, Default)]
struct Running {
    stage: Stage,
    /// Names of its containers once the hand-over began.
    containers: BTreeSet<String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    signal: StopSignal,
    /// Somebody asked for its end, with this much patience.
    stop: Option<Duration>,
    /// A fault kills it, this long after it has started.
    crash: Option<Duration>,
    /// It runs, and is about to be killed.
    is_start_untold: bool,
}

/// How far a task has come on its way to the supervisor.
#[derive(Debug, Default)]
enum Stage {
    /// No supervisor knows it: not launched yet, or never to be.
    #[default]
    Nowhere,
    /// Images and secrets are looked for. Can be cancelled.
    Preparing(AbortHandle),
    /// A supervisor is being told, and may know it already. Cannot be cancelled.
    HandingOver,
    /// The supervisor knows it: events tell what happens.
    HandedOver,
}

/// What follows from a wish to stop a task.
enum Stopping {
    /// Nothing of it is left.
    Over,
    /// Whoever hands it over goes on with it.
    Later,
    Ask(StopSignal, Duration),
}

impl Running {
    fn has_ended(&self) -> bool {
        self.ended.len() == self.containers.len()
    }

    /// Nothing of it exists, and nothing will.
    fn vanish(&mut self) {
        self.stage = Stage::Nowhere;
        self.containers.clear();
        self.ended.clear();
    }

    /// What is to be done now about a wish to stop, if there is one.
    fn stopping(&self) -> Option<Stopping> {
        let timeout = self.stop?;
        Some(match self.stage {
            Stage::Nowhere | Stage::Preparing(_) => Stopping::Over,
            Stage::HandingOver => Stopping::Later,
            Stage::HandedOver if self.has_ended() => Stopping::Over,
            Stage::HandedOver => Stopping::Ask(self.signal, timeout),
        })
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
        self.faults()
            .follow(order.task.as_str(), &order.cluster, &order.owner);
        let mut tasks = self.lock();
        let running = tasks.entry(order.task.clone()).or_default();
        if !matches!(running.stage, Stage::Nowhere) || running.stop.is_some() {
            return;
        }
        let runner = Arc::clone(self);
        let task = self.handle.spawn(async move { runner.start(order).await });
        running.stage = Stage::Preparing(task.abort_handle());
    }

    /// Stops a task, however far it has come.
    pub(super) fn stop(self: &Arc<Self>, task: &TaskId, timeout: Duration) {
        let mut tasks = self.lock();
        let running = tasks.entry(task.clone()).or_default();
        running.stop = Some(timeout);
        if let Stage::Preparing(launch) = &running.stage {
            launch.abort();
            running.stage = Stage::Nowhere;
        }
        self.pursue_stop(task, running);
    }

    /// Does what a wish to stop demands at the moment.
    fn pursue_stop(self: &Arc<Self>, task: &TaskId, running: &Running) {
        match running.stopping() {
            None | Some(Stopping::Later) => {}
            Some(Stopping::Over) => self.inbox.report(task, TaskReport::Stopped),
            Some(Stopping::Ask(signal, timeout)) => {
                let (runner, task) = (Arc::clone(self), task.clone());
                self.handle
                    .spawn(async move { runner.ask_to_stop(&task, signal, timeout).await });
            }
        }
    }

    /// Lets go of a task that is over.
    pub(super) fn forget(self: &Arc<Self>, task: &TaskId) {
        self.lock().remove(task);
        self.faults().forget(task.as_str());
        self.shipper.close(task);
        let (runner, task) = (Arc::clone(self), task.clone());
        self.handle.spawn(async move {
            let Some(id) = runtime_id(&task) else { return };
            let host = runner.connection.borrow().clone();
            if let Some(host) = host
                && let Err(error) = host.forget(&id).await
            {
                tracing::debug!(%task, %error, "a task that is over is kept");
            }
        });
    }

    /// Takes in what happened to one container.
    pub(super) async fn happened(self: &Arc<Self>, event: TaskEvent) {
        let task = TaskId::new(event.task.as_str());
        let container = event.container.as_str().to_owned();
        if !self.lock().contains_key(&task) {
            // The end of a stranger: see `stop_stranger`.
            return self.forget(&task);
        }
        match event.kind {
            TaskEventKind::Started => self.started(&task, &container),
            TaskEventKind::Skipped => self.skipped(&task, &container).await,
            TaskEventKind::Health(health) => self.checked(&task, &container, health),
            TaskEventKind::StartFailed(failure) => {
                self.inbox.report(
                    &task,
                    TaskReport::FailedToStart {
                        container: Some(container.clone()),
                        reason: format!("CannotStartContainerError: {}", failure.message),
                    },
                );
                self.ended(&task, &container, None).await;
            }
            TaskEventKind::Exited(exit) => {
                self.ended(&task, &container, Some(scheduler_exit(&exit)))
                    .await;
            }
        }
    }

    /// Compares what is expected with what a supervisor knows. It is nobody's supervisor yet:
    /// until this returns nothing is started or stopped.
    pub(super) async fn reconcile(
        self: &Arc<Self>,
        host: &Host,
        expected: Vec<Expected>,
        known: Vec<TaskState>,
    ) {
        let mut known: BTreeMap<String, TaskState> = known
            .into_iter()
            .map(|state| (state.id.to_string(), state))
            .collect();
        if let Some(engine) = host.engine().filter(|_| !known.is_empty()) {
            self.launcher.welcome(engine).await;
        }
        for one in expected {
            match known.remove(one.task.as_str()) {
                Some(state) => self.adopt(&one, state).await,
                None if one.handed_over || self.was_handed_over(&one.task) => self.lost(one).await,
                None => {}
            }
        }
        for id in known.into_keys() {
            stop_stranger(host, &TaskId::new(id)).await;
        }
    }

    async fn start(self: Arc<Self>, order: LaunchOrder) {
        let task = order.task.clone();
        let prepared = self.launcher.prepare(&order, &self.inbox).await;
        let outcome = {
            let mut tasks = self.lock();
            let running = tasks.get_mut(&task);
            // Stopped or adopted meanwhile.
            let Some(running) = running.filter(|r| matches!(r.stage, Stage::Preparing(_))) else {
                return;
            };
            match prepared {
                Ok(outcome) => {
                    running.stage = Stage::HandingOver;
                    running.signal = outcome.signal;
                    running.crash = outcome.crash;
                    let containers = outcome.spec.containers.iter();
                    running.containers = containers.map(|c| c.name.as_str().to_owned()).collect();
                    outcome
                }
                Err(not_started) => {
                    running.stage = Stage::Nowhere;
                    self.inbox.report(&task, not_started.into());
                    return;
                }
            }
        };
        self.hand_over(&task, outcome).await;
    }

    /// Gives the task to the supervisor; from here on its events tell what happens. They may come
    /// before the supervisor's answer.
    async fn hand_over(self: &Arc<Self>, task: &TaskId, outcome: Outcome) {
        self.shipper.open(task, outcome.logs);
        let spec = outcome.spec;
        loop {
            let host = self.host().await;
            if !self.is_still_wanted(task) {
                return;
            }
            let answer = host.start(spec.clone()).await;
            if self.answered(task, answer) {
                return;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Kills a task that nobody has asked to stop.
    async fn crash(self: Arc<Self>, task: TaskId, after: Duration) {
        tokio::time::sleep(after).await;
        if let Ok(signal) = "SIGKILL".parse() {
            self.ask_to_stop(&task, signal, STRANGERS_PATIENCE).await;
        }
        if let Some(running) = self.lock().get_mut(&task) {
            self.tell_start(&task, running);
        }
    }

    fn faults(&self) -> &Faults {
        &self.launcher.faults
    }

    /// Takes in the answer to a hand-over; false if there was none.
    fn answered(self: &Arc<Self>, task: &TaskId, answer: Result<(), HostError>) -> bool {
        let mut tasks = self.lock();
        let Some(running) = tasks.get_mut(task) else {
            return true;
        };
        match answer {
            Ok(()) => running.stage = Stage::HandedOver,
            Err(error) if error.is_gone() => return false,
            Err(error) => {
                let reason = format!("CannotStartContainerError: {}", chain(&error));
                running.vanish();
                let report = TaskReport::FailedToStart {
                    container: None,
                    reason,
                };
                self.inbox.report(task, report);
            }
        }
        self.pursue_stop(task, running);
        true
    }

    /// Whether a supervisor that does not know the task is to be told. One that knows it from an
    /// attempt whose answer was lost has had it adopted by now.
    fn is_still_wanted(self: &Arc<Self>, task: &TaskId) -> bool {
        let mut tasks = self.lock();
        let Some(running) = tasks.get_mut(task) else {
            return false;
        };
        if !matches!(running.stage, Stage::HandingOver) {
            return false;
        }
        if running.stop.is_some() {
            running.vanish();
            self.pursue_stop(task, running);
            return false;
        }
        true
    }

    async fn ask_to_stop(&self, task: &TaskId, signal: StopSignal, timeout: Duration) {
        let Some(id) = runtime_id(task) else { return };
        loop {
            let host = self.host().await;
            match host.stop(&id, signal, timeout).await {
                Ok(()) => return,
                Err(error) if error.is_gone() => tokio::time::sleep(ASK_AGAIN).await,
                Err(error) => {
                    tracing::debug!(%task, %error, "nothing to stop");
                    self.inbox.report(task, TaskReport::Stopped);
                    return;
                }
            }
        }
    }

    async fn host(&self) -> Host {
        let mut connection = self.connection.clone();
        loop {
            if let Ok(present) = connection.wait_for(Option::is_some).await
                && let Some(host) = present.clone()
            {
                return host;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn was_handed_over(&self, task: &TaskId) -> bool {
        let tasks = self.lock();
        let running = tasks.get(task);
        running.is_some_and(|running| matches!(running.stage, Stage::HandedOver))
    }

    fn started(self: &Arc<Self>, task: &TaskId, container: &str) {
        let mut tasks = self.lock();
        let Some(running) = tasks.get_mut(task) else {
            return;
        };
        running.started.insert(container.to_owned());
        if running.started.len() == running.containers.len() {
            // Only now: what is killed before it runs has failed to start, which is another fault.
            if let Some(after) = running.crash.take() {
                self.handle.spawn(self.clone().crash(task.clone(), after));
                // What dies at once is dead before anybody can find it healthy.
                running.is_start_untold = after.is_zero();
            }
            if !running.is_start_untold {
                self.inbox.report(task, TaskReport::Started);
            }
        }
    }

    /// Tells of the start of a task that dies at once.
    fn tell_start(&self, task: &TaskId, running: &mut Running) {
        if std::mem::take(&mut running.is_start_untold) {
            self.inbox.report(task, TaskReport::Started);
        }
    }

    /// A container that the task can do without will not run.
    async fn skipped(self: &Arc<Self>, task: &TaskId, container: &str) {
        self.started(task, container);
        self.ended(task, container, None).await;
    }

    /// A container's own health check has come to a conclusion.
    fn checked(&self, task: &TaskId, container: &str, health: Health) {
        let container = container.to_owned();
        let health = match health {
            Health::Starting => HealthStatus::Unknown,
            Health::Healthy => HealthStatus::Healthy,
            Health::Unhealthy => HealthStatus::Unhealthy,
        };
        self.inbox
            .report(task, TaskReport::ContainerHealth { container, health });
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
        self.tell_start(task, running);
        if let Some(exit) = exit {
            let container = container.to_owned();
            self.inbox
                .report(task, TaskReport::ContainerExited { container, exit });
        }
        if running.stop.is_some() && running.has_ended() {
            self.inbox.report(task, TaskReport::Stopped);
        }
    }

    /// A task that the supervisor has kept, of an earlier platform or an earlier connection.
    async fn adopt(self: &Arc<Self>, one: &Expected, state: TaskState) {
        let task = &one.task;
        let names = state
            .containers
            .iter()
            .map(|c| c.name.as_str().to_owned())
            .collect();
        let signal = self.launcher.signal_of(&one.task_definition, &one.digests);
        {
            let mut tasks = self.lock();
            let running = tasks.entry(task.clone()).or_default();
            running.signal = signal;
            if let Stage::Preparing(launch) = &running.stage {
                launch.abort();
            }
            running.stage = Stage::HandedOver;
            running.containers = names;
        }
        self.shipper.open(
            task,
            self.launcher.logs_of(task.as_str(), &one.task_definition),
        );
        for container in state.containers {
            let name = container.name.as_str();
            if let Some(health) = container.health {
                self.checked(task, name, health);
            }
            match container.phase {
                ContainerPhase::Starting => {}
                ContainerPhase::Running => self.started(task, name),
                ContainerPhase::Skipped => self.skipped(task, name).await,
                ContainerPhase::StartFailed(failure) => {
                    let report = TaskReport::FailedToStart {
                        container: Some(name.to_owned()),
                        reason: format!("CannotStartContainerError: {}", failure.message),
                    };
                    self.inbox.report(task, report);
                    self.ended(task, name, None).await;
                }
                ContainerPhase::Exited(exit) => {
                    // It has run: a task needs each of its containers to have come that far.
                    self.started(task, name);
                    self.ended(task, name, Some(scheduler_exit(&exit))).await;
                }
            }
        }
        if let Some(running) = self.lock().get(task) {
            self.pursue_stop(task, running);
        }
    }

    /// Nobody knows the task any more: everything about it is over.
    async fn lost(self: &Arc<Self>, one: Expected) {
        let Expected {
            task, containers, ..
        } = one;
        {
            let mut tasks = self.lock();
            let running = tasks.entry(task.clone()).or_default();
            running.stage = Stage::HandedOver;
            running.containers.clone_from(&containers);
        }
        for container in containers {
            self.ended(&task, &container, Some(Exit::Unknown)).await;
        }
        if let Some(running) = self.lock().get(&task) {
            self.pursue_stop(&task, running);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Running>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a task that no record knows, left behind by a platform that was killed at the wrong moment.
/// It is forgotten now if it has ended, else when its end is heard of.
async fn stop_stranger(host: &Host, task: &TaskId) {
    let Some(id) = runtime_id(task) else { return };
    let stopped = host
        .stop(&id, StopSignal::default(), STRANGERS_PATIENCE)
        .await;
    if let Err(error) = stopped.and(host.forget(&id).await) {
        tracing::debug!(%task, %error, "a stranger's task");
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
