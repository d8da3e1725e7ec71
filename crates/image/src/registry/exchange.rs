//! One request and its answer. The connection is made here, directly: no proxy of the process
//! environment is ever asked.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, Limited, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use super::endpoint::{Endpoint, RegistryCredentials};
use super::failure::Failure;

/// More of an error's text is not read.
const LONGEST_ERROR: usize = 64 << 10;

type Body = BoxBody<Bytes, io::Error>;

/// Sends requests to one registry.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    client: Client<HttpConnector, Body>,
    endpoint: Endpoint,
    authorization: HeaderValue,
}

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Until the head of the answer is there.
    pub(super) patience: Duration,
}

/// The head of an answer that is no error.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl Exchange {
    pub(super) fn new(endpoint: Endpoint, authorization: HeaderValue) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            endpoint,
            authorization,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one request. A 404 is an answer; every other error status is a failure.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let mut request = Request::new(ask.body);
        *request.method_mut() = ask.method;
        *request.uri_mut() = self.endpoint.uri(ask.path)?;
        *request.headers_mut() = ask.headers;
        let headers = request.headers_mut();
        headers.insert(RegistryCredentials::HEADER, self.authorization.clone());
        let answer = tokio::time::timeout(ask.patience, self.client.request(request))
            .await
            .map_err(|_| Failure::Slow(ask.patience))?
            .map_err(Failure::Connect)?;
        let (head, body) = answer.into_parts();
        let is_error = head.status.is_client_error() || head.status.is_server_error();
        if is_error && head.status != StatusCode::NOT_FOUND {
            let read = Limited::new(body, LONGEST_ERROR).collect();
            let text = match tokio::time::timeout(ask.patience, read).await {
                Ok(Ok(text)) => text.to_bytes(),
                _ => Bytes::new(),
            };
            return Err(Failure::Status {
                status: head.status,
                message: message(&text),
            });
        }
        // Read to its end, so that the connection can be used again.
        let read = body.collect();
        tokio::time::timeout(ask.patience, read)
            .await
            .map_err(|_| Failure::Slow(ask.patience))?
            .map_err(Failure::Body)?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
        })
    }
}

/// A request without content.
pub(super) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A request with this content.
pub(super) fn bytes(content: Vec<u8>) -> Body {
    Full::from(content).map_err(|never| match never {}).boxed()
}

/// A request with the content of a file, and the header that says how long it is.
pub(super) fn file(file: tokio::fs::File, size: u64) -> (Body, HeaderMap) {
    let frames = ReaderStream::with_capacity(file, 64 << 10).map_ok(Frame::data);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    (StreamBody::new(frames).boxed(), headers)
}

/// The texts of an error answer (OCI distribution specification, "Error Codes").
fn message(text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<OneError>,
    }
    #[derive(Deserialize)]
    struct OneError {
        #[serde(default)]
        message: String,
    }
    let Ok(found) = serde_json::from_slice::<Errors>(text) else {
        return String::new();
    };
    let messages: Vec<String> = found.errors.into_iter().map(|one| one.message).collect();
    messages.join("; ")
}
