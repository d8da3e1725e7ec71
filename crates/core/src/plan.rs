//! The decision: what has to be done so that what is live becomes what is desired.
//!
//! [`plan`] is synchronous and deterministic. A [`Plan`] carries finished documents, so that
//! applying it decides nothing, and a typed reason for everything it does and does not do. After a
//! plan was applied, planning again finds nothing to do.

mod decide;
mod fields;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::{DesiredJob, DesiredService, Document, RevisionId};
use crate::digest::{Digest, ImageRef};
use crate::name::ServiceName;
use crate::release::ReleaseId;

pub use decide::plan;

/// What a command wants, beyond what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub goal: Goal,
    /// Only these services; none: all.
    pub only: Option<BTreeSet<ServiceName>>,
    pub orphans: Orphans,
}

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Goal {
    Deploy,
    /// Back to what ran at the end of a release.
    Rollback {
        to: ReleaseId,
    },
    /// Back to one revision of one service.
    RollbackService {
        to: RevisionId,
    },
    /// New tasks of the same revisions.
    Restart,
    Scale {
        count: u32,
    },
    /// Takes back what an interrupted release changed.
    Undo {
        release: ReleaseId,
    },
}

/// What happens to services that the manifest no longer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    Keep,
    Remove,
}

/// Everything one release will do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub goal: Goal,
    pub services: BTreeMap<ServiceName, Decision>,
    /// In the order of their phases; actions of one phase run side by side.
    pub actions: Vec<Action>,
}

/// What is decided for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    Deploy {
        reasons: Vec<Reason>,
    },
    Skip {
        because: SkipReason,
    },
    /// No longer in the manifest; stays until it is removed with `--prune`.
    Orphan,
    Remove,
    Blocked {
        on: Block,
    },
}

/// Why a service is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    New,
    Image {
        from: Option<Digest>,
        to: Digest,
    },
    /// Fields of the task definition that differ, without their values.
    Configuration {
        fields: Vec<String>,
    },
    /// How the tasks are run, not what they are.
    Settings,
    /// What the tasks must answer to count as healthy.
    HealthCheck,
    Count {
        from: u32,
        to: u32,
    },
    /// The newest rollout of this revision has not ended yet.
    Unfinished,
    /// The newest rollout of this revision failed.
    FailedBefore,
    Restart,
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    Unchanged,
    NotSelected,
}

/// Why nothing can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "block")]
pub enum Block {
    /// Its state could not be observed.
    Unknown { reason: String },
    /// The registry no longer holds the image and it cannot be built again from a record.
    ImageGone { image: ImageRef },
}

/// Position of an action in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub u32);

/// One thing to do, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub id: ActionId,
    pub step: Step,
}

/// The kinds of actions, in the order of their phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    Push {
        service: ServiceName,
        image: ImageRef,
    },
    Provision {
        document: Document,
    },
    RunJob {
        job: Box<DesiredJob>,
    },
    Roll(Box<Roll>),
    /// Applies settings and count without new tasks.
    Configure {
        service: Box<DesiredService>,
        count: Option<u32>,
    },
    Remove {
        service: ServiceName,
    },
}

/// A service moves to a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    pub service: DesiredService,
    pub kind: RollKind,
    /// Sets the desired count; none: it stays as it is.
    pub count: Option<u32>,
    /// What runs now.
    pub from: Option<RevisionId>,
}

/// How a rollout begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollKind {
    Create,
    Update,
    /// New tasks although nothing differs.
    Force,
    /// It has begun already: only watched.
    Follow,
}

/// Phases run one after the other; a failure in one keeps the later ones from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Push,
    Provision,
    Jobs,
    Services,
    Removals,
}

impl Step {
    /// The phase the step belongs to.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Push { .. } => Phase::Push,
            Self::Provision { .. } => Phase::Provision,
            Self::RunJob { .. } => Phase::Jobs,
            Self::Roll(_) | Self::Configure { .. } => Phase::Services,
            Self::Remove { .. } => Phase::Removals,
        }
    }
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The first number that none of its actions has.
    pub fn next_id(&self) -> ActionId {
        let ids = self.actions.iter().map(|action| action.id.0);
        ActionId(ids.max().map_or(0, |last| last.saturating_add(1)))
    }

    /// Services that cannot be planned; such a plan cannot be applied.
    pub fn blocked(&self) -> impl Iterator<Item = (&ServiceName, &Block)> {
        self.services
            .iter()
            .filter_map(|(name, decision)| match decision {
                Decision::Blocked { on } => Some((name, on)),
                _ => None,
            })
    }

    /// The content address of everything that would be done, to see whether a plan that was
    /// confirmed is still the same.
    pub fn digest(&self) -> Digest {
        let body = serde_json::to_value(self).unwrap_or_default();
        Digest::of_document(&body)
    }
}

#[cfg(test)]
mod tests;
