//! From HTTP requests to operations, and from answers to HTTP responses.
//!
//! Decoding takes two steps. [`decode`] finds out which operation is meant; [`Decoded::parse`]
//! checks the body against the operation's shape and turns it into the request type, for which
//! nothing can be missing any more. Whoever does not have the operation can say so in between,
//! whatever the body holds.

mod cbor;
mod compression;
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

use crate::error::{Fault, WireError, common};
use crate::operation::{AwsOperation, Operation};
use crate::service::{Protocol, Service};
use crate::validation::{self, Invalid};

pub use request_id::RequestId;

/// Header with an error's name in the REST protocols, which no service here speaks.
const REST_ERROR: &str = "x-amzn-errortype";
/// Header with an error's name in the query protocol.
const QUERY_ERROR: &str = "x-amzn-query-error";

/// How a client is answered, known even when its request can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The protocol that the request speaks.
    pub protocol: Protocol,
    /// The service it is for, when that is known.
    pub service: Option<Service>,
}

/// A request whose operation is known.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    operation: Operation,
    protocol: Protocol,
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

    /// How the client is to be answered.
    pub fn dialect(&self) -> Dialect {
        Dialect {
            protocol: self.protocol,
            service: Some(self.service()),
        }
    }

    /// Checks the body against the model.
    ///
    /// # Errors
    /// What the service would answer: unreadable body, or broken constraints.
    pub fn check(&self) -> Result<(), WireError> {
        validation::check(self.operation.input(), &self.body).map_err(|invalid| match &invalid {
            Invalid::Mistyped { .. } => unreadable(self.protocol, invalid.to_string()),
            Invalid::Violations(error) => {
                WireError::new(self.service().validation_error(), error.to_string())
            }
        })
    }

    /// The operation's request.
    ///
    /// # Errors
    /// Those of [`Decoded::check`], and `SerializationException` or `MalformedInput` when `O` is
    /// not the decoded operation or a value does not fit its type.
    pub fn parse<O: AwsOperation>(self) -> Result<O::Request, WireError> {
        self.check()?;
        let protocol = self.protocol;
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
    let protocol = protocol(parts);
    let service = match protocol {
        Protocol::Cbor => cbor::target(parts).and_then(|(name, _)| Service::from_path_name(name)),
        Protocol::Json => {
            json::target(parts).and_then(|(prefix, _)| Service::from_target_prefix(prefix))
        }
        Protocol::Query => compression::unpacked(parts, body)
            .and_then(|body| query::Form::read(parts, &body).ok())
            .and_then(|form| form.get("Version").and_then(Service::from_query_version)),
    };
    Dialect { protocol, service }
}

/// Decodes a request whose signature has been verified.
///
/// # Errors
/// What the service would answer: unknown operation, or unreadable body.
pub fn decode(parts: &Parts, body: &[u8]) -> Result<Decoded, WireError> {
    let protocol = protocol(parts);
    let body = compression::unpacked(parts, body)
        .ok_or_else(|| unreadable(protocol, "The body cannot be unpacked.".to_owned()))?;
    let (operation, body) = match protocol {
        Protocol::Cbor => cbor::decode(parts, &body)?,
        Protocol::Json => json::decode(parts, &body)?,
        Protocol::Query => query::decode(parts, &body)?,
    };
    Ok(Decoded {
        operation,
        protocol,
        body,
    })
}

/// Writes the answer of an operation in the protocol of the request.
///
/// # Errors
/// When a value has no representation on the wire.
pub fn encode<O: AwsOperation>(
    dialect: Dialect,
    response: &O::Response,
    id: &RequestId,
) -> Result<Response<Bytes>, EncodeError> {
    let operation = O::OPERATION;
    let failed = |source| EncodeError { operation, source };
    let value = || serde_json::to_value(response).map_err(failed);
    let body = match (dialect.protocol, operation.output()) {
        (Protocol::Cbor | Protocol::Json, None) => Vec::new(),
        (Protocol::Cbor, Some(shape)) => cbor::response(shape, &value()?),
        (Protocol::Json, Some(_)) => serde_json::to_vec(response).map_err(failed)?,
        (Protocol::Query, _) => xml::response(operation, &value()?, id).into_bytes(),
    };
    Ok(answer(StatusCode::OK, dialect, body, id))
}

/// Writes an error in the protocol of the request.
pub fn encode_error(dialect: Dialect, error: &WireError, id: &RequestId) -> Response<Bytes> {
    let body = match dialect.protocol {
        Protocol::Cbor => cbor::error(error),
        Protocol::Json => json::error(error),
        Protocol::Query => xml::error(dialect.service, error, id).into_bytes(),
    };
    let mut response = answer(error.status(), dialect, body, id);
    if dialect.service.is_none() {
        // A client of a service that is not here may speak a REST protocol; what it reads of an
        // error is this, and the body as the message.
        let name = HeaderValue::from_static(error.shape().name);
        response.headers_mut().insert(REST_ERROR, name);
    }
    if dialect.protocol != Protocol::Query
        && dialect.service.is_some_and(|it| it.speaks(Protocol::Query))
    {
        let headers = response.headers_mut();
        headers.insert(QUERY_ERROR, query_error(error));
    }
    response
}

/// What the same error is called in the query protocol, for programs from that time:
/// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>.
fn query_error(error: &WireError) -> HeaderValue {
    let fault = match error.shape().fault {
        Fault::Sender => "Sender",
        Fault::Receiver => "Receiver",
    };
    // Codes are names in ASCII, which are always valid in a header.
    HeaderValue::from_str(&format!("{};{fault}", error.code()))
        .unwrap_or(HeaderValue::from_static(""))
}

fn protocol(parts: &Parts) -> Protocol {
    if cbor::is_spoken(parts) {
        Protocol::Cbor
    } else if parts.headers.contains_key(json::TARGET) {
        Protocol::Json
    } else {
        Protocol::Query
    }
}

fn answer(status: StatusCode, dialect: Dialect, body: Vec<u8>, id: &RequestId) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let content_type = match dialect.protocol {
        Protocol::Cbor => cbor::CONTENT_TYPE,
        Protocol::Json => json::content_type(dialect.service),
        Protocol::Query => xml::CONTENT_TYPE,
    };
    let headers = response.headers_mut();
    if dialect.protocol == Protocol::Cbor {
        let name = HeaderValue::from_static(cbor::PROTOCOL_NAME);
        headers.insert(cbor::PROTOCOL, name);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amzn-requestid", id.header());
    response
}

fn unreadable(protocol: Protocol, message: String) -> WireError {
    let shape = match protocol {
        Protocol::Cbor | Protocol::Json => &common::SERIALIZATION_EXCEPTION,
        Protocol::Query => &common::MALFORMED_INPUT,
    };
    WireError::new(shape, message)
}
