//! Signed requests to a platform, as any client of AWS sends them.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use seaway_local::launch::Connection;
use seaway_local::registry::{Digest, REGISTRY_NAME};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// An API of the platform: its signing name, and what begins the names of its operations.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    name: &'static str,
    target: &'static str,
}

pub(crate) const CLOUDWATCH: Api = Api {
    name: "monitoring",
    target: "GraniteServiceVersion20100801",
};
pub(crate) const ECS: Api = Api {
    name: "ecs",
    target: "AmazonEC2ContainerServiceV20141113",
};
pub(crate) const ECR: Api = Api {
    name: "ecr",
    target: "AmazonEC2ContainerRegistry_V20150921",
};
pub(crate) const LOGS: Api = Api {
    name: "logs",
    target: "Logs_20140328",
};
pub(crate) const PARAMETERS: Api = Api {
    name: "ssm",
    target: "AmazonSSM",
};
pub(crate) const SECRETS: Api = Api {
    name: "secretsmanager",
    target: "secretsmanager",
};

/// Calls an operation with a JSON body; the error is its code and message.
pub(crate) async fn call(
    to: &Connection,
    api: Api,
    operation: &str,
    body: &Value,
) -> Result<Value, (String, String)> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(HOST, format!("127.0.0.1:{}", to.port))
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", format!("{}.{operation}", api.target))
        .body(body.to_string().into_bytes())
        .unwrap();
    let (status, body) = send(to, signed(to, api.name, request)).await;
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status == StatusCode::OK {
        return Ok(body);
    }
    let kind = body["__type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    Err((kind, message))
}

/// Calls an operation of Elastic Load Balancing and returns the first text of `element`.
pub(crate) async fn elb(to: &Connection, form: &str, element: &str) -> String {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(HOST, format!("127.0.0.1:{}", to.port))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("Version=2015-12-01&Action={form}").into_bytes())
        .unwrap();
    let (status, body) = send(to, signed(to, "elasticloadbalancing", request)).await;
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, StatusCode::OK, "{form}: {text}");
    let (_, rest) = text.split_once(&format!("<{element}>")).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

/// Pushes an image without files and returns its reference.
pub(crate) async fn push_image(to: &Connection, run: Value) -> String {
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": run,
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let config = config.to_string().into_bytes();
    let digest = Digest::of(&config);
    let path = format!("/v2/test/empty/blobs/uploads/?digest={digest}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": CONFIG, "digest": digest.as_str(), "size": config.len() },
    });
    push(to, Method::POST, &path, "application/octet-stream", config).await;
    let manifest = manifest.to_string().into_bytes();
    let digest = Digest::of(&manifest);
    let path = format!("/v2/test/empty/manifests/{digest}");
    push(to, Method::PUT, &path, MANIFEST, manifest).await;
    format!("{REGISTRY_NAME}/test/empty@{digest}")
}

/// Pushes an image of one layer, which has a variable and so is no bundle, and returns its name.
pub(crate) async fn push_image_with(to: &Connection, layer: &[u8]) -> String {
    let layer_digest = Digest::of(layer);
    let config = json!({
        "architecture": match std::env::consts::ARCH { "aarch64" => "arm64", _ => "amd64" },
        "os": "linux", "config": { "Env": ["PATH=/bin", "FROM_IMAGE=yes"] },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest.as_str()] },
    });
    let config = config.to_string().into_bytes();
    let config_digest = Digest::of(&config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": config_digest.as_str(), "size": config.len() },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer_digest.as_str(), "size": layer.len() }],
    });
    for (digest, blob) in [(config_digest, config), (layer_digest, layer.to_vec())] {
        let path = format!("/v2/test/busybox/blobs/uploads/?digest={digest}");
        push(to, Method::POST, &path, "application/octet-stream", blob).await;
    }
    let manifest = manifest.to_string().into_bytes();
    let digest = Digest::of(&manifest);
    let path = format!("/v2/test/busybox/manifests/{digest}");
    push(to, Method::PUT, &path, MANIFEST, manifest).await;
    format!("{REGISTRY_NAME}/test/busybox@{digest}")
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

async fn push(to: &Connection, method: Method, path: &str, kind: &str, body: Vec<u8>) {
    let user = format!("{}:{}", to.access_key_id, to.secret_access_key.expose());
    let user = base64::engine::general_purpose::STANDARD.encode(user);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, format!("127.0.0.1:{}", to.port))
        .header(CONTENT_TYPE, kind)
        .header(AUTHORIZATION, format!("Basic {user}"))
        .body(body)
        .unwrap();
    let (status, body) = send(to, request).await;
    let text = String::from_utf8_lossy(&body);
    assert_eq!(status, StatusCode::CREATED, "{path}: {text}");
}

fn signed(to: &Connection, service: &str, mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    let secret = to.secret_access_key.expose();
    let credentials = Credentials::new(&to.access_key_id, secret, None, None, "test");
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(to.region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("{}{}", to.endpoint, request.uri());
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

/// Sends a request as it is.
pub(crate) async fn send(to: &Connection, request: Request<Vec<u8>>) -> (StatusCode, Bytes) {
    let stream = TcpStream::connect(("127.0.0.1", to.port)).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = request.map(|body| Full::new(Bytes::from(body)));
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    driving.abort();
    (parts.status, body)
}
