//! Bare calls of the platform's API: signed JSON over one connection, without an SDK. What remains
//! is what any client would have to do.

use std::net::SocketAddr;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body_util::Full;
use serde_json::Value;

use super::http::Connection;
use super::stage::Stage;
use super::{During as _, ProofError, claim};

/// One of AWS's services that speak JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// What requests are signed for.
    pub(crate) name: &'static str,
    /// What begins the names of its operations in `X-Amz-Target`.
    pub(crate) target: &'static str,
}

pub(crate) const ECS: Service = Service {
    name: "ecs",
    target: "AmazonEC2ContainerServiceV20141113",
};

/// Where the platform's API is, and who calls.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    address: SocketAddr,
    region: String,
    credentials: Credentials,
}

/// One connection to it.
#[derive(Debug)]
pub(crate) struct Client {
    api: Api,
    connection: Connection,
}

impl Api {
    /// Of the platform that runs on a stage, as `seaway local env` tells it.
    pub(crate) fn of(stage: &Stage) -> Result<Self, ProofError> {
        let variables = stage
            .run(&["local", "env", "--output", "json"])?
            .exited(0)?
            .json()?;
        let text = |name: &str| variables[name].as_str().unwrap_or_default().to_owned();
        let endpoint = text("AWS_ENDPOINT_URL");
        let address = endpoint.trim_start_matches("http://").parse();
        let credentials = Credentials::new(
            text("AWS_ACCESS_KEY_ID"),
            text("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "seaway local env",
        );
        Ok(Self {
            address: address.during(format!("understand the endpoint {endpoint}"))?,
            region: text("AWS_REGION"),
            credentials,
        })
    }

    /// The same caller at another server.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `Authorization` of image registries' clients.
    pub(crate) fn basic(&self) -> String {
        let (id, secret) = (
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
        );
        format!("Basic {}", BASE64.encode(format!("{id}:{secret}")))
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Client, ProofError> {
        let connection = Connection::open(self.address)
            .await
            .during("reach the platform")?;
        Ok(Client {
            api: self.clone(),
            connection,
        })
    }

    /// A signed request.
    pub(crate) fn request(
        &self,
        service: Service,
        operation: &str,
        body: &Value,
    ) -> Result<Request<Full<Bytes>>, ProofError> {
        let request = Request::post(format!("http://{}/", self.address))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", service.target));
        self.signed(service.name, request, body.to_string().into())
    }

    fn signed(
        &self,
        service: &str,
        request: Builder,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ProofError> {
        let mut request = request
            .header("host", self.address.to_string())
            .body(Full::new(body.clone()))
            .during("form a request")?;
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .during("sign a request")?
            .into();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("")));
        let signable = SignableRequest::new(
            "POST",
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(&body),
        );
        let (instructions, _) = signable
            .and_then(|signable| sign(signable, &parameters))
            .during("sign a request")?
            .into_parts();
        instructions.apply_to_request_http1x(&mut request);
        // A client that is no proxy sends the path alone.
        *request.uri_mut() = http::Uri::from_static("/");
        Ok(request)
    }
}

impl Client {
    /// Calls an operation of Elastic Load Balancing and returns the XML. `form` is the operation
    /// and its parameters.
    pub(crate) async fn elb(&mut self, form: &str) -> Result<String, ProofError> {
        let request = Request::post(format!("http://{}/", self.api.address))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = format!("Version=2015-12-01&Action={form}").into();
        let request = self.api.signed("elasticloadbalancing", request, body)?;
        let answer = self
            .connection
            .send(request)
            .await
            .during(format!("call {form}"))?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        claim!(
            answer.status().is_success(),
            "{form}: {}: {text}",
            answer.status()
        );
        Ok(text)
    }

    /// Calls an operation of ECS.
    pub(crate) async fn ecs(&mut self, operation: &str, body: Value) -> Result<Value, ProofError> {
        self.call(ECS, operation, &body).await
    }

    /// Calls an operation.
    pub(crate) async fn call(
        &mut self,
        service: Service,
        operation: &str,
        body: &Value,
    ) -> Result<Value, ProofError> {
        let request = self.api.request(service, operation, body)?;
        let answer = self
            .connection
            .send(request)
            .await
            .during(format!("call {operation}"))?;
        let words = || String::from_utf8_lossy(answer.body()).into_owned();
        claim!(
            answer.status().is_success(),
            "{operation}: {}: {}",
            answer.status(),
            words()
        );
        // Some servers answer nothing where nothing is to be said.
        if answer.body().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(answer.body()).during(format!("understand {operation}"))
    }
}
