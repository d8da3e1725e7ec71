//! Calls to another service of the shop, over kept connections.
//!
//! A service that is being replaced may refuse a call or break it off. Calls that may be repeated
//! are, a few times within a second; what still fails is the caller's to answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::log;
use crate::routes::Dependency;

/// How long one call may take, its answer's body included.
const CALL: Duration = Duration::from_secs(2);

/// Pauses before a call is repeated.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Largest answer in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// Another service, reached through a stable address.
#[derive(Debug, Clone)]
pub struct Upstream {
    name: &'static str,
    /// Without a slash at the end.
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What another service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// A call that got no usable answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    #[error("{service} cannot be called at {url}")]
    Address { service: &'static str, url: String },
    #[error("{service} did not answer")]
    Call {
        service: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{service} did not answer within {} s", CALL.as_secs())]
    Timeout { service: &'static str },
    #[error("{service} is not available (status {status})")]
    Unavailable {
        service: &'static str,
        status: StatusCode,
    },
}

impl Upstream {
    /// A service at `base`. Nothing is connected yet.
    pub fn new(name: &'static str, base: &Uri) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            name,
            base: base.to_string().trim_end_matches('/').to_owned(),
            client,
        }
    }

    /// The service's name, as in `CATALOG_URL`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Calls the service; `GET`, `PUT` and `DELETE` are repeated when it is not available.
    ///
    /// # Errors
    /// No answer, or one of 502, 503 and 504, after the last repetition.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, UpstreamError> {
        let body = body.into();
        let mut pauses = PAUSES.iter().filter(|_| method.is_idempotent());
        loop {
            let error = match self.call_once(method.clone(), path, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error @ UpstreamError::Address { .. }) => return Err(error),
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            sleep(*pause).await;
        }
    }

    /// Asks for the service's `/health`, once.
    pub async fn check(&self) -> Dependency {
        let state = match self.call_once(Method::GET, "/health", Bytes::new()).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(format!("/health answers {}", answer.status.as_u16())),
            Err(error) => Err(log::chain(&error)),
        };
        Dependency {
            name: self.name,
            state,
        }
    }

    async fn call_once(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, UpstreamError> {
        let service = self.name;
        let url = format!("{}{path}", self.base);
        let request = hyper::Request::builder()
            .method(method)
            .uri(&url)
            .body(Full::new(body));
        let request = request.map_err(|_| UpstreamError::Address { service, url })?;
        let call = async {
            let response =
                self.client
                    .request(request)
                    .await
                    .map_err(|error| UpstreamError::Call {
                        service,
                        source: error.into(),
                    })?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_LIMIT)
                .collect()
                .await
                .map_err(|source| UpstreamError::Call { service, source })?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        let answer = timeout(CALL, call)
            .await
            .map_err(|_| UpstreamError::Timeout { service })??;
        match answer.status {
            status @ (StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(UpstreamError::Unavailable { service, status }),
            _ => Ok(answer),
        }
    }
}
