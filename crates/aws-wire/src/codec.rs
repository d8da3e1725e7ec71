//! From HTTP requests to operations, and from answers to HTTP responses.
//!
//! Decoding takes two steps. [`decode`] finds out which operation is meant and checks the body
//! against the operation's shape; [`Decoded::parse`] turns it into the request type, for which
//! nothing can be missing any more.

mod json;
mod query;
mod request_id;
#[cfg(test)]
mod round_trip;
mod xml;

use std::fmt;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use thiserror::Error;

use crate::error::{WireError, common};
use crate::operation::{AwsOperation, Operation};
use crate::service::{Protocol, Service};
use crate::validation::{self, Invalid};

pub use request_id::RequestId;

/// How a client is answered, known even when its request can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The protocol that the request speaks.
    pub protocol: Protocol,
    /// The service it is for, when that is known.
    pub service: Option<Service>,
}

/// A request whose operation is known and whose body satisfies the model.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    operation: Operation,
    body: Value,
}

/// A response that could not be written: its values do not fit the wire.
#[derive(Debug, Error)]
#[error("failed to encode the response of {operation}")]
pub struct EncodeError {
    operation: Operation,
    source: serde_json::Error,
}

impl Decoded {
    /// The operation.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The service that has the operation.
    pub fn service(&self) -> Service {
        self.operation.service()
    }

    /// The operation's request.
    ///
    /// # Errors
    /// `SerializationException` or `MalformedInput` when `O` is not the decoded operation, or when
    /// a value does not fit its type.
    pub fn parse<O: AwsOperation>(self) -> Result<O::Request, WireError> {
        let protocol = self.service().protocol();
        if self.operation != O::OPERATION {
            return Err(unreadable(
                protocol,
                format!("{} is not {}", self.operation, O::OPERATION),
            ));
        }
        // serde's message may quote a value, which may be secret: only its kind is passed on.
        serde_json::from_value(self.body)
            .map_err(|_| unreadable(protocol, format!("{} has a value of a wrong type", O::NAME)))
    }
}

/// Names the operation only: the body may hold secrets.
impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// Which protocol and service a request speaks, without deciding whether it is valid.
pub fn dialect(parts: &Parts, body: &[u8]) -> Dialect {
    if parts.headers.contains_key(json::TARGET) {
        let service =
            json::target(parts).and_then(|(prefix, _)| Service::from_target_prefix(prefix));
        return Dialect {
            protocol: Protocol::Json,
            service,
        };
    }
    let service = query::Form::read(parts, body)
        .ok()
        .and_then(|form| form.get("Version").and_then(Service::from_query_version));
    Dialect {
        protocol: Protocol::Query,
        service,
    }
}

/// Decodes and validates a request whose signature has been verified.
///
/// # Errors
/// What the service would answer: unknown operation, unreadable body, or broken constraints.
pub fn decode(parts: &Parts, body: &[u8]) -> Result<Decoded, WireError> {
    let (operation, body) = if parts.headers.contains_key(json::TARGET) {
        json::decode(parts, body)?
    } else {
        query::decode(parts, body)?
    };
    validation::check(operation.input(), &body).map_err(|invalid| match &invalid {
        Invalid::Mistyped { .. } => unreadable(operation.service().protocol(), invalid.to_string()),
        Invalid::Violations(error) => {
            WireError::new(operation.service().validation_error(), error.to_string())
        }
    })?;
    Ok(Decoded { operation, body })
}

/// Writes the answer of an operation.
///
/// # Errors
/// When a value has no representation on the wire.
pub fn encode<O: AwsOperation>(
    response: &O::Response,
    id: &RequestId,
) -> Result<Response<Bytes>, EncodeError> {
    let operation = O::OPERATION;
    let failed = |source| EncodeError { operation, source };
    let (content_type, body) = match operation.service().protocol() {
        Protocol::Json if operation.output().is_none() => (json::CONTENT_TYPE, Vec::new()),
        Protocol::Json => (
            json::CONTENT_TYPE,
            serde_json::to_vec(response).map_err(failed)?,
        ),
        Protocol::Query => {
            let value = serde_json::to_value(response).map_err(failed)?;
            (
                xml::CONTENT_TYPE,
                xml::response(operation, &value, id).into_bytes(),
            )
        }
    };
    Ok(answer(StatusCode::OK, content_type, body, id))
}

/// Writes an error in the protocol of the request.
pub fn encode_error(dialect: Dialect, error: &WireError, id: &RequestId) -> Response<Bytes> {
    let (content_type, body) = match dialect.protocol {
        Protocol::Json => (json::CONTENT_TYPE, json::error(error)),
        Protocol::Query => (
            xml::CONTENT_TYPE,
            xml::error(dialect.service, error, id).into_bytes(),
        ),
    };
    answer(error.status(), content_type, body, id)
}

fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    id: &RequestId,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amzn-requestid", id.header());
    response
}

fn unreadable(protocol: Protocol, message: String) -> WireError {
    let shape = match protocol {
        Protocol::Json => &common::SERIALIZATION_EXCEPTION,
        Protocol::Query => &common::MALFORMED_INPUT,
    };
    WireError::new(shape, message)
}
