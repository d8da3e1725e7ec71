//! Signed requests to the platform's own interface.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use super::connection::Connection;
use crate::faults::{Injected, Injection};
use crate::redacted::Redacted;
use crate::server::control::{
    NONCE_HEADER, PREFIX, Ping, SIGNING_NAME, ShutdownRequest, TaskFate, prove,
};

/// The platform is on this machine: what takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a platform may take to be emptied: its tasks stop first, and Fargate's longest stop
/// time-out is two minutes.
const RESET_TIMEOUT: Duration = Duration::from_secs(150);
/// More than the status of a thousand services.
const MAX_ANSWER: usize = 16 << 20;
/// What the platform answers to a request that is understood and makes no sense.
const REFUSALS: [StatusCode; 2] = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND];

/// A client of one running platform.
#[derive(Clone, Debug)]
pub struct PlatformClient {
    connection: Connection,
}

/// The platform did not answer as it should.
#[derive(Debug, Error)]
pub enum ClientError {
    #[error("failed to reach the platform at {endpoint}")]
    Unreachable {
        endpoint: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the platform at {endpoint} did not answer in time")]
    TimedOut { endpoint: String },
    #[error("failed to sign a request to the platform")]
    Sign(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{endpoint} answered {status}")]
    Status {
        endpoint: String,
        status: StatusCode,
    },
    #[error("{reason}")]
    Refused { reason: String },
    #[error("{endpoint} answered something unreadable")]
    Unreadable {
        endpoint: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{endpoint} is not the platform of this state directory: something else has its port")]
    Stranger { endpoint: String },
}

struct Question {
    method: Method,
    path: String,
    nonce: Option<String>,
    body: Vec<u8>,
    patience: Duration,
}

impl Question {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            nonce: None,
            body: Vec::new(),
            patience: TIMEOUT,
        }
    }

    fn with_body(path: &str, body: &impl serde::Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Sign(error.into()))?;
        Ok(Self {
            body,
            ..Self::new(Method::POST, path)
        })
    }
}

impl PlatformClient {
    /// A client for the platform at `connection`.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Who answers; an answer is only taken from a platform that has our key.
    pub async fn ping(&self) -> Result<Ping, ClientError> {
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let expected = prove(&self.connection.secret_access_key, nonce.as_bytes());
        let question = Question {
            nonce: Some(nonce),
            ..Question::new(Method::GET, "ping")
        };
        let ping: Ping = self.read(&self.ask(question).await?)?;
        if ping.proof != expected {
            return Err(ClientError::Stranger {
                endpoint: self.connection.endpoint.clone(),
            });
        }
        Ok(ping)
    }

    /// What the platform says about itself.
    pub async fn status(&self) -> Result<serde_json::Value, ClientError> {
        self.read(&self.ask(Question::new(Method::GET, "status")).await?)
    }

    /// Asks the platform to end. It has not ended yet when this returns.
    pub async fn shutdown(&self, tasks: TaskFate) -> Result<(), ClientError> {
        let question = Question::with_body("shutdown", &ShutdownRequest { tasks })?;
        self.ask(question).await.map(drop)
    }

    /// Empties the platform: it runs on at the same port, with the same keys, and has nothing when
    /// this returns.
    pub async fn reset(&self) -> Result<(), ClientError> {
        let question = Question {
            patience: RESET_TIMEOUT,
            ..Question::new(Method::POST, "reset")
        };
        self.ask(question).await.map(drop)
    }

    /// The faults in force.
    pub async fn faults(&self) -> Result<Vec<Injected>, ClientError> {
        self.read(&self.ask(Question::new(Method::GET, "faults")).await?)
    }

    /// Puts a fault in force.
    pub async fn inject(&self, injection: &Injection) -> Result<Injected, ClientError> {
        let question = Question::with_body("faults", injection)?;
        self.read(&self.ask(question).await?)
    }

    /// Takes a fault back.
    pub async fn take_back(&self, id: u64) -> Result<Injected, ClientError> {
        let question = Question::new(Method::DELETE, format!("faults/{id}"));
        self.read(&self.ask(question).await?)
    }

    /// Takes all faults back.
    pub async fn take_all_back(&self) -> Result<Vec<Injected>, ClientError> {
        self.read(&self.ask(Question::new(Method::DELETE, "faults")).await?)
    }

    async fn ask(&self, question: Question) -> Result<Bytes, ClientError> {
        let patience = question.patience;
        let request = self.signed(question)?;
        let endpoint = || self.connection.endpoint.clone();
        let (status, body) = tokio::time::timeout(patience, send(self.connection.port, request))
            .await
            .map_err(|_| ClientError::TimedOut {
                endpoint: endpoint(),
            })?
            .map_err(|source| ClientError::Unreachable {
                endpoint: endpoint(),
                source,
            })?;
        if REFUSALS.contains(&status) && !body.is_empty() {
            let reason = String::from_utf8_lossy(&body).into_owned();
            return Err(ClientError::Refused { reason });
        }
        if !status.is_success() {
            return Err(ClientError::Status {
                endpoint: endpoint(),
                status,
            });
        }
        Ok(body)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|source| ClientError::Unreadable {
            endpoint: self.connection.endpoint.clone(),
            source,
        })
    }

    fn signed(&self, question: Question) -> Result<Request<Full<Bytes>>, ClientError> {
        let Question {
            method,
            path,
            nonce,
            body,
            patience: _,
        } = question;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(HOST, format!("127.0.0.1:{}", self.connection.port))
            .header(CONTENT_TYPE, "application/json");
        if let Some(nonce) = nonce {
            request = request.header(NONCE_HEADER, nonce);
        }
        let request = request
            .body(body)
            .map_err(|error| ClientError::Sign(error.into()))?;
        let signature = Signature {
            connection: &self.connection,
            service: SIGNING_NAME,
            at: SystemTime::now(),
        };
        sign_request(request, signature)
            .map(|request| request.map(|body| Full::new(Bytes::from(body))))
            .map_err(ClientError::Sign)
    }
}

/// What a signature says besides the request itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature<'a> {
    pub(crate) connection: &'a Connection,
    /// The service in the credential scope.
    pub(crate) service: &'a str,
    pub(crate) at: SystemTime,
}

/// Signs `request` with the access key of the connection.
pub(crate) fn sign_request(
    mut request: Request<Vec<u8>>,
    signature: Signature<'_>,
) -> Result<Request<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    let Signature {
        connection,
        service,
        at,
    } = signature;
    let secret: &Redacted = &connection.secret_access_key;
    let credentials = Credentials::new(
        &connection.access_key_id,
        secret.expose(),
        None,
        None,
        "seaway",
    );
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(connection.region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = format!("{}{}", connection.endpoint, request.uri());
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

async fn send(
    port: u16,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await?
            .to_bytes();
        Ok((status, body))
    };
    // The connection is driven until the answer is there, and dropped with it.
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}
