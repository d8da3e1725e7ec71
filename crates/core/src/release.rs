//! What one command did to one environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::desired::{DesiredJob, DesiredService, Document, RevisionId};
use crate::name::{EnvironmentName, JobName, ServiceName};
use crate::plan::{ActionId, Plan};
use crate::time::Timestamp;

/// The number of a release within its environment, shown as `r12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(pub u32);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

/// A text that is no release.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no release: expected `r` and a number, as `seaway history` shows them")]
pub struct ReleaseIdError(pub String);

impl FromStr for ReleaseId {
    type Err = ReleaseIdError;
    fn from_str(text: &str) -> Result<Self, ReleaseIdError> {
        let digits = text.strip_prefix('r').unwrap_or(text);
        digits
            .parse()
            .map(Self)
            .map_err(|_| ReleaseIdError(text.to_owned()))
    }
}

/// Who did it and from which sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `user@host`.
    pub by: String,
    pub source: Source,
}

/// The state of the working tree a release was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Source {
    Commit {
        id: String,
    },
    /// A commit and changes on top of it.
    Dirty {
        id: String,
    },
    /// No git repository, or one without a commit.
    Unversioned,
    /// Not built at all: an earlier release, or an operation on what runs.
    Recorded,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    /// Every service that had changed is back on what ran before.
    RolledBack,
    Superseded,
    Failed,
    /// It was interrupted and what it had changed was taken back.
    Undone,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled back",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Undone => "undone",
        })
    }
}

/// What ran in the environment when a release ended: what a rollback needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// What was provisioned around the services, where Seaway owns it. None, too, in records from
    /// before it was kept: going back to one leaves the infrastructure as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Document>,
    pub services: BTreeMap<ServiceName, Deployed>,
    pub jobs: BTreeMap<JobName, DesiredJob>,
}

/// One service as it ran, with everything needed to run it again without a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    pub revision: RevisionId,
    pub service: DesiredService,
}

/// The part of a release that is written before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub environment: EnvironmentName,
    pub origin: Origin,
    /// Part of every idempotency token of the release, so that two ledgers never share one.
    pub nonce: String,
    pub plan: Plan,
    /// What ran before, to go back to.
    pub before: Snapshot,
}

/// A line of a release's record, in the order of writing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// The action is about to be taken.
    Begun {
        action: ActionId,
    },
    /// The action was taken, with what is needed to go on or to go back.
    Done {
        action: ActionId,
        applied: Applied,
    },
    Failed {
        action: ActionId,
        error: String,
    },
    /// The rollout of this service is about to be taken back: it failed, or another one did. From
    /// here on the release only goes back, whoever takes it up.
    GoesBack {
        service: ServiceName,
    },
    /// A service failed, so these actions take back what the others changed.
    Retreat {
        plan: Box<Plan>,
    },
    Events {
        events: Vec<crate::event::Event>,
    },
    Ended {
        outcome: Outcome,
        after: Snapshot,
    },
}

/// What taking an action led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Applied {
    Nothing,
    Registered {
        revision: RevisionId,
    },
    Rolled {
        revision: RevisionId,
        rollout: Option<crate::rollout::RolloutId>,
    },
}

/// A release as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    pub started_at: Timestamp,
    pub intent: Intent,
    pub entries: Vec<Stamped>,
}

/// An entry and when it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    pub at: Timestamp,
    pub entry: Entry,
}

impl Release {
    /// How it ended; none while it runs or when it was cut off.
    pub fn outcome(&self) -> Option<Outcome> {
        self.entries
            .iter()
            .rev()
            .find_map(|stamped| match stamped.entry {
                Entry::Ended { outcome, .. } => Some(outcome),
                _ => None,
            })
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        let ended = |s: &&Stamped| matches!(s.entry, Entry::Ended { .. });
        self.entries
            .iter()
            .rev()
            .find(ended)
            .map(|stamped| stamped.at)
    }

    /// What ran when it ended.
    pub fn after(&self) -> Option<&Snapshot> {
        self.entries
            .iter()
            .rev()
            .find_map(|stamped| match &stamped.entry {
                Entry::Ended { after, .. } => Some(after),
                _ => None,
            })
    }

    /// What the action led to, if it was taken.
    pub fn applied(&self, action: ActionId) -> Option<&Applied> {
        self.entries
            .iter()
            .rev()
            .find_map(|stamped| match &stamped.entry {
                Entry::Done {
                    action: done,
                    applied,
                } if *done == action => Some(applied),
                _ => None,
            })
    }

    /// The first number that none of its actions has, those that took something back included.
    pub fn next_id(&self) -> ActionId {
        let retreats = self
            .entries
            .iter()
            .filter_map(|stamped| match &stamped.entry {
                Entry::Retreat { plan } => Some(plan.next_id()),
                _ => None,
            });
        let last = retreats.max().unwrap_or(ActionId(0));
        last.max(self.intent.plan.next_id())
    }

    /// The services whose rollouts were taken back, or were about to be; empty: it goes forward.
    pub fn going_back(&self) -> BTreeSet<ServiceName> {
        let goes_back = |stamped: &Stamped| match &stamped.entry {
            Entry::GoesBack { service } => Some(service.clone()),
            _ => None,
        };
        self.entries.iter().filter_map(goes_back).collect()
    }

    /// Every event that was recorded, in order.
    pub fn events(&self) -> impl Iterator<Item = &crate::event::Event> {
        self.entries
            .iter()
            .flat_map(|stamped| match &stamped.entry {
                Entry::Events { events } => events.as_slice(),
                _ => &[],
            })
    }
}
