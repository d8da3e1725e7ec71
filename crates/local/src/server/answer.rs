//! Bodies of requests and answers.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;
use serde::Serialize;

/// The body of an answer: short ones are whole, blobs are streamed.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why a request's body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the connection broke while the body was read")]
    Broken,
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    respond(status, Empty::new().map_err(never).boxed_unsync())
}

/// What a request that is not let in gets.
pub(super) fn nothing() -> Response<Body> {
    let mut response = empty(StatusCode::FORBIDDEN);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// A short answer for people.
pub fn text(status: StatusCode, message: impl Into<String>) -> Response<Body> {
    let mut response = respond(status, whole(message.into()));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// An answer in JSON; 500 when the value has none.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let Ok(bytes) = serde_json::to_vec(value) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = respond(status, whole(bytes));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A body that is there as a whole.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

/// The whole body of a request that must not be longer than `limit` bytes.
pub async fn collect<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong { limit }),
        Err(_) => Err(BodyError::Broken),
    }
}

fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn never(impossible: Infallible) -> io::Error {
    match impossible {}
}
