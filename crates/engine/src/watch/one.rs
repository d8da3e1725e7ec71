//! One rollout under observation.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::desired::DesiredService;
use seaway_core::diagnosis::Cause;
use seaway_core::event::{EventKind, RolloutEnd, RolloutEvent, Subject};
use seaway_core::rollout::{Counts, Progress, RolloutId, RolloutState, TaskSeen};
use seaway_core::time::Timestamp;
use seaway_ports::PortError;

use super::retreat::Retreat;
use crate::act::Making;
use crate::roll::{Aim, Started};

/// Last lines of a failing task that are shown.
const LOG_LINES: usize = 10;

/// A rollout and what was seen of it so far.
pub(super) struct Watched {
    pub(super) service: DesiredService,
    pub(super) rollout: RolloutId,
    pub(super) began: Timestamp,
    /// Nothing ran before it.
    pub(super) first: bool,
    /// Only this count is waited for, not the rollout's end.
    pub(super) count: Option<u32>,
    counts: Option<(Counts, Counts)>,
    told: BTreeSet<String>,
    failing: BTreeMap<String, BTreeSet<String>>,
    pub(super) cause: Option<Cause>,
    pub(super) retreat: Retreat,
    /// When it was asked to go back, or was first seen to.
    pub(super) retreat_began: Option<Timestamp>,
}

/// What one look led to.
pub(super) struct Looked {
    pub(super) moved: bool,
    pub(super) end: Option<RolloutEnd>,
}

impl Watched {
    /// Begins to watch; what ended at once is the error.
    pub(super) fn new(started: Started) -> Result<Self, Box<RolloutEnd>> {
        let (rollout, first, count) = match started.aim {
            Aim::Rollout { rollout, first } => (rollout, first, None),
            Aim::Count { rollout, count } => (rollout, false, Some(count)),
            Aim::Nothing => return Err(Box::new(RolloutEnd::Succeeded)),
            Aim::Failed { error } => {
                return Err(Box::new(RolloutEnd::Failed {
                    cause: None,
                    reason: Some(error),
                }));
            }
        };
        Ok(Self {
            service: started.service,
            rollout,
            began: started.began,
            first,
            count,
            counts: None,
            told: BTreeSet::new(),
            failing: BTreeMap::new(),
            cause: None,
            retreat: Retreat::No,
            retreat_began: None,
        })
    }

    /// Its end is certain, and it is not a good one.
    pub(super) fn is_failing(&self) -> bool {
        self.cause.is_some()
    }

    /// Takes in what a poll saw.
    pub(super) async fn look(
        &mut self,
        making: &Making,
        progress: &Progress,
    ) -> Result<Looked, PortError> {
        let mut moved = self.tell_counts(making, progress);
        moved |= self.tell_platform(making, progress);
        moved |= self.tell_failing_tasks(making, progress).await;
        self.judge(making, progress).await?;
        let end = match self.count {
            Some(count) => self.counted(making, progress, count),
            None => self.end(making, progress).await?,
        };
        if let Some(end) = &end {
            self.tell(making, RolloutEvent::Ended { end: end.clone() });
        }
        Ok(Looked {
            moved: moved || end.is_some(),
            end,
        })
    }

    /// The service is gone: somebody removed it.
    pub(super) fn vanished(&mut self, making: &Making) -> Looked {
        let reason = Some("the service was removed while it was rolled out".to_owned());
        let end = RolloutEnd::Failed {
            cause: self.cause.take(),
            reason,
        };
        self.tell(making, RolloutEvent::Ended { end: end.clone() });
        Looked {
            moved: true,
            end: Some(end),
        }
    }

    pub(super) fn tell(&self, making: &Making, event: RolloutEvent) {
        let subject = Subject::Service(self.service.name.clone());
        making
            .session
            .events
            .emit(subject, EventKind::Rollout(event));
    }

    fn tell_counts(&mut self, making: &Making, progress: &Progress) -> bool {
        let counts = (progress.new, progress.old);
        if self.counts == Some(counts) {
            return false;
        }
        self.counts = Some(counts);
        self.tell(
            making,
            RolloutEvent::Progress {
                new: progress.new,
                old: progress.old,
            },
        );
        true
    }

    fn tell_platform(&mut self, making: &Making, progress: &Progress) -> bool {
        let mut moved = false;
        for event in &progress.events {
            if self.told.insert(event.id.clone()) {
                self.tell(
                    making,
                    RolloutEvent::Platform {
                        message: event.message.clone(),
                    },
                );
                moved = true;
            }
        }
        moved
    }

    /// Tells of tasks that ended by themselves, grouped by the reason, with last log lines.
    async fn tell_failing_tasks(&mut self, making: &Making, progress: &Progress) -> bool {
        let mut grown: BTreeMap<String, &TaskSeen> = BTreeMap::new();
        for task in &progress.tasks {
            let Some(reason) = failure(task) else {
                continue;
            };
            if self
                .failing
                .entry(reason.clone())
                .or_default()
                .insert(task.id.clone())
            {
                grown.insert(reason, task);
            }
        }
        for (reason, task) in &grown {
            let log = self.last_lines(making, task).await;
            let tasks = self
                .failing
                .get(reason)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            self.tell(
                making,
                RolloutEvent::TasksFailed {
                    reason: reason.clone(),
                    tasks,
                    log,
                },
            );
        }
        !grown.is_empty()
    }

    async fn last_lines(&self, making: &Making, task: &TaskSeen) -> Vec<String> {
        let Some(stream) = &task.log_stream else {
            return vec![];
        };
        let logs = &making.session.ports.logs;
        match logs
            .tail(self.service.name.as_str(), stream, LOG_LINES)
            .await
        {
            Ok(lines) => lines,
            Err(error) => {
                tracing::debug!(%error, "log tail");
                vec![]
            }
        }
    }

    /// The end of a pure change of the count: so many tasks run, or the time is over.
    fn counted(&self, making: &Making, progress: &Progress, count: u32) -> Option<RolloutEnd> {
        let running = progress.new.running + progress.old.running;
        let pending = progress.new.pending + progress.old.pending;
        if running == count && pending == 0 {
            return Some(RolloutEnd::Succeeded);
        }
        if let RolloutState::Superseded { by } = &progress.state {
            return Some(RolloutEnd::Superseded { by: by.clone() });
        }
        let timeout = self.service.watch.timeout;
        let end = self.began.saturating_add(timeout.duration()).ok()?;
        (making.session.ports.clock.now() >= end).then(|| RolloutEnd::Failed {
            cause: None,
            reason: Some(format!("{running} of {count} tasks run after {timeout}")),
        })
    }

    async fn end(
        &mut self,
        making: &Making,
        progress: &Progress,
    ) -> Result<Option<RolloutEnd>, PortError> {
        let (cause, reason) = (self.cause.clone(), progress.reason.clone());
        if self.retreat == Retreat::GivingUp {
            return Ok(self.overdue(making));
        }
        if self.retreat == Retreat::GivenUp {
            let left = |counts: Counts| counts.running + counts.pending;
            let gone = left(progress.new) + left(progress.old) == 0;
            let end = gone.then_some(RolloutEnd::Failed { cause, reason });
            return Ok(end.or_else(|| self.overdue(making)));
        }
        Ok(match &progress.state {
            RolloutState::InProgress | RolloutState::RollingBack => self.overdue(making),
            RolloutState::RolledBack { .. } | RolloutState::Failed if self.first => {
                self.give_up(making).await?;
                None
            }
            RolloutState::Succeeded => Some(RolloutEnd::Succeeded),
            RolloutState::RolledBack { to } => Some(RolloutEnd::RolledBack {
                to: to.clone(),
                cause,
                reason,
            }),
            RolloutState::Superseded { by } => Some(RolloutEnd::Superseded { by: by.clone() }),
            RolloutState::Failed => Some(RolloutEnd::Failed { cause, reason }),
        })
    }
}

/// Why a task ended, if it ended by itself.
fn failure(task: &TaskSeen) -> Option<String> {
    let stop = task.stop.as_ref()?;
    let scheduled = matches!(
        stop.code.as_deref(),
        Some("ServiceSchedulerInitiated" | "UserInitiated")
    ) && !stop.reason.contains("failed");
    if scheduled {
        return None;
    }
    let exit = stop
        .exit_code
        .map(|code| format!(" (exit code {code})"))
        .unwrap_or_default();
    let words = stop
        .container_reason
        .as_ref()
        .filter(|reason| !reason.is_empty());
    Some(format!("{}{exit}", words.unwrap_or(&stop.reason)))
}
