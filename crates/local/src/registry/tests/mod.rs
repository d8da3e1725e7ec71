//! Pushing and pulling over real connections, and resolving what was pushed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Digest, PullError, REGISTRY_NAME};
use crate::testing::{Answer, TestPlatform};

mod listings;
mod manifests;
mod uploads;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A request of a registry's client.
struct Push<'a> {
    method: Method,
    path: String,
    headers: Vec<(http::HeaderName, String)>,
    body: &'a [u8],
}

impl<'a> Push<'a> {
    fn new(method: Method, path: impl Into<String>, body: &'a [u8]) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body,
        }
    }

    fn with(mut self, name: http::HeaderName, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn send(self, platform: &TestPlatform) -> Answer {
        let connection = &platform.connection;
        let user = format!(
            "{}:{}",
            connection.access_key_id,
            connection.secret_access_key.expose()
        );
        let mut request = platform
            .request(self.method, &self.path)
            .header(AUTHORIZATION, format!("Basic {}", BASE64.encode(user)));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        platform
            .send(request.body(self.body.to_vec()).unwrap())
            .await
    }
}

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn location(answer: &Answer) -> String {
    answer.headers[LOCATION].to_str().unwrap().to_owned()
}

async fn push_blob(platform: &TestPlatform, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let path = format!("/v2/shop/api/blobs/uploads/?digest={digest}");
    let answer = Push::new(Method::POST, path, bytes).send(platform).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    digest
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes).as_str(), "size": bytes.len() })
}

/// The bytes of config and manifest of an image with one layer.
fn image(layer: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Cmd": ["./api"], "WorkingDir": "/app" },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"the tar").as_str()] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config), "layers": [descriptor(LAYER, layer)],
    });
    (config, manifest.to_string().into_bytes())
}

async fn push_manifest(platform: &TestPlatform, manifest: &[u8]) -> Answer {
    let path = format!("/v2/shop/api/manifests/{}", Digest::of(manifest));
    Push::new(Method::PUT, path, manifest)
        .with(CONTENT_TYPE, MANIFEST)
        .send(platform)
        .await
}

#[tokio::test]
async fn a_pushed_image_is_pulled_and_resolved() {
    let platform = TestPlatform::start().await;
    let layer = b"compressed".repeat(20_000);
    let (config, manifest) = image(&layer);
    let layer_digest = push_blob(&platform, &layer).await;
    push_blob(&platform, &config).await;
    let answer = push_manifest(&platform, &manifest).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());

    let path = format!("/v2/shop/api/manifests/{}", Digest::of(&manifest));
    let pulled = Push::new(Method::GET, path, b"").send(&platform).await;
    assert_eq!(pulled.body, manifest);
    assert_eq!(pulled.headers[CONTENT_TYPE], MANIFEST);
    let path = format!("/v2/shop/api/blobs/{layer_digest}");
    let pulled = Push::new(Method::GET, path.clone(), b"")
        .send(&platform)
        .await;
    assert_eq!(pulled.body, layer);
    let head = Push::new(Method::HEAD, path, b"").send(&platform).await;
    assert_eq!(head.headers[CONTENT_LENGTH], layer.len().to_string());
    assert!(head.body.is_empty());

    let reference = format!("{REGISTRY_NAME}/shop/api@{}", Digest::of(&manifest));
    let resolved = platform.registry.resolve(&reference).unwrap();
    assert_eq!(resolved.layers.len(), 1);
    assert_eq!(std::fs::read(&resolved.layers[0].path).unwrap(), layer);
    assert_eq!(resolved.layers[0].diff_id, Digest::of(b"the tar"));
    let run = resolved.config.config().as_ref().unwrap();
    assert_eq!(run.cmd().as_deref(), Some(&["./api".to_owned()][..]));
}

#[tokio::test]
async fn a_blob_can_come_in_chunks() {
    let platform = TestPlatform::start().await;
    let started = Push::new(Method::POST, "/v2/shop/api/blobs/uploads/", b"")
        .send(&platform)
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    let upload = location(&started);
    let first = Push::new(Method::PATCH, &upload, b"hello ").with(CONTENT_RANGE, "0-5");
    assert_eq!(first.send(&platform).await.status, StatusCode::ACCEPTED);
    let gap = Push::new(Method::PATCH, &upload, b"x").with(CONTENT_RANGE, "9-9");
    assert_eq!(
        gap.send(&platform).await.status,
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    let second = Push::new(Method::PATCH, &upload, b"wor").with(CONTENT_RANGE, "6-8");
    assert_eq!(second.send(&platform).await.headers["range"], "0-8");
    let digest = Digest::of(b"hello world");
    let end = format!("{upload}?digest={digest}");
    let answer = Push::new(Method::PUT, end.clone(), b"ld")
        .send(&platform)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(
        code(&Push::new(Method::PUT, end, b"").send(&platform).await),
        "BLOB_UPLOAD_UNKNOWN"
    );
}

#[tokio::test]
async fn bytes_that_differ_from_their_digest_are_refused() {
    let platform = TestPlatform::start().await;
    let digest = Digest::of(b"right");
    let path = format!("/v2/shop/api/blobs/uploads/?digest={digest}");
    let answer = Push::new(Method::POST, path, b"wrong")
        .send(&platform)
        .await;
    assert_eq!(code(&answer), "DIGEST_INVALID");
    let path = format!("/v2/shop/api/blobs/{digest}");
    let absent = Push::new(Method::HEAD, path, b"").send(&platform).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    let uploads = platform.state.registry().join("uploads");
    assert_eq!(
        std::fs::read_dir(uploads).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_and_a_known_type() {
    let platform = TestPlatform::start().await;
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    assert_eq!(
        code(&push_manifest(&platform, &manifest).await),
        "MANIFEST_BLOB_UNKNOWN"
    );

    push_blob(&platform, b"layer").await;
    let text = String::from_utf8(manifest).unwrap();
    let wrong_size = text.replace("\"size\":5", "\"size\":6");
    assert_eq!(
        code(&push_manifest(&platform, wrong_size.as_bytes()).await),
        "SIZE_INVALID"
    );
    let strange = text.replace(MANIFEST, "application/json");
    let path = format!("/v2/shop/api/manifests/{}", Digest::of(strange.as_bytes()));
    let strange = Push::new(Method::PUT, path, strange.as_bytes());
    assert_eq!(code(&strange.send(&platform).await), "MANIFEST_INVALID");
}

#[tokio::test]
async fn what_cannot_run_is_kept_and_not_pulled() {
    let platform = TestPlatform::start().await;
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    push_blob(&platform, b"layer").await;
    let text = String::from_utf8(manifest).unwrap();
    let zstd = text.replace("tar+gzip", "tar+zstd");
    let answer = push_manifest(&platform, zstd.as_bytes()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let chart = text.replace(CONFIG, "application/vnd.cncf.helm.config.v1+json");
    push_manifest(&platform, chart.as_bytes()).await;
    for (bytes, reason) in [(zstd, "tar+zstd"), (chart, "helm")] {
        let digest = Digest::of(bytes.as_bytes());
        let reference = format!("{REGISTRY_NAME}/shop/api@{digest}");
        let error = platform.registry.resolve(&reference).unwrap_err();
        assert!(matches!(error, PullError::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn nobody_pulls_without_the_key() {
    let platform = TestPlatform::start().await;
    let request = platform
        .request(Method::GET, "/v2/")
        .body(Vec::new())
        .unwrap();
    let answer = platform.send(request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"seaway\"");
    let root = Push::new(Method::GET, "/v2/", b"").send(&platform).await;
    assert_eq!(root.status, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_pulled_reads_as_in_ecs() {
    let platform = TestPlatform::start().await;
    let reference = format!("{REGISTRY_NAME}/shop/api@{}", Digest::of(b"never pushed"));
    let error = platform.registry.resolve(&reference).unwrap_err();
    let expected =
        format!("CannotPullContainerError: failed to resolve ref {reference}: not found");
    assert_eq!(error.to_string(), expected);
    let foreign = platform.registry.resolve("nginx:latest").unwrap_err();
    assert!(matches!(foreign, PullError::Reference { .. }));
    assert_eq!(
        foreign.to_string(),
        "CannotPullContainerError: failed to resolve ref nginx:latest: the embedded platform \
         pulls from registry.seaway.internal only"
    );
}

#[tokio::test]
async fn a_blob_whose_file_is_gone_can_be_pushed_again() {
    let platform = TestPlatform::start().await;
    let layer = b"layer";
    let (config, manifest) = image(layer);
    let digest = push_blob(&platform, layer).await;
    push_blob(&platform, &config).await;
    push_manifest(&platform, &manifest).await;
    let reference = format!("{REGISTRY_NAME}/shop/api@{}", Digest::of(&manifest));
    let file = platform.registry.resolve(&reference).unwrap().layers[0]
        .path
        .clone();
    std::fs::remove_file(file).unwrap();
    let missing = platform.registry.resolve(&reference).unwrap_err();
    assert!(matches!(missing, PullError::NotFound { .. }), "{missing}");
    let path = format!("/v2/shop/api/blobs/{digest}");
    let head = Push::new(Method::HEAD, path, b"").send(&platform).await;
    assert_eq!(head.status, StatusCode::NOT_FOUND);
    let place = format!("/v2/shop/api/manifests/{}", Digest::of(&manifest));
    let head = Push::new(Method::HEAD, place, b"").send(&platform).await;
    assert_eq!(head.status, StatusCode::NOT_FOUND, "it lacks a part");
    push_blob(&platform, layer).await;
    push_manifest(&platform, &manifest).await;
    assert!(platform.registry.resolve(&reference).is_ok());
}

#[tokio::test]
async fn a_blob_that_cannot_be_looked_at_is_not_forgotten() {
    let platform = TestPlatform::start().await;
    let digest = push_blob(&platform, b"layer").await;
    let directory = platform.state.registry().join("blobs/sha256");
    let aside = directory.with_file_name("aside");
    std::fs::rename(&directory, &aside).unwrap();
    std::fs::write(&directory, b"no directory").unwrap();
    let path = format!("/v2/shop/api/blobs/{digest}");
    let head = Push::new(Method::HEAD, &path, b"").send(&platform).await;
    assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
    std::fs::remove_file(&directory).unwrap();
    std::fs::rename(&aside, &directory).unwrap();
    let head = Push::new(Method::HEAD, &path, b"").send(&platform).await;
    assert_eq!(head.status, StatusCode::OK);
}
