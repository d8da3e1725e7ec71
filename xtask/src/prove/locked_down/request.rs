//! Requests for the secret, by its owner and by those who would like to be.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::prove::bench::http::{Connection, block_on};
use crate::prove::bench::stage::Stage;
use crate::prove::bench::{During as _, ProofError, claim};

/// A request that is not sent yet.
pub(super) type Draft = Request<Bytes>;

/// Whoever knows the platform's key, and where it answers.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) address: SocketAddr,
    region: String,
    key: (String, String),
}

/// What strangers are after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) owner: &'a Owner,
    /// The secret's name.
    pub(super) secret: &'a str,
    /// The token for resets.
    pub(super) token: &'a str,
}

/// What a request is signed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<'a> {
    pub(super) key: (&'a str, &'a str),
    pub(super) service: &'a str,
    pub(super) at: SystemTime,
}

/// An answer: its status and its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Owner {
    /// Of the platform on a stage, as `seaway local env` tells.
    pub(super) fn of(stage: &Stage) -> Result<Self, ProofError> {
        let words = ["local", "env", "--output", "json"];
        let variables = stage.run(&words)?.exited(0)?.json()?;
        let text = |name: &str| variables[name].as_str().unwrap_or_default().to_owned();
        let endpoint = text("AWS_ENDPOINT_URL");
        let address = endpoint.trim_start_matches("http://").parse();
        Ok(Self {
            address: address.during(format!("understand the endpoint {endpoint}"))?,
            region: text("AWS_REGION"),
            key: (text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY")),
        })
    }

    /// The secret of the platform's own key.
    pub(super) fn secret(&self) -> &str {
        &self.key.1
    }

    /// Their signature, of now, for a service.
    pub(super) fn signature<'a>(&'a self, service: &'a str) -> Signature<'a> {
        Signature {
            key: (&self.key.0, &self.key.1),
            service,
            at: SystemTime::now(),
        }
    }

    /// Creates a secret.
    pub(super) fn creates(&self, name: &str, value: &str) -> Result<(), ProofError> {
        let body = json!({ "Name": name, "SecretString": value,
            "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
        let draft = self.call("secretsmanager.CreateSecret", &body)?;
        let answer = self.sends(self.signed(draft, self.signature("secretsmanager"))?)?;
        claim!(answer.status == 200, "CreateSecret: {}", answer.body);
        Ok(())
    }

    /// An AWS request in JSON, not signed.
    pub(super) fn call(&self, target: &str, body: &Value) -> Result<Draft, ProofError> {
        Request::post("/")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(body.to_string().into())
            .during("form a request")
    }

    /// A request without a body, not signed.
    pub(super) fn plain(&self, method: Method, path: &str) -> Result<Draft, ProofError> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .body(Bytes::new())
            .during("form a request")
    }

    /// The request with a signature.
    pub(super) fn signed(
        &self,
        mut draft: Draft,
        signature: Signature<'_>,
    ) -> Result<Draft, ProofError> {
        let Signature { key, service, at } = signature;
        let identity = Credentials::new(key.0, key.1, None, None, "proof").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .during("sign a request")?
            .into();
        let uri = format!("http://{}{}", self.address, draft.uri());
        let headers = draft.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("")));
        let body = SignableBody::Bytes(draft.body());
        let signable = SignableRequest::new(draft.method().as_str(), uri, headers, body);
        let (instructions, _) = signable
            .and_then(|signable| sign(signable, &parameters))
            .during("sign a request")?
            .into_parts();
        instructions.apply_to_request_http1x(&mut draft);
        Ok(draft)
    }

    /// Sends a request as it is, over a connection of its own.
    pub(super) fn sends(&self, draft: Draft) -> Result<Answer, ProofError> {
        let answer = block_on(async {
            let mut connection = Connection::open(self.address).await?;
            connection.send(draft.map(Full::new)).await
        })?
        .during("reach the platform")?;
        Ok(Answer {
            status: answer.status().as_u16(),
            body: String::from_utf8_lossy(answer.body()).into_owned(),
        })
    }
}

impl Wanted<'_> {
    /// The request for the secret, not signed.
    pub(super) fn draft(&self) -> Result<Draft, ProofError> {
        let body = json!({ "SecretId": self.secret });
        self.owner.call("secretsmanager.GetSecretValue", &body)
    }

    /// What the owner is answered, with a signature that is `age` old.
    pub(super) fn signed_before(&self, age: Duration) -> Result<Draft, ProofError> {
        let signature = Signature {
            at: SystemTime::now() - age,
            ..self.owner.signature("secretsmanager")
        };
        self.owner.signed(self.draft()?, signature)
    }

    /// What the owner is answered.
    pub(super) fn by_its_owner(&self) -> Result<String, ProofError> {
        let answer = self.owner.sends(self.signed_before(Duration::ZERO)?)?;
        claim!(answer.status == 200, "GetSecretValue: {}", answer.body);
        Ok(answer.body)
    }

    /// A login to the registry that was given out, as its Basic credentials.
    pub(super) fn registry_token(&self) -> Result<String, ProofError> {
        let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        let draft = self.owner.call(target, &json!({}))?;
        let answer = self
            .owner
            .sends(self.owner.signed(draft, self.owner.signature("ecr"))?)?;
        let answer: Value =
            serde_json::from_str(&answer.body).during("understand GetAuthorizationToken")?;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str();
        claim!(token.is_some(), "no login to the registry: {answer}");
        Ok(token.unwrap_or_default().to_owned())
    }
}
