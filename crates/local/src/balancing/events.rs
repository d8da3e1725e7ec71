//! Tells the platform what the load balancer thinks of the tasks of services.

use std::sync::{Mutex, MutexGuard, PoisonError};

use seaway_router::{TargetHealth as RouterHealth, TargetHealthReason, TargetHealthState};
use seaway_scheduler::TargetHealth;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a target group thinks of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTargetHealth {
    /// The task's id.
    pub task: String,
    /// The target group's ARN.
    pub target_group: String,
    pub health: TargetHealth,
}

/// A subscription to the health of tasks. Changes wait in memory until they are received.
#[derive(Debug)]
pub struct TaskHealthEvents {
    receiver: UnboundedReceiver<TaskTargetHealth>,
}

impl TaskHealthEvents {
    /// Waits for the next change; `None` once the load balancer is gone. Safe to cancel.
    pub async fn recv(&mut self) -> Option<TaskTargetHealth> {
        self.receiver.recv().await
    }
}

/// All subscriptions. What is told before the first of them waits for it.
#[derive(Debug)]
pub(super) struct Subscribers(Mutex<State>);

#[derive(Debug)]
struct State {
    senders: Vec<UnboundedSender<TaskTargetHealth>>,
    first: Option<UnboundedReceiver<TaskTargetHealth>>,
}

impl Subscribers {
    pub(super) fn new() -> Self {
        let (sender, first) = unbounded_channel();
        Self(Mutex::new(State {
            senders: vec![sender],
            first: Some(first),
        }))
    }

    pub(super) fn subscribe(&self) -> TaskHealthEvents {
        let mut state = self.lock();
        let receiver = state.first.take().unwrap_or_else(|| {
            let (sender, receiver) = unbounded_channel();
            state.senders.push(sender);
            receiver
        });
        TaskHealthEvents { receiver }
    }

    pub(super) fn publish(&self, event: &TaskTargetHealth) {
        self.lock()
            .senders
            .retain(|sender| sender.send(event.clone()).is_ok());
    }

    /// Ends every subscription once what was published has been received.
    pub(super) fn close(&self) {
        self.lock().senders.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The router's word for a target's health in the scheduler's. A target that is not checked gets
/// requests: to a scheduler it is healthy. One of a group that no rule refers to is not checked at
/// all, which says nothing against its task: it still waits for its first verdict.
pub(super) fn for_scheduler(health: &RouterHealth) -> TargetHealth {
    match health.state {
        TargetHealthState::Initial => TargetHealth::Initial,
        TargetHealthState::Healthy | TargetHealthState::Unavailable => TargetHealth::Healthy,
        TargetHealthState::Unhealthy => TargetHealth::Unhealthy {
            description: health.description.clone().unwrap_or_default(),
        },
        TargetHealthState::Draining => TargetHealth::Draining,
        TargetHealthState::Unused if health.reason == Some(TargetHealthReason::NotInUse) => {
            TargetHealth::Initial
        }
        TargetHealthState::Unused => TargetHealth::Unused,
    }
}
