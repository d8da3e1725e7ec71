//! One rollout under observation.

use std::collections::{BTreeMap, BTreeSet};

use seaway_core::desired::DesiredService;
use seaway_core::diagnosis::{self, Case, Cause, Look, Sightings};
use seaway_core::event::{EventKind, RolloutEnd, RolloutEvent, Subject};
use seaway_core::rollout::{
    CountAim, Counts, Course, Next, Progress, Retreat, RolloutId, TaskSeen, counted, next,
};
use seaway_core::time::Timestamp;
use seaway_ports::{Checks, PortError};

use super::pace::{Outlook, Stir};
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
    sightings: Sightings,
    pub(super) cause: Option<Cause>,
    pub(super) retreat: Retreat,
    /// When it was asked to go back, or was first seen to.
    pub(super) retreat_began: Option<Timestamp>,
}

/// What one look led to.
pub(super) struct Looked {
    pub(super) outlook: Outlook,
    pub(super) end: Option<RolloutEnd>,
}

impl Watched {
    /// Begins to watch; what ended at once is the error.
    pub(super) fn new(started: Started) -> Result<Self, Box<RolloutEnd>> {
        let checks = started.aim.checks();
        let (rollout, first, count) = match started.aim {
            Aim::Rollout { rollout, first, .. } => (rollout, first, None),
            Aim::Count { rollout, count } => (rollout, false, Some(count)),
            Aim::Nothing => return Err(Box::new(RolloutEnd::Succeeded)),
            Aim::Failed { error } => {
                return Err(Box::new(RolloutEnd::Failed {
                    cause: None,
                    reason: Some(error),
                }));
            }
        };
        let mut service = started.service;
        if checks == Checks::Enforced {
            // The load balancer itself decides as the check says.
            service.watch.decided = None;
        }
        Ok(Self {
            service,
            rollout,
            began: started.began,
            first,
            count,
            counts: None,
            told: BTreeSet::new(),
            failing: BTreeMap::new(),
            sightings: Sightings::of_rollout(started.began),
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
        look: Look,
    ) -> Result<Looked, PortError> {
        self.sightings.take_in(progress, look);
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
            moved = true;
        }
        let outlook = Outlook {
            stir: if moved { Stir::Moving } else { Stir::Quiet },
            due: self.due(making, progress),
        };
        Ok(Looked { outlook, end })
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
            outlook: Outlook {
                stir: Stir::Moving,
                due: None,
            },
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
            let Some(reason) = task.failure() else {
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

    fn counted(&self, making: &Making, progress: &Progress, count: u32) -> Option<RolloutEnd> {
        let aim = CountAim {
            count,
            began: self.began,
            timeout: self.service.watch.timeout,
        };
        counted(progress, &aim, making.session.ports.clock.now())
    }

    async fn end(
        &mut self,
        making: &Making,
        progress: &Progress,
    ) -> Result<Option<RolloutEnd>, PortError> {
        let course = Course {
            progress,
            first: self.first,
            retreat: self.retreat,
            retreat_began: self.retreat_began,
            cause: self.cause.as_ref(),
            timeout: self.service.watch.timeout,
            now: making.session.ports.clock.now(),
        };
        match next(&course) {
            Next::Follow => Ok(None),
            Next::End(end) => Ok(Some(end)),
            Next::GiveUp => {
                self.give_up(making).await?;
                Ok(None)
            }
        }
    }

    /// When a cause may come to be although nothing moves.
    fn due(&self, making: &Making, progress: &Progress) -> Option<Timestamp> {
        let watches = self.retreat == Retreat::No && self.count.is_none();
        let now = making.session.ports.clock.now();
        watches.then(|| diagnosis::due(&self.case(progress, now)))?
    }

    /// What there is to judge by.
    pub(super) fn case<'a>(&'a self, progress: &'a Progress, now: Timestamp) -> Case<'a> {
        Case {
            progress,
            sightings: &self.sightings,
            rules: &self.service.watch,
            began: self.began,
            now,
        }
    }
}
