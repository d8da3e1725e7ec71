//! Pushes and pulls images as docker does, layer by layer in a row, and looks at every byte.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::prove::bench::http::{Answer, Connection};
use crate::prove::bench::{During as _, ProofError, claim};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// All images are tags of this repository.
const REPOSITORY: &str = "figures/shop";

/// A part of an image and its name.
#[derive(Debug, Clone)]
struct Blob {
    digest: String,
    bytes: Bytes,
}

/// An image.
#[derive(Debug, Clone)]
pub(super) struct Image {
    tag: String,
    blobs: Vec<Blob>,
    manifest: Bytes,
}

/// Where a registry is, and what it wants to hear.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    pub(super) address: SocketAddr,
    /// `Authorization`, where one is asked for.
    pub(super) authorization: Option<String>,
}

/// One connection to it.
#[derive(Debug)]
pub(super) struct RegistryClient {
    registry: Registry,
    connection: Connection,
}

impl Image {
    /// The image of this number, with layers of `size` bytes that no other image has.
    pub(super) fn new(number: usize, layers: usize, size: usize) -> Self {
        let layers: Vec<Blob> = (0..layers)
            .map(|layer| Blob::new(noise(number * 1_000 + layer, size)))
            .collect();
        let ids: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
        let config = json!({ "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": ids } });
        let config = Blob::new(config.to_string().into_bytes());
        let described = |kind: &str, blob: &Blob| json!({ "mediaType": kind, "digest": blob.digest, "size": blob.bytes.len() });
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST,
            "config": described(CONFIG, &config),
            "layers": layers.iter().map(|layer| described(LAYER, layer)).collect::<Vec<_>>() });
        let mut blobs = layers;
        blobs.push(config);
        Self {
            tag: format!("v{number}"),
            blobs,
            manifest: manifest.to_string().into(),
        }
    }
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
            bytes: bytes.into(),
        }
    }
}

impl RegistryClient {
    pub(super) async fn connect(registry: &Registry) -> Result<Self, ProofError> {
        let connection = Connection::open(registry.address).await;
        Ok(Self {
            registry: registry.clone(),
            connection: connection.during("reach a registry")?,
        })
    }

    /// Pushes what the registry does not have, then the manifest.
    pub(super) async fn push(&mut self, image: &Image) -> Result<(), ProofError> {
        for blob in &image.blobs {
            let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
            let known = self.send(Method::HEAD, &path, "", Bytes::new()).await?;
            if known.status() != StatusCode::OK {
                self.upload(blob).await?;
            }
        }
        let path = format!("/v2/{REPOSITORY}/manifests/{}", image.tag);
        let answer = self
            .send(Method::PUT, &path, MANIFEST, image.manifest.clone())
            .await?;
        expect(&answer, StatusCode::CREATED, &path)
    }

    async fn upload(&mut self, blob: &Blob) -> Result<(), ProofError> {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let answer = self.send(Method::POST, &path, "", Bytes::new()).await?;
        expect(&answer, StatusCode::ACCEPTED, &path)?;
        let path = location(&answer);
        let kind = "application/octet-stream";
        let answer = self
            .send(Method::PATCH, &path, kind, blob.bytes.clone())
            .await?;
        expect(&answer, StatusCode::ACCEPTED, &path)?;
        let path = location(&answer);
        let next = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{next}digest={}", blob.digest);
        let answer = self.send(Method::PUT, &path, kind, Bytes::new()).await?;
        expect(&answer, StatusCode::CREATED, &path)
    }

    /// Pulls an image and compares it with what was pushed.
    pub(super) async fn pull(&mut self, image: &Image) -> Result<(), ProofError> {
        let path = format!("/v2/{REPOSITORY}/manifests/{}", image.tag);
        self.fetch(&path, &image.manifest).await?;
        for blob in &image.blobs {
            let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
            self.fetch(&path, &blob.bytes).await?;
        }
        Ok(())
    }

    async fn fetch(&mut self, path: &str, wanted: &Bytes) -> Result<(), ProofError> {
        let answer = self.send(Method::GET, path, "", Bytes::new()).await?;
        expect(&answer, StatusCode::OK, path)?;
        claim!(answer.body() == wanted, "{path} is not what was pushed");
        Ok(())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<Answer, ProofError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.registry.address.to_string())
            .header(header::ACCEPT, MANIFEST);
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(authorization) = &self.registry.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body)).during("form a request")?;
        let answer = self.connection.send(request).await;
        answer.during(format!("ask a registry for {path}"))
    }
}

/// Path and query of where an upload goes on.
fn location(answer: &Answer) -> String {
    let text = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match text
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
    {
        Some((_, path)) => format!("/{path}"),
        None => text.to_owned(),
    }
}

fn expect(answer: &Answer, status: StatusCode, path: &str) -> Result<(), ProofError> {
    claim!(
        answer.status() == status,
        "{path} is answered with {}: {}",
        answer.status(),
        String::from_utf8_lossy(answer.body())
    );
    Ok(())
}

/// Bytes that are the same for the same seed, and for no other (xorshift64*).
fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = std::iter::repeat_with(|| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()
    });
    words.take(size / 8).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_share_no_layer() {
        let (one, two) = (Image::new(1, 3, 64), Image::new(2, 3, 64));
        assert_eq!(one.blobs.len(), 4);
        assert!(one.blobs.iter().all(|blob| !blob.bytes.is_empty()));
        for blob in &one.blobs {
            assert!(two.blobs.iter().all(|other| other.digest != blob.digest));
        }
    }

    #[test]
    fn uploads_go_on_at_the_same_server() {
        let answer = |location: &str| {
            http::Response::builder()
                .header("location", location)
                .body(Bytes::new())
                .expect("an answer")
        };
        assert_eq!(location(&answer("http://x:1/v2/a?b=c")), "/v2/a?b=c");
        assert_eq!(location(&answer("/v2/a")), "/v2/a");
    }
}
