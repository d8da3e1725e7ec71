//! Who sends requests on a connection, and how.

use std::net::SocketAddr;

use crate::workers::WorkerId;

/// The other end of a client's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    /// Who serves the connection.
    pub(crate) worker: WorkerId,
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
}

impl Protocol {
    /// As URLs begin with it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
