//! What happens while a plan is carried out: the only way out of the engine.
//!
//! Order holds per subject; an event that ends something is never dropped. Terminal, JSON lines
//! and history are listeners of the same stream, so a release is replayed through the same
//! display. Invariant: no event carries the value of a secret.

use serde::{Deserialize, Serialize};

use crate::desired::RevisionId;
use crate::diagnosis::Cause;
use crate::digest::ImageRef;
use crate::name::{EnvironmentName, JobName, ServiceName};
use crate::plan::{Plan, RollKind};
use crate::release::{Origin, Outcome, ReleaseId};
use crate::rollout::{Counts, RolloutId};
use crate::time::Timestamp;

/// Version of the events' form; it grows when a reader of the older form would misread the new.
pub const VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub version: u32,
    /// Position in the stream, from 1.
    pub seq: u64,
    pub at: Timestamp,
    pub subject: Subject,
    pub kind: EventKind,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Subject {
    Release,
    Service(ServiceName),
    Job(JobName),
}

/// Events by noun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "noun", content = "event")]
pub enum EventKind {
    Release(ReleaseEvent),
    Lock(LockEvent),
    Build(BuildEvent),
    Infrastructure(InfrastructureEvent),
    Job(JobEvent),
    Rollout(RolloutEvent),
    Service(ServiceEvent),
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ReleaseEvent {
    Started {
        id: ReleaseId,
        environment: EnvironmentName,
        origin: Origin,
        plan: Box<Plan>,
    },
    /// A release that was cut off is gone on with.
    Resumed {
        id: ReleaseId,
    },
    /// The person asked to stop following; the platform goes on.
    Interrupted,
    /// The platform does not answer; it is asked again and again.
    Unanswered {
        reason: String,
    },
    /// It answers again.
    Answered,
    Ended {
        id: ReleaseId,
        outcome: Outcome,
    },
}

/// The environment's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LockEvent {
    Waiting {
        holder: String,
        purpose: String,
        since: Timestamp,
    },
    /// The holder's heartbeat stopped.
    TakenOver {
        holder: String,
        purpose: String,
    },
    Acquired,
}

/// An image on its way into the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BuildEvent {
    Started {
        command: Option<String>,
    },
    Output {
        line: String,
    },
    Built {
        image: ImageRef,
        files: u32,
        bytes: u64,
    },
    Pushed {
        image: ImageRef,
    },
    Failed {
        error: String,
    },
}

/// What Seaway owns around the services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum InfrastructureEvent {
    Started,
    /// Names of what was created or changed, such as `target group shop-local-api`.
    Ready {
        changed: Vec<String>,
    },
    Failed {
        error: String,
    },
}

/// A job that runs before the services roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum JobEvent {
    Started {
        task: String,
    },
    /// A release that was cut off left its task running; nothing new begins before it ended.
    Awaited {
        task: String,
        release: ReleaseId,
    },
    Log {
        line: String,
    },
    Succeeded,
    Failed {
        exit_code: Option<i32>,
        reason: String,
    },
}

/// A service on its way to a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RolloutEvent {
    Started {
        rollout: RolloutId,
        revision: RevisionId,
        how: RollKind,
    },
    Progress {
        new: Counts,
        old: Counts,
    },
    /// A line of the platform's own account.
    Platform {
        message: String,
    },
    /// Tasks that failed for the same reason, with the last lines one of them wrote.
    TasksFailed {
        reason: String,
        tasks: Vec<String>,
        log: Vec<String>,
    },
    CauseNamed {
        cause: Cause,
        after_ms: u64,
    },
    RollbackRequested {
        why: String,
        after_ms: u64,
    },
    Ended {
        end: RolloutEnd,
    },
}

/// How one service's rollout ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum RolloutEnd {
    Succeeded,
    RolledBack {
        to: Option<RevisionId>,
        cause: Option<Cause>,
        reason: Option<String>,
    },
    Superseded {
        by: Option<RolloutId>,
    },
    Failed {
        cause: Option<Cause>,
        reason: Option<String>,
    },
}

/// Changes of a service that are no rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ServiceEvent {
    Configured,
    Scaled {
        from: u32,
        to: u32,
    },
    /// The first release failed and there is nothing to go back to.
    GivenUp,
    Removed,
    Failed {
        error: String,
    },
}
