//! The record of releases and the lock of each environment, on an object store.
//!
//! [`DirectoryLedger`] implements the ports [`Ledger`](seaway_ports::Ledger) and
//! [`Locks`](seaway_ports::Locks) on a directory:
//!
//! ```text
//! releases/ENV/000012/intent.json           written before anything is done
//! releases/ENV/000012/entries-000001.json   one new object per append
//! locks/ENV.json                            holder, heartbeat, generation
//! ```
//!
//! An object is written whole or not at all and is durable when a call returns; only locks are
//! ever replaced. Everything goes through [`ObjectStore`], which asks no more than S3's
//! conditional writes give.
//!
//! A lease is checked before each write, not together with it: between the two a holder that
//! slept may be overtaken. Such a writer still adds an object of its own and never changes one of
//! its successor's, so the record stays readable and says what happened.

mod directory;
mod error;
mod format;
mod ledger;
mod lock;
mod locks;
mod observer;
mod process;
mod releases;
mod store;
#[cfg(test)]
mod test_support;

pub use directory::DirectoryStore;
pub use error::LedgerError;
pub use ledger::{DirectoryLedger, ObjectLedger};
pub use store::{Object, ObjectStore, StoreError, Version, Written};
