//! The embedded platform: an AWS-compatible server on one loopback port that
//! really runs the tasks it is told to run.
//!
//! The way of a request: `server` (guards, dispatch) → `services` (translate
//! between wire and state) → `store`. What decides and what runs tasks lives in
//! the scheduler, runtime and router crates. The commands of Seaway reach this
//! crate only through `launch` and, in the background process itself, `daemon`.

pub mod access;
pub mod authority;
pub mod background;
pub mod balancing;
pub mod clock;
pub mod daemon;
pub mod faults;
pub mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod identity;
pub mod keys;
pub mod launch;
pub mod layout;
pub mod metrics;
mod monitoring;
pub mod platform;
pub mod profile;
pub mod redacted;
pub mod registry;
pub mod runtimes;
pub mod server;
pub mod services;
mod standing;
pub mod store;

#[cfg(test)]
mod testing;
