//! Both ways to run tasks on this machine, behind one interface: processes of a supervisor, and
//! containers of an engine. What a task is made of says which ([`TaskSpec::needs_engine`]).
//!
//! A connection is one to both. When either is gone, [`HostEvents::next`] says so: close what is
//! left, connect again, and compare what is known with what is expected.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::client::{ClientError, Events, Supervisor, TaskUsage};
use crate::containers::{Engine, EngineError, Health};
use crate::event::{self, Event, EventKind, Exit, StartFailure, TaskStatus};
use crate::task::{ContainerName, StopSignal, TaskId, TaskSpec};

/// One fact about one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    pub task: TaskId,
    pub container: ContainerName,
    pub kind: TaskEventKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEventKind {
    Started,
    /// It never ran. Nothing is left behind.
    StartFailed(StartFailure),
    /// It will not run, and the task does not need it.
    Skipped,
    /// Its own health check changed its mind.
    Health(Health),
    /// It ended, and everything it had started is gone.
    Exited(Exit),
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskState {
    pub id: TaskId,
    pub containers: Vec<ContainerState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    pub name: ContainerName,
    pub phase: ContainerPhase,
    /// By its own check, where it has one.
    pub health: Option<Health>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerPhase {
    Starting,
    Running,
    StartFailed(StartFailure),
    Skipped,
    Exited(Exit),
}

/// What tasks use, by what runs them.
#[derive(Debug)]
pub struct HostUsage {
    pub processes: Result<Vec<TaskUsage>, ClientError>,
    pub containers: Result<Vec<TaskUsage>, EngineError>,
}

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Supervisor(#[from] ClientError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("no container engine is there to run the task")]
    NoEngine,
}

impl HostError {
    /// Whether the connection is over and another one is needed.
    pub fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::Supervisor(ClientError::NotRunning { .. } | ClientError::Disconnected(_))
                | Self::Engine(EngineError::Gone)
        )
    }
}

/// Where tasks run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    supervisor: Supervisor,
    engine: Option<Engine>,
}

impl Host {
    pub fn new(supervisor: Supervisor, engine: Option<Engine>) -> Self {
        Self { supervisor, engine }
    }

    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// Starts a task; what became of it arrives as events. Starting a task that is known does
    /// nothing.
    pub async fn start(&self, spec: TaskSpec) -> Result<(), HostError> {
        if spec.needs_engine() {
            let engine = self.engine.as_ref().ok_or(HostError::NoEngine)?;
            return Ok(engine.start(spec)?);
        }
        Ok(self.supervisor.start(spec).await?)
    }

    /// Asks a task to stop with `signal`, and kills what is left after `timeout`. Answers at once.
    pub async fn stop(
        &self,
        task: &TaskId,
        signal: StopSignal,
        timeout: Duration,
    ) -> Result<(), HostError> {
        match self.engine_of(task) {
            Some(engine) => Ok(engine.stop(task, signal, timeout)?),
            None => Ok(self.supervisor.stop(task, signal, timeout).await?),
        }
    }

    /// Drops what is kept of a task that has ended. Logs and volumes stay.
    pub async fn forget(&self, task: &TaskId) -> Result<(), HostError> {
        match self.engine_of(task) {
            Some(engine) => Ok(engine.forget(task).await?),
            None => Ok(self.supervisor.forget(task).await?),
        }
    }

    /// Every task that was started and not forgotten.
    pub async fn list(&self) -> Result<Vec<TaskState>, HostError> {
        let processes = self.supervisor.list().await?;
        let mut tasks: Vec<TaskState> = processes.into_iter().map(TaskState::from).collect();
        if let Some(engine) = &self.engine {
            tasks.extend(engine.list()?);
        }
        Ok(tasks)
    }

    /// What all tasks use at the moment. Either side answers for itself: one that fails does not
    /// take the other's answer away.
    pub async fn usage(&self) -> HostUsage {
        let containers = async {
            match &self.engine {
                Some(engine) => engine.usage().await,
                None => Ok(Vec::new()),
            }
        };
        let (processes, containers) = tokio::join!(self.supervisor.usage_of_all(), containers);
        HostUsage {
            processes,
            containers,
        }
    }

    /// What happens from now on.
    pub async fn events(&self) -> Result<HostEvents, HostError> {
        let last = self.supervisor.last_event().clone();
        Ok(HostEvents {
            processes: self.supervisor.events(last).await?,
            containers: match &self.engine {
                Some(engine) => Some(engine.events()?),
                None => None,
            },
        })
    }

    /// Lets go of the engine; its tasks run on. The supervisor needs no farewell.
    pub fn close(&self) {
        if let Some(engine) = &self.engine {
            engine.close();
        }
    }

    /// Stops every task, and returns when nothing is left of either kind.
    pub async fn shut_down(&self, timeout: Duration) -> Result<(), HostError> {
        let containers = async {
            match &self.engine {
                Some(engine) => engine.shut_down(timeout).await,
                None => Ok(()),
            }
        };
        let (containers, processes) = tokio::join!(containers, self.supervisor.shutdown(timeout));
        containers?;
        Ok(processes?)
    }

    fn engine_of(&self, task: &TaskId) -> Option<&Engine> {
        self.engine.as_ref().filter(|engine| engine.knows(task))
    }
}

/// What happens to all tasks, in an order that holds for each.
#[derive(Debug)]
pub struct HostEvents {
    processes: Events,
    containers: Option<UnboundedReceiver<TaskEvent>>,
}

impl HostEvents {
    /// The next event, or the end of a connection. Cancel safe.
    pub async fn next(&mut self) -> Result<TaskEvent, HostError> {
        let containers = async {
            match &mut self.containers {
                Some(events) => events.recv().await.ok_or(EngineError::Gone),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.processes.next() => Ok(event?.into()),
            event = containers => Ok(event?),
        }
    }
}

impl From<Event> for TaskEvent {
    fn from(event: Event) -> Self {
        Self {
            task: event.task,
            container: event.container,
            kind: match event.kind {
                EventKind::Started { .. } => TaskEventKind::Started,
                EventKind::StartFailed(failure) => TaskEventKind::StartFailed(failure),
                EventKind::Exited(exit) => TaskEventKind::Exited(exit),
            },
        }
    }
}

impl From<TaskStatus> for TaskState {
    fn from(status: TaskStatus) -> Self {
        let containers = status.containers.into_iter().map(|container| {
            let phase = match container.state {
                event::ContainerState::Starting => ContainerPhase::Starting,
                event::ContainerState::Running { .. } => ContainerPhase::Running,
                event::ContainerState::StartFailed { failure, .. } => {
                    ContainerPhase::StartFailed(failure)
                }
                event::ContainerState::Exited { exit, .. } => ContainerPhase::Exited(exit),
            };
            ContainerState {
                name: container.name,
                phase,
                health: None,
            }
        });
        Self {
            id: status.id,
            containers: containers.collect(),
        }
    }
}
