//! Answers of the registry as the OCI distribution specification wants them.

use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

use super::images::ImageError;
use crate::server::{Body, empty, json as json_answer};
use crate::store::StoreError;

/// Why the registry refuses: a code of the specification and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    /// A failure of the platform itself: named in its log, not to the client.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "the registry failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN",
            "the registry failed",
        )
    }

    pub(super) fn answer(&self) -> Response<Body> {
        let error = json!({ "code": self.code, "message": self.message });
        json_answer(self.status, &json!({ "errors": [error] }))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        let code = match &error {
            ImageError::Manifest(_) => "MANIFEST_INVALID",
            ImageError::WrongDigest { .. } => "DIGEST_INVALID",
            ImageError::MissingBlob(_) | ImageError::MissingManifest(_) => "MANIFEST_BLOB_UNKNOWN",
            ImageError::InUse { .. } => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                return Self::new(status, "DENIED", error.to_string());
            }
            ImageError::WrongSize { .. } => "SIZE_INVALID",
            ImageError::ImmutableTag { .. } => "TAG_INVALID",
            ImageError::Store(_) | ImageError::Files(_) => return Self::internal(&error),
        };
        Self::bad(code, error.to_string())
    }
}

/// An answer without body and with these headers.
pub(super) fn with_headers(
    status: StatusCode,
    headers: &[(HeaderName, &str)],
) -> Result<Response<Body>, Refusal> {
    let mut response = empty(status);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|error| Refusal::internal(&error))?;
        response.headers_mut().append(name.clone(), value);
    }
    Ok(response)
}
