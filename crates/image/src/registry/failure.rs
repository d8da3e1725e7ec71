//! Why a call to the registry failed, and what follows from it.

use std::time::Duration;

use http::StatusCode;
use seaway_core::digest::Digest;
use seaway_ports::{PortError, PortErrorKind};
use thiserror::Error;

use crate::causes::told;
use crate::store::StoreError;

/// One failed call.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("the registry does not answer")]
    Connect(#[source] hyper_util::client::legacy::Error),
    #[error("the registry's answer broke off")]
    Body(#[source] hyper::Error),
    #[error("the registry did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    #[error("the registry answered {status}{}", said(message))]
    Status { status: StatusCode, message: String },
    #[error("the registry's answer makes no sense: {0}")]
    Nonsense(&'static str),
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    #[error("the local image store failed")]
    Store(#[from] StoreError),
    #[error("the layer cannot be read")]
    Layer(#[source] std::io::Error),
    #[error("{0} is not an image of the embedded platform")]
    Foreign(String),
    #[error("the image is no longer on this machine")]
    Gone(Digest),
    #[error("the image's manifest is damaged")]
    Manifest(#[from] oci_spec::OciSpecError),
}

impl Failure {
    /// Whether the same call may succeed in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Body(_) | Self::Slow(_) => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// The failure at the port; `what` is what was tried.
    pub(super) fn at_port(&self, what: String) -> PortError {
        let error = PortError::new(self.kind(), what, told(self));
        match self.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn kind(&self) -> PortErrorKind {
        match self {
            Self::Status { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PortErrorKind::Denied,
                StatusCode::NOT_FOUND => PortErrorKind::NotFound,
                StatusCode::TOO_MANY_REQUESTS => PortErrorKind::Throttled,
                status if status.is_server_error() => PortErrorKind::Unavailable,
                _ => PortErrorKind::Invalid,
            },
            Self::Gone(_) => PortErrorKind::NotFound,
            Self::Foreign(_) | Self::Manifest(_) | Self::Request(_) => PortErrorKind::Invalid,
            _ => PortErrorKind::Unavailable,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect(_) | Self::Slow(_) => {
                Some("`seaway local status` says whether the embedded platform runs")
            }
            Self::Gone(_) | Self::Manifest(_) => Some("`seaway deploy` builds it again"),
            _ => None,
        }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() {
        return String::new();
    }
    format!(": {message}")
}
