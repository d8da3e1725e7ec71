//! AWS JSON 1.0 and 1.1: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use http::request::Parts;
use serde_json::{Map, Value};

use crate::error::{WireError, common};
use crate::operation::Operation;
use crate::service::Service;

/// Header that names the operation.
pub(super) const TARGET: &str = "x-amz-target";

/// What a service calls its JSON.
pub(super) fn content_type(service: Option<Service>) -> &'static str {
    match service.map(Service::json_version) {
        Some("1.0") => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

/// The prefix and the operation's name in `X-Amz-Target`.
pub(super) fn target(parts: &Parts) -> Option<(&str, &str)> {
    parts.headers.get(TARGET)?.to_str().ok()?.split_once('.')
}

pub(super) fn decode(parts: &Parts, body: &[u8]) -> Result<(Operation, Value), WireError> {
    let operation = target(parts)
        .and_then(|(prefix, name)| Operation::from_name(Service::from_target_prefix(prefix)?, name))
        .ok_or_else(|| {
            let name = parts
                .headers
                .get(TARGET)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            let text = format!("Unknown operation: {}", name.unwrap_or_default());
            WireError::new(&common::UNKNOWN_OPERATION_EXCEPTION, text)
        })?;
    if body.is_empty() {
        return Ok((operation, Value::Object(Map::new())));
    }
    // The parser's message gives line and column and quotes nothing.
    let value = serde_json::from_slice(body)
        .map_err(|error| WireError::new(&common::SERIALIZATION_EXCEPTION, error.to_string()))?;
    Ok((operation, value))
}

pub(super) fn error(error: &WireError) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("__type".to_owned(), error.shape().name.into());
    body.insert(
        error.shape().message_member.to_owned(),
        error.message().into(),
    );
    for (name, value) in error.members() {
        body.insert((*name).to_owned(), value.clone());
    }
    Value::Object(body).to_string().into_bytes()
}
