//! Which part of the platform answers a request, once it is let in.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::answer::{Body, collect, empty, nothing, text, whole};
use super::control::{self, Control};
use super::guard::AccessKeys;
use super::signature;
use crate::clock::EpochMillis;
use crate::registry::Registry;
use crate::services::Services;

/// The largest request of the AWS operations is PutLogEvents with 1 MiB of
/// text, which JSON escapes can make six times as long.
const MAX_BODY: usize = 8 << 20;
const DISTRIBUTION_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Everything behind the door.
#[derive(Debug)]
pub struct Routes {
    pub keys: AccessKeys,
    pub services: Services,
    pub registry: Arc<Registry>,
    pub control: Control,
}

impl Routes {
    /// Answers a request that was let in.
    pub(super) async fn answer(&self, parts: Parts, body: Incoming) -> Response<Body> {
        let path = parts.uri.path();
        if path == "/v2" || path.starts_with("/v2/") {
            self.answer_registry(&parts, body).await
        } else {
            self.answer_signed(&parts, body).await
        }
    }

    async fn answer_registry(&self, parts: &Parts, body: Incoming) -> Response<Body> {
        let mut response = if self.keys.match_basic(parts, EpochMillis::now()) {
            self.registry.answer(parts, body).await
        } else {
            let mut refused = empty(StatusCode::UNAUTHORIZED);
            let scheme = HeaderValue::from_static("Basic realm=\"seaway\"");
            refused.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            refused
        };
        let version = HeaderValue::from_static("registry/2.0");
        response.headers_mut().insert(DISTRIBUTION_VERSION, version);
        response
    }

    async fn answer_signed(&self, parts: &Parts, body: Incoming) -> Response<Body> {
        if !signature::is_signed(parts) {
            return nothing();
        }
        let body = match collect(body, MAX_BODY).await {
            Ok(body) => body,
            Err(error) => return text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        };
        let now = EpochMillis::now();
        if parts.uri.path().starts_with(control::PREFIX) {
            self.answer_control(parts, &body, now).await
        } else {
            self.answer_aws(parts, body, now).await
        }
    }

    async fn answer_control(
        &self,
        parts: &Parts,
        body: &Bytes,
        now: EpochMillis,
    ) -> Response<Body> {
        match signature::verify(parts, body, &self.keys, now) {
            Ok(signer) if signer.service == control::SIGNING_NAME && self.keys.is_own(&signer) => {
                self.control.answer(parts, body).await
            }
            Ok(_) => nothing(),
            Err(refusal) => {
                tracing::warn!(%refusal, "a command's request was refused");
                nothing()
            }
        }
    }

    async fn answer_aws(&self, parts: &Parts, body: Bytes, now: EpochMillis) -> Response<Body> {
        let signer = signature::verify(parts, &body, &self.keys, now);
        self.services
            .answer(parts, &body, signer, now)
            .await
            .map(whole)
    }
}
