//! Asking for an empty platform: `POST /_seaway/v1/reset`.
//!
//! Test suites of others have nothing but HTTP: whoever shows the token needs no signature. It is
//! off unless a token was made (`seaway local start --reset-token`). The owner's own commands sign
//! with the platform's key, as ever.

use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use super::answer::{Body, collect, empty, nothing, text};
use super::control::SIGNING_NAME;
use super::guard::AccessKeys;
use super::signature;
use crate::access::ResetToken;
use crate::clock::EpochMillis;

/// The path of the request.
pub const PATH: &str = "/_seaway/v1/reset";
/// Carries the token.
pub const TOKEN_HEADER: &str = "x-seaway-reset-token";
/// A request has no body to speak of.
const MAX_BODY: usize = 1024;
/// How many can ask at once before others wait for their turn to.
const ASKING: usize = 16;

/// Decides who may ask, and passes it on.
#[derive(Debug)]
pub struct Resets {
    keys: AccessKeys,
    token: Option<ResetToken>,
    asks: mpsc::Sender<Asked>,
}

/// Somebody waits for an empty platform, and is told by this.
pub type Asked = oneshot::Sender<()>;

impl Resets {
    /// Resets for whoever has the token, if there is one, or the platform's own key; and where they
    /// are asked for.
    #[must_use]
    pub fn new(keys: AccessKeys, token: Option<ResetToken>) -> (Self, mpsc::Receiver<Asked>) {
        let (asks, asked) = mpsc::channel(ASKING);
        (Self { keys, token, asks }, asked)
    }

    /// Answers when everything is empty: 204.
    pub(super) async fn answer(&self, request: &Parts, body: Incoming) -> Response<Body> {
        if request.method != Method::POST || !self.allows(request, body).await {
            tracing::warn!("a request for a reset was refused");
            return nothing();
        }
        let (done, waiting) = oneshot::channel();
        if self.asks.send(done).await.is_ok() && waiting.await.is_ok() {
            return empty(StatusCode::NO_CONTENT);
        }
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the platform ends and was not emptied",
        )
    }

    async fn allows(&self, request: &Parts, body: Incoming) -> bool {
        let mut given = request.headers.get_all(TOKEN_HEADER).iter();
        if let Some(given) = given.next() {
            let token = self.token.as_ref();
            return token.is_some_and(|token| token.matches(given.as_bytes()));
        }
        if !signature::is_signed(request) {
            return false;
        }
        let Ok(body) = collect(body, MAX_BODY).await else {
            return false;
        };
        let signer = signature::verify(request, &body, &self.keys, EpochMillis::now());
        signer.is_ok_and(|signer| signer.service == SIGNING_NAME && self.keys.is_own(&signer))
    }
}
