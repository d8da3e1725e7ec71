//! What is known of each service and job so far: the fold of the events.

use std::collections::{BTreeMap, VecDeque};

use seaway_core::desired::RevisionId;
use seaway_core::diagnosis::Cause;
use seaway_core::event::{
    BuildEvent, Event, EventKind, JobEvent, ReleaseEvent, RolloutEnd, RolloutEvent, ServiceEvent,
    Subject,
};
use seaway_core::plan::{Plan, Step};
use seaway_core::release::ReleaseId;
use seaway_core::rollout::Counts;
use seaway_core::time::Timestamp;

/// Lines of a build's output that are kept for its failure.
const KEPT_OUTPUT: usize = 20;
/// Characters of the newest line that are kept: more than a terminal is wide.
const KEPT_WORDS: usize = 400;

/// All subjects of a release.
#[derive(Debug, Default)]
pub(crate) struct Track {
    pub(crate) release: Option<ReleaseId>,
    pub(crate) began: Option<Timestamp>,
    pub(crate) subjects: BTreeMap<Subject, State>,
    /// The release ended, or is no longer followed.
    pub(crate) over: bool,
}

/// One subject.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) since: Timestamp,
    pub(crate) revision: Option<RevisionId>,
    /// When its newest rollout began.
    pub(crate) rolled_at: Option<Timestamp>,
    pub(crate) counts: Option<(Counts, Counts)>,
    /// The newest line of a build, a job or the platform.
    pub(crate) said: Option<String>,
    pub(crate) output: VecDeque<String>,
    pub(crate) failing: Option<FailingTasks>,
    pub(crate) cause: Option<Cause>,
    /// Why it goes back.
    pub(crate) retreat: Option<String>,
    /// It is on its way back by a rollout of its own, which may succeed.
    pub(crate) returning: bool,
    /// First release of the service: nothing to go back to.
    pub(crate) given_up: bool,
    /// Its count is changed without a rollout, and that is waited for.
    counted: bool,
}

/// Tasks that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailingTasks {
    pub(crate) reason: String,
    pub(crate) tasks: Vec<String>,
    pub(crate) log: Vec<String>,
    /// The same lines were told for the same reason before.
    pub(crate) repeats: bool,
}

/// Where a subject stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Building,
    /// Its image is there; what follows is decided by the plan.
    Built,
    Running,
    Rolling,
    /// Count or settings change, the tasks stay.
    Adjusting,
    /// Going back is planned, by an action that has not begun.
    ToGoBack,
    GoingBack,
    Ended(Ending),
}

/// How a subject ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    Removed,
    RolledBack {
        to: Option<RevisionId>,
    },
    /// It had succeeded, and was taken back because another service failed.
    TakenBack,
    Superseded,
    Failed {
        reason: Option<String>,
    },
}

impl State {
    fn new(phase: Phase, since: Timestamp) -> Self {
        Self {
            phase,
            since,
            revision: None,
            rolled_at: None,
            counts: None,
            said: None,
            output: VecDeque::new(),
            failing: None,
            cause: None,
            retreat: None,
            returning: false,
            given_up: false,
            counted: false,
        }
    }

    /// Nothing more is expected of it at the moment.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Built | Phase::Ended(_))
    }

    pub(crate) fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    fn enter(&mut self, phase: Phase, at: Timestamp) {
        if self.phase != phase {
            self.phase = phase;
            self.since = at;
        }
    }

    fn end(&mut self, ending: Ending, at: Timestamp) {
        self.enter(Phase::Ended(ending), at);
    }

    fn fail(&mut self, reason: &str, at: Timestamp) {
        self.end(
            Ending::Failed {
                reason: Some(reason.to_owned()),
            },
            at,
        );
    }
}

impl Track {
    /// Takes an event in.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.began.get_or_insert(event.at);
        match &event.kind {
            EventKind::Release(release) => self.release(release, event.at),
            EventKind::Build(build) => apply_build(self.subject(event), build, event.at),
            EventKind::Job(job) => apply_job(self.subject(event), job, event.at),
            EventKind::Rollout(rollout) => apply_rollout(self.subject(event), rollout, event.at),
            EventKind::Service(service) => apply_service(self.subject(event), service, event.at),
            EventKind::Lock(_) | EventKind::Infrastructure(_) => {}
        }
    }

    pub(crate) fn state(&self, subject: &Subject) -> Option<&State> {
        self.subjects.get(subject)
    }

    fn subject(&mut self, event: &Event) -> &mut State {
        let new = || State::new(Phase::Waiting, event.at);
        self.subjects
            .entry(event.subject.clone())
            .or_insert_with(new)
    }

    fn release(&mut self, event: &ReleaseEvent, at: Timestamp) {
        match event {
            ReleaseEvent::Started { id, plan, .. } => {
                self.release = Some(*id);
                self.begin(plan, at);
            }
            ReleaseEvent::Resumed { id } => {
                self.release = Some(*id);
                self.over = false;
            }
            ReleaseEvent::Interrupted => self.over = true,
            ReleaseEvent::Unanswered { .. } | ReleaseEvent::Answered => {}
            ReleaseEvent::Ended { .. } => {
                self.over = true;
                // What the release did not come to is nobody's result.
                let begun = |_: &Subject, state: &mut State| {
                    !matches!(state.phase, Phase::Waiting | Phase::Built)
                };
                self.subjects.retain(begun);
            }
        }
    }

    /// From here on, only what the plan changes is of interest.
    fn begin(&mut self, plan: &Plan, at: Timestamp) {
        self.subjects.clear();
        for action in &plan.actions {
            let (subject, counted) = match &action.step {
                Step::RunJob { job } => (Subject::Job(job.name.clone()), false),
                Step::Roll(roll) => (Subject::Service(roll.service.name.clone()), false),
                Step::Configure { service, count } => {
                    (Subject::Service(service.name.clone()), count.is_some())
                }
                Step::Remove { service } => (Subject::Service(service.clone()), false),
                Step::Push { .. } | Step::Provision { .. } => continue,
            };
            let state = State {
                counted,
                ..State::new(Phase::Waiting, at)
            };
            self.subjects.insert(subject, state);
        }
    }
}

fn apply_build(state: &mut State, event: &BuildEvent, at: Timestamp) {
    match event {
        BuildEvent::Started { .. } => state.enter(Phase::Building, at),
        BuildEvent::Output { line } => {
            if state.output.len() == KEPT_OUTPUT {
                state.output.pop_front();
            }
            state.output.push_back(line.clone());
            state.said = Some(beginning(line));
        }
        BuildEvent::Built { .. } => {
            state.said = None;
            state.enter(Phase::Built, at);
        }
        // A pushed image's service still waits for its turn.
        BuildEvent::Pushed { .. } => {}
        BuildEvent::Failed { error } => state.fail(error, at),
    }
}

fn apply_job(state: &mut State, event: &JobEvent, at: Timestamp) {
    match event {
        JobEvent::Started { .. } | JobEvent::Awaited { .. } => state.enter(Phase::Running, at),
        JobEvent::Log { line } => state.said = Some(beginning(line)),
        JobEvent::Succeeded => state.end(Ending::Succeeded, at),
        JobEvent::Failed { reason, .. } => state.fail(reason, at),
    }
}

fn apply_rollout(state: &mut State, event: &RolloutEvent, at: Timestamp) {
    match event {
        RolloutEvent::Started { revision, .. } => {
            state.revision = Some(revision.clone());
            state.rolled_at = Some(at);
            state.counts = None;
            state.returning = state.retreat.is_some();
            let phase = if state.returning {
                Phase::GoingBack
            } else {
                Phase::Rolling
            };
            state.enter(phase, at);
        }
        RolloutEvent::Progress { new, old } => {
            state.counts = Some((*new, *old));
            match state.phase {
                Phase::Waiting => state.enter(Phase::Adjusting, at),
                Phase::ToGoBack => state.enter(Phase::GoingBack, at),
                _ => {}
            }
        }
        RolloutEvent::Platform { message } => state.said = Some(beginning(message)),
        RolloutEvent::TasksFailed { reason, tasks, log } => {
            let same = |before: &FailingTasks| before.reason == *reason && before.log == *log;
            let repeats = state.failing.as_ref().is_some_and(same);
            let (reason, tasks, log) = (reason.clone(), tasks.clone(), log.clone());
            state.failing = Some(FailingTasks {
                reason,
                tasks,
                log,
                repeats,
            });
        }
        RolloutEvent::CauseNamed { cause, .. } => state.cause = Some(cause.clone()),
        RolloutEvent::RollbackRequested { why, .. } => {
            state.retreat = Some(why.clone());
            // Of a rollout under way, the platform accepted it. What ended before goes back by an
            // action of its own, and all of those are told of before the first begins.
            let phase = match state.phase {
                Phase::Rolling | Phase::Adjusting | Phase::GoingBack => Phase::GoingBack,
                _ => Phase::ToGoBack,
            };
            state.enter(phase, at);
        }
        RolloutEvent::Ended { end } => {
            let ending = ending(end, state);
            state.end(ending, at);
        }
    }
}

fn ending(end: &RolloutEnd, state: &mut State) -> Ending {
    match end {
        RolloutEnd::Succeeded if state.returning => Ending::TakenBack,
        RolloutEnd::Succeeded => Ending::Succeeded,
        RolloutEnd::RolledBack { to, cause, reason } => {
            remember(state, cause.as_ref(), reason.as_deref());
            Ending::RolledBack { to: to.clone() }
        }
        RolloutEnd::Superseded { .. } => Ending::Superseded,
        RolloutEnd::Failed { cause, reason } => {
            remember(state, cause.as_ref(), None);
            Ending::Failed {
                reason: reason.clone(),
            }
        }
    }
}

fn remember(state: &mut State, cause: Option<&Cause>, reason: Option<&str>) {
    if state.cause.is_none() {
        state.cause = cause.cloned();
    }
    if state.retreat.is_none() {
        state.retreat = reason.map(str::to_owned);
    }
}

fn apply_service(state: &mut State, event: &ServiceEvent, at: Timestamp) {
    match event {
        ServiceEvent::Configured | ServiceEvent::Scaled { .. } => {
            state.returning = state.retreat.is_some();
            if state.returning {
                // The revision that was tried is not what it goes back to.
                state.revision = None;
            }
            if state.counted {
                state.enter(Phase::Adjusting, at);
            } else if state.returning {
                state.end(Ending::TakenBack, at);
            } else {
                state.end(Ending::Succeeded, at);
            }
        }
        ServiceEvent::GivenUp => {
            state.given_up = true;
            state.enter(Phase::GoingBack, at);
        }
        ServiceEvent::Removed => state.end(Ending::Removed, at),
        ServiceEvent::Failed { error } => state.fail(error, at),
    }
}

fn beginning(line: &str) -> String {
    line.chars().take(KEPT_WORDS).collect()
}
