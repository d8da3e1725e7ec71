//! A task that no service looks after: `RunTask`.

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Millis};
use crate::command::Command;
use crate::id::{IdSource, TaskId};
use crate::input::TaskReport;
use crate::lifecycle::{Change, StopCause};
use crate::profile::Profile;
use crate::revision::Revision;
use crate::task::{StopCode, Task};

/// What `RunTask` asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// Any number that differs between tasks; its id is drawn from it.
    pub seed: u64,
    /// What it runs; its target groups are ignored.
    pub revision: Revision,
    /// The platform's constants.
    pub profile: Profile,
}

/// One task that runs once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandaloneTask {
    clock: Clock,
    profile: Profile,
    task: Task,
}

impl StandaloneTask {
    /// A task in `PROVISIONING`, and the command that launches it.
    pub fn launch(now: Millis, new: NewTask) -> (StandaloneTask, Vec<Command>) {
        let revision = Revision {
            target_groups: Vec::new(),
            ..new.revision
        };
        let mut commands = Vec::new();
        let id = IdSource::seeded(new.seed).task();
        let task = Task::launch(id, None, &revision, now, &mut commands);
        let clock = Clock::starting_at(now);
        (
            StandaloneTask {
                clock,
                profile: new.profile,
                task,
            },
            commands,
        )
    }

    /// Takes a report; the last list of commands ends with [`Command::Retire`].
    pub fn step(&mut self, now: Millis, report: TaskReport) -> Vec<Command> {
        self.clock.advance(now);
        let mut commands = Vec::new();
        if self.task.stopped_at.is_none()
            && self.task.report(report, &self.clock, &mut commands) == Change::Stopped
        {
            commands.push(Command::Retire(Box::new(self.task.clone())));
        }
        commands
    }

    /// `StopTask`. Does nothing to a task that ends already.
    pub fn stop(&mut self, now: Millis, reason: impl Into<String>) -> Vec<Command> {
        self.clock.advance(now);
        let mut commands = Vec::new();
        let cause = StopCause {
            code: StopCode::UserInitiated,
            reason: reason.into(),
        };
        self.task
            .stop(cause, &self.clock, &self.profile, &mut commands);
        commands
    }

    /// Every command that the state still waits for; to be sent after a restart.
    pub fn outstanding(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.task.stopped_at.is_none() {
            self.task.outstanding(&mut commands);
        }
        commands
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Its name.
    pub fn id(&self) -> &TaskId {
        &self.task.id
    }
}
