//! A registry in memory, for tests: it checks what it is sent and can fail on demand.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use seaway_core::digest::Digest;
use tokio::net::TcpListener;

use crate::oci::{MANIFEST, blobs_of};

/// The header of the only client that is let in: `AKID` and `hunter2`.
pub(super) const AUTHORIZED: &str = "Basic QUtJRDpodW50ZXIy";

/// A running registry.
pub(super) struct TestServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Bytes>,
    manifests: BTreeMap<String, Bytes>,
    /// Statuses to answer the next requests with.
    faults: VecDeque<StatusCode>,
    /// Blobs of other repositories.
    elsewhere: BTreeMap<String, Bytes>,
    /// Method and path of every request.
    seen: Vec<String>,
}

impl TestServer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(served);
            }
        });
        Self { address, state }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests fail with these statuses, in this order.
    pub(super) fn fail_with(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|s| StatusCode::from_u16(*s).unwrap());
        self.state.lock().unwrap().faults.extend(statuses);
    }

    /// The methods and paths asked since the last call, upload numbers left out.
    pub(super) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Another repository has this blob.
    pub(super) fn hold_elsewhere(&self, digest: &Digest, bytes: Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        state.elsewhere.insert(digest.to_string(), bytes.into());
    }

    pub(super) fn blob(&self, digest: &Digest) -> Option<Bytes> {
        let state = self.state.lock().unwrap();
        state.blobs.get(digest.as_str()).cloned()
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut state = state.lock().unwrap();
    state
        .seen
        .push(format!("{} {}", head.method, head.uri.path()));
    let authorization = head.headers.get(AUTHORIZATION);
    if authorization.is_none_or(|given| given != AUTHORIZED) {
        return Ok(refusal(StatusCode::UNAUTHORIZED, "who are you?"));
    }
    if let Some(fault) = state.faults.pop_front() {
        return Ok(refusal(fault, "on demand"));
    }
    let kind = head.headers.get(CONTENT_TYPE).cloned();
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
    Ok(state.answer(&head.method, head.uri.path(), head.uri.query(), kind, body))
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        kind: Option<&str>,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let path = path.strip_prefix("/v2/shop/api/").unwrap_or_default();
        let (noun, rest) = path.split_once('/').unwrap_or_default();
        match (method, noun, rest) {
            (&Method::HEAD, "blobs", digest) => found(self.blobs.contains_key(digest)),
            (&Method::HEAD, "manifests", digest) => found(self.manifests.contains_key(digest)),
            (&Method::POST, "blobs", "uploads/") if self.mounts(query) => {
                status(StatusCode::CREATED)
            }
            (&Method::POST, "blobs", "uploads/") => Response::builder()
                .status(StatusCode::ACCEPTED)
                .header(LOCATION, "/v2/shop/api/blobs/uploads/1?state=x")
                .body(Full::default())
                .unwrap(),
            (&Method::PUT, "blobs", "uploads/1") => {
                let digest = query.and_then(|query| query.strip_prefix("state=x&digest="));
                if digest != Some(Digest::of(&body).as_str()) {
                    return refusal(StatusCode::BAD_REQUEST, "the digest is wrong");
                }
                self.blobs.insert(Digest::of(&body).to_string(), body);
                status(StatusCode::CREATED)
            }
            (&Method::PUT, "manifests", digest) => {
                let blobs = blobs_of(&body).unwrap();
                let is_whole = |blob: &crate::oci::Blob| {
                    let held = self.blobs.get(blob.digest.as_str());
                    held.is_some_and(|held| held.len() as u64 == blob.size)
                };
                if kind != Some(MANIFEST) || !blobs.iter().all(is_whole) {
                    return refusal(StatusCode::BAD_REQUEST, "the manifest is wrong");
                }
                assert_eq!(digest, Digest::of(&body).as_str());
                self.manifests.insert(digest.to_owned(), body);
                status(StatusCode::CREATED)
            }
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "this server cannot do that"),
        }
    }
}

impl State {
    /// Takes the blob that the query asks for from another repository, if one has it.
    fn mounts(&mut self, query: Option<&str>) -> bool {
        let wanted = query.and_then(|query| query.strip_prefix("mount="));
        let Some((digest, bytes)) = wanted.and_then(|digest| self.elsewhere.remove_entry(digest))
        else {
            return false;
        };
        self.blobs.insert(digest, bytes);
        true
    }
}

fn found(is_there: bool) -> Response<Full<Bytes>> {
    status(if is_there {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    })
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn refusal(code: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let text = serde_json::json!({ "errors": [{ "code": "TEST", "message": message }] });
    let mut response = Response::new(Full::from(text.to_string()));
    *response.status_mut() = code;
    response
}
