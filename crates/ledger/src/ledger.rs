//! The ledger itself: a store, a clock and what was seen so far.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaway_core::name::EnvironmentName;
use seaway_core::release::ReleaseId;
use seaway_ports::Clock;

use crate::directory::DirectoryStore;
use crate::error::LedgerError;
use crate::observer::Observer;
use crate::store::ObjectStore;

/// Releases and locks in a directory that only its owner can read.
pub type DirectoryLedger = ObjectLedger<DirectoryStore>;

/// Releases and locks on an object store. One per process: it remembers the heartbeats it saw.
pub struct ObjectLedger<S> {
    pub(crate) store: S,
    pub(crate) clock: Arc<dyn Clock>,
    observer: Mutex<Observer>,
    /// The number of the next entries object; a guess that saves listing.
    next_entries: Mutex<HashMap<(EnvironmentName, ReleaseId), u32>>,
}

impl DirectoryLedger {
    /// Opens the ledger in `root`, which is created where it is missing. `clock` stamps records
    /// and measures heartbeats.
    pub fn open(root: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        Ok(Self::on(DirectoryStore::open(root.into())?, clock))
    }
}

impl<S: ObjectStore> ObjectLedger<S> {
    /// A ledger on `store`.
    pub fn on(store: S, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            observer: Mutex::default(),
            next_entries: Mutex::default(),
        }
    }

    pub(crate) fn observer(&self) -> MutexGuard<'_, Observer> {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_entries(
        &self,
    ) -> MutexGuard<'_, HashMap<(EnvironmentName, ReleaseId), u32>> {
        self.next_entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: fmt::Debug> fmt::Debug for ObjectLedger<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ObjectLedger");
        shown.field("store", &self.store).finish_non_exhaustive()
    }
}
