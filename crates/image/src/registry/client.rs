//! The port `Registry`: what is held, and what has to be sent.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use seaway_core::digest::ImageRef;
use seaway_ports::{PortError, Registry};

use super::endpoint::{Endpoint, EndpointError, RegistryCredentials};
use super::exchange::{Answer, Ask, Exchange, bytes, file, nothing};
use super::failure::Failure;
use crate::oci::{Blob, MANIFEST, blobs_of};
use crate::repository::path_in_registry;
use crate::store::ImageStore;

/// Questions on their way at the same time.
const AT_ONCE: usize = 8;
/// For an answer to a small request.
const PATIENCE: Duration = Duration::from_secs(30);
/// For the answer to a layer.
const LAYER_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Asks and feeds the registry of the embedded platform.
#[derive(Debug)]
pub struct RegistryClient {
    exchange: Exchange,
    store: ImageStore,
}

impl RegistryClient {
    /// A client of the registry at `base`, `http://127.0.0.1:PORT`, that sends images out of
    /// `store`. Fails when `base` is not on this machine.
    pub fn new(
        base: &str,
        credentials: &RegistryCredentials,
        store: ImageStore,
    ) -> Result<Self, EndpointError> {
        let exchange = Exchange::new(Endpoint::parse(base)?, credentials.header()?);
        Ok(Self { exchange, store })
    }

    async fn holds(&self, image: &ImageRef) -> Result<bool, Failure> {
        let path = manifest_path(image)?;
        let head = || self.head(&path, accept_manifest());
        let answer = head.retry(patience()).when(Failure::is_passing).await?;
        Ok(answer.status != StatusCode::NOT_FOUND)
    }

    async fn send(&self, image: &ImageRef) -> Result<(), Failure> {
        let repository = repository(image)?;
        let gone = || Failure::Gone(image.digest.clone());
        let manifest = self.store.read(&image.digest)?.ok_or_else(gone)?;
        for blob in blobs_of(&manifest)? {
            let send = || self.send_blob(repository, &blob);
            send.retry(patience()).when(Failure::is_passing).await?;
        }
        let path = manifest_path(image)?;
        let put = || self.put_manifest(&path, &manifest);
        put.retry(patience()).when(Failure::is_passing).await
    }

    /// An upload that breaks off starts anew.
    async fn send_blob(&self, repository: &str, blob: &Blob) -> Result<(), Failure> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        if self.head(&path, HeaderMap::new()).await?.status == StatusCode::OK {
            return Ok(());
        }
        let Some(upload) = self.begin_upload(repository, blob).await? else {
            return Ok(());
        };
        let separator = if upload.contains('?') { '&' } else { '?' };
        let path = format!("{upload}{separator}digest={}", blob.digest);
        let content = self.open(blob).await?;
        let (body, headers) = file(content, blob.size);
        let ask = Ask {
            method: Method::PUT,
            path: &path,
            headers,
            body,
            patience: LAYER_PATIENCE,
        };
        expect(self.exchange.ask(ask).await?, StatusCode::CREATED)
    }

    /// Where to send the blob; nowhere if the registry takes it from another repository.
    async fn begin_upload(&self, repository: &str, blob: &Blob) -> Result<Option<String>, Failure> {
        let ask = Ask {
            method: Method::POST,
            path: &format!("/v2/{repository}/blobs/uploads/?mount={}", blob.digest),
            headers: HeaderMap::new(),
            body: nothing(),
            patience: PATIENCE,
        };
        let answer = self.exchange.ask(ask).await?;
        if answer.status == StatusCode::CREATED {
            return Ok(None);
        }
        let location = answer.headers.get(LOCATION).and_then(|l| l.to_str().ok());
        let own_path = location.and_then(|l| self.exchange.endpoint().own_path(l));
        expect(answer, StatusCode::ACCEPTED)?;
        let nowhere = Failure::Nonsense("no place of its own for an upload");
        own_path.map(Some).ok_or(nowhere)
    }

    /// A blob of the store, if it is as long as the manifest says; the registry verifies its
    /// digest.
    async fn open(&self, blob: &Blob) -> Result<tokio::fs::File, Failure> {
        let path = self.store.path(&blob.digest);
        let content = match tokio::fs::File::open(&path).await {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::Gone(blob.digest.clone()));
            }
            Err(error) => return Err(Failure::Layer(error)),
        };
        let length = content.metadata().await.map_err(Failure::Layer)?.len();
        if length != blob.size {
            return Err(Failure::Gone(blob.digest.clone()));
        }
        Ok(content)
    }

    async fn put_manifest(&self, path: &str, manifest: &[u8]) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MANIFEST));
        let ask = Ask {
            method: Method::PUT,
            path,
            headers,
            body: bytes(manifest.to_vec()),
            patience: PATIENCE,
        };
        expect(self.exchange.ask(ask).await?, StatusCode::CREATED)
    }

    async fn head(&self, path: &str, headers: HeaderMap) -> Result<Answer, Failure> {
        let ask = Ask {
            method: Method::HEAD,
            path,
            headers,
            body: nothing(),
            patience: PATIENCE,
        };
        self.exchange.ask(ask).await
    }
}

#[async_trait]
impl Registry for RegistryClient {
    async fn held(&self, images: &BTreeSet<ImageRef>) -> Result<BTreeSet<ImageRef>, PortError> {
        let asked = images.iter().map(|image| async move {
            let holds = self.holds(image).await;
            let holds = holds.map_err(|error| error.at_port(format!("look for {image}")))?;
            Ok::<_, PortError>(holds.then(|| image.clone()))
        });
        // Collected first: the lifetimes of a stream of borrowing futures confuse the compiler.
        let asked: Vec<_> = asked.collect();
        let found: Vec<Option<ImageRef>> = stream::iter(asked)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn push(&self, image: &ImageRef) -> Result<(), PortError> {
        let sent = self.send(image).await;
        sent.map_err(|error| error.at_port(format!("push {image}")))
    }
}

fn expect(answer: Answer, status: StatusCode) -> Result<(), Failure> {
    if answer.status == status {
        return Ok(());
    }
    Err(Failure::Status {
        status: answer.status,
        message: String::new(),
    })
}

fn repository(image: &ImageRef) -> Result<&str, Failure> {
    path_in_registry(&image.repository).ok_or_else(|| Failure::Foreign(image.to_string()))
}

fn manifest_path(image: &ImageRef) -> Result<String, Failure> {
    let repository = repository(image)?;
    Ok(format!("/v2/{repository}/manifests/{}", image.digest))
}

fn accept_manifest() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST));
    headers
}

/// About three seconds in all: a platform that restarts is back by then.
fn patience() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(6)
        .with_jitter()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
