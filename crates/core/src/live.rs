//! What was observed on the remote side, as far as it could be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::{Document, RevisionId};
use crate::digest::{Digest, ImageRef};
use crate::name::ServiceName;
use crate::observed::Observed;
use crate::rollout::Counts;

/// The state of an environment at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Digest of the infrastructure document that was applied last.
    pub infrastructure: Observed<Digest>,
    /// Seaway's services in the environment, those that the manifest no longer names included.
    /// A desired service that is not in the map is absent.
    pub services: BTreeMap<ServiceName, Observed<LiveService>>,
    /// Which of the images asked for the registry holds.
    pub images: BTreeSet<ImageRef>,
}

impl Live {
    /// What is known of `service`.
    pub fn service(&self, service: &ServiceName) -> Observed<&LiveService> {
        match self.services.get(service) {
            Some(Observed::Known(live)) => Observed::Known(live),
            Some(Observed::Unknown(reason)) => Observed::Unknown(reason.clone()),
            Some(Observed::Absent) | None => Observed::Absent,
        }
    }
}

/// A service that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveService {
    pub revision: RevisionId,
    /// Digest and body of the document the revision was registered from, where Seaway made it.
    pub document: Option<Document>,
    /// Digest of the settings that were applied last.
    pub settings: Option<Digest>,
    /// Digest of the health check in force, where Seaway owns the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Digest>,
    pub image: Option<ImageRef>,
    /// The count the manifest asked for when it was applied last; the desired count may have been
    /// changed since by hand or by autoscaling.
    pub declared_count: Option<u32>,
    pub counts: Counts,
    /// State of its newest rollout.
    pub rollout: LiveRollout,
}

/// How a service's newest rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveRollout {
    Completed,
    InProgress,
    Failed,
}
