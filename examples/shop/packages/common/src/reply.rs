//! Answers, whole in memory: the shop has no large ones.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer of a service.
pub type Reply = Response<Full<Bytes>>;

/// A value as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => bytes(status, "application/json", body),
        Err(_) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer is not JSON\n",
        ),
    }
}

/// `{"error": "..."}`.
pub fn error(status: StatusCode, message: impl std::fmt::Display) -> Reply {
    json(status, &serde_json::json!({ "error": message.to_string() }))
}

/// Plain text.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    bytes(status, "text/plain; charset=utf-8", text)
}

/// A body of any type.
pub fn bytes(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = empty(status);
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *reply.body_mut() = Full::new(body.into());
    reply
}

/// No body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}
