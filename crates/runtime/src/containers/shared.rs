//! What the parts of one connection share.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bollard::Docker;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::actor::Message;
use super::engine::Namespace;
use super::error::EngineError;
use crate::host::{TaskEvent, TaskState};
use crate::task::TaskId;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) docker: Docker,
    pub(super) namespace: Namespace,
    pub(super) tasks: Mutex<BTreeMap<TaskId, Handle>>,
    listeners: Mutex<Listeners>,
}

/// A task and the way to its actor.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) inbox: UnboundedSender<Message>,
    /// What it told last.
    pub(super) state: TaskState,
}

/// Who hears what happens.
#[derive(Debug)]
enum Listeners {
    Of(Vec<UnboundedSender<TaskEvent>>),
    /// The engine is gone: nothing will happen any more.
    Nobody,
}

impl Shared {
    pub(super) fn new(docker: Docker, namespace: Namespace) -> Self {
        Self {
            docker,
            namespace,
            tasks: Mutex::default(),
            listeners: Mutex::new(Listeners::Of(Vec::new())),
        }
    }

    pub(super) fn tasks(&self) -> MutexGuard<'_, BTreeMap<TaskId, Handle>> {
        lock(&self.tasks)
    }

    /// Says something to the actor of a task; false if there is none.
    pub(super) fn say(&self, task: &TaskId, message: Message) -> bool {
        let tasks = self.tasks();
        tasks
            .get(task)
            .is_some_and(|handle| handle.inbox.send(message).is_ok())
    }

    /// Remembers how far a task is.
    pub(super) fn update(&self, state: TaskState) {
        if let Some(handle) = self.tasks().get_mut(&state.id) {
            handle.state = state;
        }
    }

    /// Tells everybody who listens.
    pub(super) fn tell(&self, event: &TaskEvent) {
        if let Listeners::Of(all) = &mut *lock(&self.listeners) {
            all.retain(|listener| listener.send(event.clone()).is_ok());
        }
    }

    pub(super) fn listen(&self) -> Result<UnboundedReceiver<TaskEvent>, EngineError> {
        match &mut *lock(&self.listeners) {
            Listeners::Of(all) => {
                let (sender, receiver) = mpsc::unbounded_channel();
                all.push(sender);
                Ok(receiver)
            }
            Listeners::Nobody => Err(EngineError::Gone),
        }
    }

    /// The connection is over: whoever listens hears of it.
    pub(super) fn end(&self) {
        *lock(&self.listeners) = Listeners::Nobody;
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(&*lock(&self.listeners), Listeners::Nobody)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
