//! Seaway's own interface to its platform, below `/_seaway/v1/`. Signed like
//! AWS requests, for the service `seaway`.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::answer::{Body, empty, json, text};
use super::faults;
use crate::faults::{Faults, Injection};
use crate::identity::{PROTOCOL, VERSION};
use crate::redacted::Redacted;

/// The path that the interface lives below.
pub const PREFIX: &str = "/_seaway/v1/";
/// The name of the interface in a signature's credential scope.
pub const SIGNING_NAME: &str = "seaway";
/// Carries the number that the platform proves itself with.
pub const NONCE_HEADER: &str = "x-seaway-nonce";

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Seaway's version.
    pub version: String,
    /// The version of this interface.
    pub protocol: u32,
    /// Tells builds of one version apart.
    pub build: String,
    pub pid: u32,
    /// Shows that whoever answers knows the secret key; see [`prove`].
    pub proof: String,
}

/// What becomes of the tasks when the platform ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskFate {
    /// They stop, and the supervisor with them.
    Stop,
    /// They run on; the next platform adopts them.
    Keep,
}

/// The body of `POST shutdown`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownRequest {
    pub tasks: TaskFate,
}

/// Receives the one request to end.
pub type Shutdown = oneshot::Receiver<TaskFate>;

/// Where a status comes from: the parts of the platform that have one.
pub type StatusSource = Box<dyn Fn() -> BoxFuture<'static, serde_json::Value> + Send + Sync>;

/// Whether a service that a fault is about is there.
pub type KnownService = Box<dyn Fn(&Injection) -> bool + Send + Sync>;

/// The state of the interface.
pub struct Control {
    secret: Redacted,
    build: String,
    status: StatusSource,
    faults: Arc<Faults>,
    known: KnownService,
    end: Mutex<Option<oneshot::Sender<TaskFate>>>,
}

impl Control {
    /// The interface and the receiver of the request to end. `build` tells
    /// builds of one version apart.
    pub fn new(
        secret: Redacted,
        build: String,
        status: StatusSource,
        faults: Arc<Faults>,
        known: KnownService,
    ) -> (Self, Shutdown) {
        let (sender, receiver) = oneshot::channel();
        (
            Self {
                secret,
                build,
                status,
                faults,
                known,
                end: Mutex::new(Some(sender)),
            },
            receiver,
        )
    }

    /// Answers a verified request.
    pub(super) async fn answer(&self, request: &Parts, body: &Bytes) -> Response<Body> {
        let name = request.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if let Some(rest) = name.strip_prefix("faults") {
            let asked = (&request.method, rest);
            return faults::answer(&self.faults, &self.known, asked, body);
        }
        match (&request.method, name) {
            (&Method::GET, "ping") => self.ping(request),
            (&Method::GET, "status") => json(StatusCode::OK, &(self.status)().await),
            (&Method::POST, "shutdown") => self.shutdown(body),
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    fn ping(&self, request: &Parts) -> Response<Body> {
        let nonce = request
            .headers
            .get(NONCE_HEADER)
            .map_or(&b""[..], |value| value.as_bytes());
        let ping = Ping {
            version: VERSION.to_owned(),
            protocol: PROTOCOL,
            build: self.build.clone(),
            pid: std::process::id(),
            proof: prove(&self.secret, nonce),
        };
        json(StatusCode::OK, &ping)
    }

    fn shutdown(&self, body: &Bytes) -> Response<Body> {
        let request: ShutdownRequest = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
        };
        let sender = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Asked twice, or ending already: what was asked first is under way.
        if let Some(sender) = sender {
            let _ = sender.send(request.tasks);
        }
        empty(StatusCode::ACCEPTED)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

/// What only somebody who knows the secret can answer to `nonce`: a stranger
/// who took the platform's port over cannot.
#[must_use]
pub fn prove(secret: &Redacted, nonce: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"seaway ping\0");
    context.update(nonce);
    hex::encode(context.sign())
}
