//! Looks after one task, from its first container to the last.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::body;
use super::calls::{self, End};
use super::error::EngineError;
use super::labels::Part;
use super::member::{Member, Output, Phase, Stopping};
use super::order::{self, Health, Node, Verdict};
use super::output;
use super::shared::Shared;
use crate::event::{StartFailure, StartFailureReason};
use crate::host::{TaskEvent, TaskEventKind, TaskState};
use crate::task::{ContainerName, Role, StopSignal, TaskId, TaskSpec};

/// How long the last output of a container that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often a container that was to be killed is looked at again.
const KILL_PAUSE: Duration = Duration::from_secs(1);

/// When a container is looked at again that was still running by what the engine says although it
/// had told of its end.
const SETTLING: Duration = Duration::from_millis(200);
/// How often it is asked why a container was killed: the engine may hear of that after the end, and
/// long after on a busy machine.
const LOOKS: u32 = 30;
const LOOK: Duration = Duration::from_millis(60);

/// What an actor is told.
#[derive(Debug)]
pub(super) enum Message {
    Stop {
        signal: StopSignal,
        timeout: Duration,
    },
    Forget {
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    /// To be answered when every container has ended.
    WhenEnded {
        reply: oneshot::Sender<()>,
    },
    Ended {
        container: ContainerName,
    },
    OutOfMemory {
        container: ContainerName,
    },
    Health {
        container: ContainerName,
        health: Health,
    },
}

pub(super) struct Actor {
    shared: Arc<Shared>,
    id: TaskId,
    members: Vec<Member>,
    inbox: UnboundedReceiver<Message>,
    /// Until its containers exist; holds secret values.
    spec: Option<Box<TaskSpec>>,
    /// Somebody asked for the end.
    stop: Option<(StopSignal, Duration)>,
    waiting: Vec<oneshot::Sender<()>>,
    holder: Holder,
}

/// What became of the container that holds the network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Needed,
    Removed,
}

impl Actor {
    /// Of a task that is to be started.
    pub(super) fn new(
        shared: Arc<Shared>,
        spec: TaskSpec,
        members: Vec<Member>,
        inbox: UnboundedReceiver<Message>,
    ) -> Self {
        Self {
            spec: Some(Box::new(spec.clone())),
            ..Self::adopt(shared, spec.id, members, inbox)
        }
    }

    /// Of a task whose containers are there.
    pub(super) fn adopt(
        shared: Arc<Shared>,
        id: TaskId,
        members: Vec<Member>,
        inbox: UnboundedReceiver<Message>,
    ) -> Self {
        Self {
            shared,
            id,
            members,
            inbox,
            spec: None,
            stop: None,
            waiting: Vec::new(),
            holder: Holder::Needed,
        }
    }

    pub(super) fn state(&self) -> TaskState {
        TaskState {
            id: self.id.clone(),
            containers: self.members.iter().map(Member::state).collect(),
        }
    }

    /// Works until the task is forgotten.
    pub(super) async fn run(mut self) {
        match self.spec.take() {
            Some(spec) => self.create(&spec).await,
            None => self.follow_outputs(),
        }
        loop {
            let due = self.advance().await;
            let message = tokio::select! {
                message = self.inbox.recv() => message,
                () = sleep_until(due) => continue,
            };
            match message {
                None => return,
                Some(Message::Forget { reply }) => {
                    let forgotten = self.forget().await;
                    let is_over = forgotten.is_ok();
                    let _ = reply.send(forgotten);
                    if is_over {
                        return;
                    }
                }
                Some(message) => self.take(message).await,
            }
        }
    }

    /// Makes every container of the task, and starts the one that holds the network.
    async fn create(&mut self, spec: &TaskSpec) {
        let made = calls::make(&self.shared, spec, self.members.iter().map(|m| &m.part)).await;
        if let Err(failure) = made {
            for index in 0..self.members.len() {
                self.fail(index, failure.clone());
            }
        }
    }

    /// Goes on copying what running containers print, and what ended ones have printed.
    fn follow_outputs(&mut self) {
        for index in 0..self.members.len() {
            let ended = matches!(self.members[index].phase, Phase::Exited(_));
            if ended || self.members[index].is_running() {
                self.members[index].output = Some(self.copy_output(index));
            }
        }
    }

    /// Does what is due, and says when to come again.
    async fn advance(&mut self) -> Option<Instant> {
        self.start_what_may().await;
        let stopping = self.stop_what_must().await;
        let settling = self.settle_what_ended().await;
        let mut due = stopping.into_iter().chain(settling).min();
        let now = Instant::now();
        let patience = self.nodes().iter().filter_map(order::patience).min();
        if let Some(patience) = patience.filter(|_| self.members.iter().any(Member::is_waiting)) {
            let at = now + patience;
            due = Some(due.map_or(at, |due| due.min(at)));
        }
        if self.is_over() {
            if self.holder == Holder::Needed {
                calls::release_network(&self.shared, &self.id).await;
                self.holder = Holder::Removed;
            }
            for reply in self.waiting.drain(..) {
                let _ = reply.send(());
            }
        }
        self.shared.update(self.state());
        due
    }

    async fn start_what_may(&mut self) {
        loop {
            let nodes = self.nodes();
            let waiting = (0..self.members.len()).filter(|at| self.members[*at].is_waiting());
            let judged = waiting.map(|index| (index, order::judge(&nodes[index], &nodes)));
            let stopping = self.stop.is_some();
            let next = judged
                .into_iter()
                .find(|(_, verdict)| stopping || *verdict != Verdict::Wait);
            match next {
                None => return,
                Some((index, _)) if stopping => self.skip(index),
                Some((index, Verdict::Never(reason))) => self.give_up(index, reason),
                Some((index, _)) => self.start(index).await,
            }
        }
    }

    async fn start(&mut self, index: usize) {
        let started = calls::start(&self.shared, &self.container(index)).await;
        match started {
            Ok(()) => {
                self.members[index].phase = Phase::Running {
                    since: Instant::now(),
                    health: None,
                };
                self.members[index].output = Some(self.copy_output(index));
                self.tell(index, TaskEventKind::Started);
            }
            Err(failure) => self.fail(index, failure),
        }
    }

    /// Signals what has to end, dependents first, and kills what has had its time.
    async fn stop_what_must(&mut self) -> Option<Instant> {
        let (signal, timeout) = self.stop?;
        let mut due: Option<Instant> = None;
        for index in 0..self.members.len() {
            let nodes = self.nodes();
            let member = &self.members[index];
            if !member.is_running() || !order::is_free_to_stop(&nodes[index], &nodes) {
                continue;
            }
            let now = Instant::now();
            let stopping = match member.stopping {
                Stopping::No => {
                    let Part {
                        stop_timeout,
                        stop_signal,
                        ..
                    } = &member.part;
                    let (own_signal, patience) = (
                        stop_signal.unwrap_or(signal),
                        stop_timeout.unwrap_or(timeout).min(timeout),
                    );
                    calls::kill(&self.shared, &self.container(index), own_signal.signal()).await;
                    Stopping::Asked(now + patience)
                }
                Stopping::Asked(at) if at > now => Stopping::Asked(at),
                Stopping::Asked(_) | Stopping::Killed => {
                    calls::kill(&self.shared, &self.container(index), Signal::SIGKILL).await;
                    Stopping::Killed
                }
            };
            self.members[index].stopping = stopping;
            let at = match stopping {
                Stopping::Asked(at) => at,
                Stopping::No | Stopping::Killed => now + KILL_PAUSE,
            };
            due = Some(due.map_or(at, |due| due.min(at)));
        }
        due
    }

    /// Looks again at what had ended, and was running all the same.
    async fn settle_what_ended(&mut self) -> Option<Instant> {
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let is_due = |at: &mut Instant| *at <= Instant::now();
            if member.settles_at.take_if(is_due).is_some() && member.is_running() {
                self.ended(index).await;
            }
        }
        self.members.iter().filter_map(|it| it.settles_at).min()
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Stop { signal, timeout } => {
                self.stop = Some(match self.stop {
                    Some((_, before)) => (signal, before.min(timeout)),
                    None => (signal, timeout),
                });
            }
            Message::WhenEnded { reply } => self.waiting.push(reply),
            Message::Ended { container } => {
                if let Some(index) = self.running(&container) {
                    self.ended(index).await;
                }
            }
            Message::OutOfMemory { container } => {
                if let Some(index) = self.running(&container) {
                    self.members[index].ran_out_of_memory = true;
                }
            }
            Message::Health { container, health } => {
                if let Some(index) = self.running(&container)
                    && let Phase::Running { health: known, .. } = &mut self.members[index].phase
                    && *known != Some(health)
                {
                    *known = Some(health);
                    self.tell(index, TaskEventKind::Health(health));
                }
            }
            // Answered where it arrives.
            Message::Forget { .. } => {}
        }
    }

    /// A container is over: everything it printed is in its log before anybody hears of it.
    async fn ended(&mut self, index: usize) {
        let (killed, told) = {
            let member = &self.members[index];
            (
                member.stopping == Stopping::Killed,
                member.ran_out_of_memory,
            )
        };
        let seen = calls::end_of(&self.shared, &self.container(index)).await;
        let member = &mut self.members[index];
        let mut exit = match seen {
            None => {
                member.settles_at = Some(Instant::now() + SETTLING);
                return;
            }
            Some(End::Killed(_)) if !killed && !told && member.looks < LOOKS => {
                member.looks += 1;
                member.settles_at = Some(Instant::now() + LOOK);
                return;
            }
            Some(End::Certain(exit) | End::Killed(exit)) => exit,
        };
        exit.oom = (exit.oom || told) && exit.code() != Some(0) && !killed;
        if let Some(mut output) = self.members[index].output.take() {
            let _ = tokio::time::timeout(LAST_WORDS, &mut output.done).await;
        }
        self.members[index].phase = Phase::Exited(exit);
        self.tell(index, TaskEventKind::Exited(exit));
    }

    /// What it depends on went wrong. A task that cannot do without it cannot start.
    fn give_up(&mut self, index: usize, message: String) {
        match self.members[index].part.role {
            Role::Helper => {
                tracing::info!(task = %self.id, message, "a container does not start");
                self.skip(index);
            }
            Role::Essential => {
                let reason = StartFailureReason::Dependency;
                self.fail(index, StartFailure { reason, message });
            }
        }
    }

    fn skip(&mut self, index: usize) {
        self.members[index].phase = Phase::Skipped;
        self.tell(index, TaskEventKind::Skipped);
    }

    fn fail(&mut self, index: usize, failure: StartFailure) {
        self.members[index].phase = Phase::StartFailed(failure.clone());
        self.tell(index, TaskEventKind::StartFailed(failure));
    }

    fn tell(&self, index: usize, kind: TaskEventKind) {
        // Whoever hears of it may ask at once.
        self.shared.update(self.state());
        self.shared.tell(&TaskEvent {
            task: self.id.clone(),
            container: self.members[index].name.clone(),
            kind,
        });
    }

    async fn forget(&mut self) -> Result<(), EngineError> {
        if !self.is_over() {
            let task = self.id.clone();
            return Err(EngineError::StillRunning { task });
        }
        let names = (0..self.members.len()).map(|index| self.container(index));
        let names = names.chain([calls::holder_of(&self.shared, &self.id)]);
        calls::remove(&self.shared, names.collect()).await?;
        self.shared.tasks().remove(&self.id);
        Ok(())
    }

    fn copy_output(&self, index: usize) -> Output {
        let Member { name, part, .. } = &self.members[index];
        output::copy(
            &self.shared,
            self.container(index),
            name.clone(),
            part.clone(),
        )
    }

    fn running(&self, container: &ContainerName) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.name == *container && member.is_running())
    }

    /// The container's name in the engine.
    fn container(&self, index: usize) -> String {
        let name = self.members[index].name.as_str();
        body::name(&self.shared.namespace, &self.id, name)
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        let now = Instant::now();
        self.members.iter().map(|member| member.node(now)).collect()
    }

    fn is_over(&self) -> bool {
        self.members.iter().all(Member::is_final)
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
