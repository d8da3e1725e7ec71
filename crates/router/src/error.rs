//! Why a router cannot start or take a configuration.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::table::{ListenerId, TargetGroupId};

/// Why a router cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The access log cannot be written.
    #[error("failed to open the access log {}", path.display())]
    AccessLog {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A thread that serves connections cannot be started.
    #[error("failed to start a worker of the router")]
    Worker(#[source] io::Error),
}

/// Why a configuration was not taken. The one before stays in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A listener's address cannot be listened at.
    #[error("failed to listen at {address} for {listener}")]
    Listen {
        /// The listener.
        listener: ListenerId,
        /// Its address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Two listeners have the same id.
    #[error("two listeners are named {0}")]
    DuplicateListener(ListenerId),
    /// Two listeners have the same address.
    #[error("two listeners have the address {0}")]
    DuplicateAddress(SocketAddr),
    /// A listener forwards to a target group that the table lacks.
    #[error("listener {listener} refers to target group {group}, which does not exist")]
    UnknownTargetGroup {
        /// The listener.
        listener: ListenerId,
        /// The missing group.
        group: TargetGroupId,
    },
    /// The router has been shut down.
    #[error("the router has been shut down")]
    ShutDown,
}
