//! A platform inside the test process: real store, real port, signed requests.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HOST, HeaderMap};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use seaway_aws_wire::Service;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::authority::Authority;
use crate::faults::Faults;
use crate::keys::PlatformKeys;
use crate::launch::{Connection, Signature, sign_request};
use crate::layout::StateDir;
use crate::registry::{BlobFiles, Registry};
use crate::server::control::{Control, Shutdown};
use crate::server::reset::Resets;
use crate::server::{AccessKeys, ContainerSide, Door, Listener, Routes};
use crate::services::ecr::Ecr;
use crate::services::logs::{Logs, LogsApi};
use crate::services::secretsmanager::SecretsManager;
use crate::services::ssm::Parameters;
use crate::services::sts::Sts;
use crate::services::{Blocking, Services};
use crate::store::Store;

/// A running platform without tasks; ends when it is dropped.
pub(crate) struct TestPlatform {
    pub(crate) state: StateDir,
    pub(crate) connection: Connection,
    pub(crate) secrets: Arc<SecretsManager>,
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shutdown: Shutdown,
    end: CancellationToken,
    _dir: tempfile::TempDir,
}

/// What HTTPS listeners show in tests; the authority's certificate is at `authority.pem` in `dir`.
pub(crate) fn tls(dir: &Path) -> Arc<ServerConfig> {
    let (key, certificate) = (dir.join("authority-key.pem"), dir.join("authority.pem"));
    let authority = Authority::load_or_create(&key, &certificate).unwrap();
    authority.server_config().unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl TestPlatform {
    /// Starts a platform with the services of this half of the crate.
    pub(crate) async fn start() -> Self {
        Self::start_with(|services| services).await
    }

    /// Starts a platform with more services.
    pub(crate) async fn start_with(add: impl FnOnce(Services) -> Services) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        let keys = PlatformKeys::load_or_create(&state).unwrap();
        let store = Arc::new(Store::open(&state.store(), &keys.store_key).unwrap());
        let secrets = Arc::new(SecretsManager::new(Arc::clone(&store)));
        let logs = Arc::new(Logs::new(Arc::clone(&store)));
        let files = BlobFiles::prepare(state.registry()).unwrap();
        let parameters = Arc::new(Parameters::new(Arc::clone(&store), Arc::clone(&secrets)));
        let registry = Arc::new(Registry::new(files, store));
        let listener = Listener::bind(&state).await.unwrap();
        let secret = keys.secret_access_key.clone();
        let ecr = Ecr::new(registry.images().clone(), secret, listener.port());
        let faults = Arc::new(Faults::default());
        let services = Services::default()
            .with_faults(Arc::clone(&faults))
            .with(Service::Sts, Blocking::new(Arc::new(Sts)))
            .with(Service::SecretsManager, Blocking::new(Arc::clone(&secrets)))
            .with(Service::Ssm, Blocking::new(Arc::clone(&parameters)))
            .with(Service::Ecr, Blocking::new(Arc::new(ecr)))
            .with(Service::Logs, LogsApi::new(Arc::clone(&logs), || ()));
        let (control, shutdown) = Control::new(
            keys.secret_access_key.clone(),
            "test".into(),
            Box::new(|| async { json!({ "tasks": 0 }) }.boxed()),
            Arc::clone(&faults),
            Box::new(|_| true),
        );
        let (resets, _) = Resets::new(AccessKeys::of(&keys), None);
        let routes = Routes {
            keys: AccessKeys::of(&keys),
            services: add(services),
            registry: Arc::clone(&registry),
            control,
        };
        let connection = Connection::new(&keys, listener.port());
        let end = CancellationToken::new();
        let door = Arc::new(Door::new(routes, resets, ContainerSide::default()));
        tokio::spawn(listener.serve(door, end.clone()));
        Self {
            state,
            connection,
            secrets,
            parameters,
            logs,
            registry,
            shutdown,
            end,
            _dir: dir,
        }
    }

    /// A request to this platform that is not signed yet.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let host = format!("127.0.0.1:{}", self.connection.port);
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
    }

    /// Signs a request for `service` as of now.
    pub(crate) fn sign(&self, request: Request<Vec<u8>>, service: &str) -> Request<Vec<u8>> {
        self.sign_at(request, service, SystemTime::now())
    }

    /// Signs a request for `service` as of `at`.
    pub(crate) fn sign_at(
        &self,
        request: Request<Vec<u8>>,
        service: &str,
        at: SystemTime,
    ) -> Request<Vec<u8>> {
        let connection = &self.connection;
        sign_request(
            request,
            Signature {
                connection,
                service,
                at,
            },
        )
        .unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.connection.port))
            .await
            .unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Calls an operation of a JSON service (`secretsmanager.CreateSecret`) and
    /// returns the answer's body.
    pub(crate) async fn call(&self, service: Service, target: &str, body: Value) -> Answer {
        let request = self
            .request(Method::POST, "/")
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(body.to_string().into_bytes())
            .unwrap();
        self.send(self.sign(request, service.signing_name())).await
    }

    /// Calls an operation of a query service with a form.
    pub(crate) async fn query(&self, service: Service, form: &str) -> Answer {
        let request = self
            .request(Method::POST, "/")
            .header(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(form.as_bytes().to_vec())
            .unwrap();
        self.send(self.sign(request, service.signing_name())).await
    }
}

impl Drop for TestPlatform {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Answer {
    /// The body as JSON; the status must be 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The error's code without a namespace; the status must not be 200.
    pub(crate) fn error(&self) -> String {
        assert_ne!(self.status, StatusCode::OK, "{}", self.text());
        let kind = self.json()["__type"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        kind.rsplit('#').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
