//! The record of one release while it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use seaway_core::desired::RevisionId;
use seaway_core::name::ServiceName;
use seaway_core::plan::{Action, ActionId, Plan};
use seaway_core::release::{Applied, Entry, Outcome, ReleaseId, Snapshot};
use seaway_ports::{Lease, Ledger, PortError};

use crate::events::Events;
use crate::persist::persist;

/// Writes intents, results and events in their order.
///
/// Invariant: [`Record::begun`] is durable before the action is taken.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) release: ReleaseId,
    pub(crate) nonce: String,
    lease: Lease,
    ledger: Arc<dyn Ledger>,
    events: Events,
    /// One writer at a time, so that events stay in order.
    turn: Arc<tokio::sync::Mutex<()>>,
    revisions: Arc<Mutex<BTreeMap<ServiceName, RevisionId>>>,
    going_back: Arc<Mutex<BTreeSet<ServiceName>>>,
}

impl Record {
    pub(crate) fn new(
        (release, nonce): (ReleaseId, String),
        lease: Lease,
        ledger: Arc<dyn Ledger>,
        events: Events,
    ) -> Self {
        let (turn, revisions, going_back) = Default::default();
        Self {
            release,
            nonce,
            lease,
            ledger,
            events,
            turn,
            revisions,
            going_back,
        }
    }

    /// Keeps in mind which revision a service was moved to.
    pub(crate) fn remember(&self, service: &ServiceName, revision: &RevisionId) {
        let mut revisions = self
            .revisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        revisions.insert(service.clone(), revision.clone());
    }

    /// The revision a service was moved to.
    pub(crate) fn revision(&self, service: &ServiceName) -> Option<RevisionId> {
        let revisions = self
            .revisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        revisions.get(service).cloned()
    }

    /// These actions are about to be taken.
    pub(crate) async fn begun(&self, actions: &[&Action]) -> Result<(), PortError> {
        let begun = |action: &&Action| Entry::Begun { action: action.id };
        self.write(actions.iter().map(begun).collect()).await
    }

    /// An action was taken.
    pub(crate) async fn done(&self, action: ActionId, applied: Applied) -> Result<(), PortError> {
        self.write(vec![Entry::Done { action, applied }]).await
    }

    /// An action could not be taken.
    pub(crate) async fn failed(&self, action: ActionId, error: &str) -> Result<(), PortError> {
        self.write(vec![Entry::Failed {
            action,
            error: error.to_owned(),
        }])
        .await
    }

    /// The service's rollout is about to be taken back; written once.
    pub(crate) async fn goes_back(&self, service: &ServiceName) -> Result<(), PortError> {
        let is_known = {
            let going_back = self.going_back.lock();
            let going_back = going_back.unwrap_or_else(PoisonError::into_inner);
            going_back.contains(service)
        };
        if is_known {
            return Ok(());
        }
        self.write(vec![Entry::GoesBack {
            service: service.clone(),
        }])
        .await?;
        let mut going_back = self
            .going_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        going_back.insert(service.clone());
        Ok(())
    }

    /// These actions are about to take back what others did.
    pub(crate) async fn retreat(&self, plan: &Plan) -> Result<(), PortError> {
        self.write(vec![Entry::Retreat {
            plan: Box::new(plan.clone()),
        }])
        .await
    }

    /// Puts the events on record that came up since the last writing.
    pub(crate) async fn flush(&self) -> Result<(), PortError> {
        self.write(vec![]).await
    }

    /// The release is over.
    pub(crate) async fn ended(&self, outcome: Outcome, after: &Snapshot) -> Result<(), PortError> {
        self.write(vec![Entry::Ended {
            outcome,
            after: after.clone(),
        }])
        .await
    }

    async fn write(&self, mut entries: Vec<Entry>) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let events = self.events.unrecorded();
        if !events.is_empty() {
            entries.insert(
                0,
                Entry::Events {
                    events: events.clone(),
                },
            );
        }
        if entries.is_empty() {
            return Ok(());
        }
        let append = || self.ledger.append(&self.lease, self.release, &entries);
        let written = persist(self.events.clock(), append).await;
        if written.is_err() {
            self.events.restore(events);
        }
        written
    }
}
