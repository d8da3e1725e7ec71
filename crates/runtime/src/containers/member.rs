//! One container of a task, as its actor knows it.

use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::body::image_root;
use super::labels::Part;
use super::order::{Health, Node, Stage};
use crate::event::{Exit, StartFailure};
use crate::host::{ContainerPhase, ContainerState};
use crate::task::{ContainerName, ImageRoot, TaskSpec};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: ContainerName,
    pub(super) part: Part,
    pub(super) phase: Phase,
    pub(super) stopping: Stopping,
    /// The kernel killed something in it for its use of memory.
    pub(super) ran_out_of_memory: bool,
    /// When to look again whether it has ended.
    pub(super) settles_at: Option<Instant>,
    /// How often its end was looked at without the reason for it.
    pub(super) looks: u32,
    /// Moves what it prints into its log.
    pub(super) output: Option<Output>,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    Waiting,
    Running {
        since: Instant,
        health: Option<Health>,
    },
    StartFailed(StartFailure),
    /// It was not needed any more, or what it depends on went wrong.
    Skipped,
    Exited(Exit),
}

/// How far the end of a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// Asked; killed at this time.
    Asked(Instant),
    Killed,
}

/// The job that copies a container's output.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) done: tokio::sync::oneshot::Receiver<()>,
    pub(super) job: AbortHandle,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.job.abort();
    }
}

impl Member {
    /// The containers of a task that is to be started.
    pub(super) fn all_of(spec: &TaskSpec) -> Vec<Self> {
        let numbered = spec.containers.iter().enumerate();
        let member = |(index, container): (usize, &crate::task::ContainerSpec)| {
            let none = ImageRoot::default();
            let root = image_root(container).unwrap_or(&none);
            Self::new(
                container.name.clone(),
                Part::of(spec, index, root),
                Phase::Waiting,
            )
        };
        numbered.map(member).collect()
    }

    pub(super) fn new(name: ContainerName, part: Part, phase: Phase) -> Self {
        Self {
            name,
            part,
            phase,
            stopping: Stopping::No,
            ran_out_of_memory: false,
            settles_at: None,
            looks: 0,
            output: None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    pub(super) fn is_final(&self) -> bool {
        !self.is_waiting() && !self.is_running()
    }

    /// As others depend on it.
    pub(super) fn node(&self, now: Instant) -> Node<'_> {
        let (stage, running_for) = match &self.phase {
            Phase::Waiting => (Stage::Waiting, Duration::ZERO),
            Phase::Running { since, health } => {
                (Stage::Running(*health), now.duration_since(*since))
            }
            Phase::Exited(exit) => (Stage::Ended(exit.code()), Duration::ZERO),
            Phase::StartFailed(_) | Phase::Skipped => (Stage::NeverStarted, Duration::ZERO),
        };
        Node {
            name: &self.name,
            depends_on: &self.part.depends_on,
            stage,
            running_for,
            start_timeout: self.part.start_timeout,
        }
    }

    /// As the platform hears of it.
    pub(super) fn state(&self) -> ContainerState {
        let phase = match &self.phase {
            Phase::Waiting => ContainerPhase::Starting,
            Phase::Running { .. } => ContainerPhase::Running,
            Phase::StartFailed(failure) => ContainerPhase::StartFailed(failure.clone()),
            Phase::Skipped => ContainerPhase::Skipped,
            Phase::Exited(exit) => ContainerPhase::Exited(*exit),
        };
        let health = match &self.phase {
            Phase::Running { health, .. } => *health,
            _ => None,
        };
        ContainerState {
            name: self.name.clone(),
            phase,
            health,
        }
    }
}
