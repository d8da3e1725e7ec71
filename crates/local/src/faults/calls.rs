//! What becomes of an API call instead of its answer.

use std::time::Duration;

use seaway_aws_wire::error::common;
use seaway_aws_wire::{Protocol, WireError};

use super::kind::FaultKind;

/// A call's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFault {
    /// There were too many.
    Throttled,
    /// The service failed.
    Failed,
    /// There is no answer for so long; most clients have given up by then.
    Unanswered(Duration),
}

impl CallFault {
    pub(super) fn of(kind: FaultKind, time: Duration) -> Option<Self> {
        match kind {
            FaultKind::Throttling => Some(Self::Throttled),
            FaultKind::ServerError => Some(Self::Failed),
            FaultKind::TimeOut => Some(Self::Unanswered(time)),
            _ => None,
        }
    }

    /// The error that the caller gets, once it is time for it.
    pub(crate) async fn happen(self, protocol: Protocol) -> WireError {
        match self {
            Self::Throttled => {
                let shape = match protocol {
                    Protocol::Query => &common::THROTTLING,
                    Protocol::Json | Protocol::Cbor => &common::THROTTLING_EXCEPTION,
                };
                WireError::new(shape, "Rate exceeded")
            }
            Self::Failed => WireError::new(
                &common::INTERNAL_FAILURE,
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            Self::Unanswered(time) => {
                tokio::time::sleep(time).await;
                WireError::new(
                    &common::SERVICE_UNAVAILABLE,
                    "The request has failed due to a temporary failure of the server.",
                )
            }
        }
    }
}
