//! Starting, finding and stopping the background process, from a command's side.
//!
//! The process is re-executed from the same binary (see [`crate::background`]),
//! runs in a session of its own with none of the command's descriptors, and
//! counts as started when it answers.

mod client;
mod connection;
mod error;
mod lifecycle;
mod opening;
mod process;
mod spawn;
mod version;

pub use client::{ClientError, PlatformClient};
#[cfg(test)]
pub(crate) use client::{Signature, sign_request};
pub use connection::Connection;
pub use error::LaunchError;
pub use lifecycle::{LaunchOptions, Stopped, ensure_running, find_running, restart, stop};
pub use opening::{Changed, change_access};
pub use process::{Claim, ClaimError, ProcessIdentity, ProcessRecord};
pub use version::build_of;
