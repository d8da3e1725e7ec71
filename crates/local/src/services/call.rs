//! One request for one operation, and the way to its answer.

use bytes::Bytes;
use http::Response;
use seaway_aws_wire::codec::{self, Decoded, Dialect, RequestId};
use seaway_aws_wire::error::common;
use seaway_aws_wire::{AwsOperation, Operation, WireError};

use crate::clock::EpochMillis;

/// What a handler gives back: an encoded response, or the error to encode.
pub type Answer = Result<Response<Bytes>, WireError>;

/// A verified and decoded request. Its values are checked when it is answered.
#[derive(Debug)]
pub struct Call {
    decoded: Decoded,
    id: RequestId,
    now: EpochMillis,
}

impl Call {
    pub(super) fn new(decoded: Decoded, id: RequestId, now: EpochMillis) -> Self {
        Self { decoded, id, now }
    }

    /// Which operation is asked for.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.decoded.operation()
    }

    /// When the request arrived.
    #[must_use]
    pub fn now(&self) -> EpochMillis {
        self.now
    }

    /// Runs `handle` on the typed request and encodes what it returns.
    pub fn answer<O, E>(self, handle: impl FnOnce(O::Request) -> Result<O::Response, E>) -> Answer
    where
        O: AwsOperation,
        E: Into<WireError>,
    {
        let Self { decoded, id, .. } = self;
        let dialect = decoded.dialect();
        let response = handle(decoded.parse::<O>()?).map_err(Into::into)?;
        encode::<O>(dialect, &response, &id)
    }

    /// Like [`Call::answer`], for handlers that wait.
    pub async fn answer_async<O, E, F>(self, handle: impl FnOnce(O::Request) -> F) -> Answer
    where
        O: AwsOperation,
        E: Into<WireError>,
        F: Future<Output = Result<O::Response, E>>,
    {
        let Self { decoded, id, .. } = self;
        let dialect = decoded.dialect();
        let response = handle(decoded.parse::<O>()?).await.map_err(Into::into)?;
        encode::<O>(dialect, &response, &id)
    }
}

/// A failure of the platform itself, as AWS words it; the reason is logged.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> WireError {
    tracing::error!(error, "a request failed");
    WireError::new(
        &common::INTERNAL_FAILURE,
        "The request failed because of an internal error.",
    )
}

fn encode<O: AwsOperation>(dialect: Dialect, response: &O::Response, id: &RequestId) -> Answer {
    codec::encode::<O>(dialect, response, id).map_err(|error| internal(&error))
}
