//! The endpoint `/v2/` of the OCI distribution specification, version 1.1: which request is for
//! which noun.

use std::sync::Arc;

use http::header::HeaderName;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;

use super::answers::Refusal;
use super::blobs::BlobFiles;
use super::images::Images;
use super::target::Target;
use super::uploads::Uploads;
use crate::server::{Body, json};
use crate::store::Store;

pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The image registry of one platform.
#[derive(Debug)]
pub struct Registry {
    pub(super) images: Images,
    pub(super) uploads: Uploads,
}

impl Registry {
    /// A registry that keeps its bytes in `files` and its index in `store`. Removes what an
    /// earlier run had not entered into the index.
    #[must_use]
    pub fn new(files: BlobFiles, store: Arc<Store>) -> Self {
        let uploads = Uploads::new(files.clone());
        let images = Images { files, store };
        if let Err(error) = images.remove_strays() {
            tracing::warn!(%error, "stray files of the registry stay");
        }
        Self { images, uploads }
    }

    /// The images that it keeps.
    #[must_use]
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Answers a request below `/v2/` whose sender is known.
    pub async fn answer(self: &Arc<Self>, request: &Parts, body: Incoming) -> Response<Body> {
        let (registry, request) = (Arc::clone(self), request.clone());
        // In a task of its own: a client that goes away must not leave a half-done change.
        let answered = tokio::spawn(async move { registry.route(&request, body).await });
        let answered = answered.await.map_err(|error| Refusal::internal(&error));
        answered
            .flatten()
            .unwrap_or_else(|refusal| refusal.answer())
    }

    async fn route(&self, request: &Parts, body: Incoming) -> Result<Response<Body>, Refusal> {
        let target = Target::parse(request.uri.path())?;
        match (&request.method, target) {
            (&Method::GET | &Method::HEAD, Target::Root) => {
                Ok(json(StatusCode::OK, &serde_json::json!({})))
            }
            (&Method::GET, Target::Catalog) => self.catalog(request).await,
            (&Method::GET, Target::Tags(name)) => self.tags(request, name).await,
            (&Method::GET, Target::Referrers(name, digest)) => {
                self.referrers(request, name, digest).await
            }
            (&Method::GET | &Method::HEAD, Target::Blob(name, digest)) => {
                self.blob(request, name, digest).await
            }
            (&Method::DELETE, Target::Blob(name, digest)) => self.delete_blob(name, digest).await,
            (&Method::POST, Target::Uploads(name)) => self.start_upload(request, name, body).await,
            (&Method::GET, Target::Upload(name, id)) => self.upload_status(&name, &id).await,
            (&Method::PATCH, Target::Upload(name, id)) => {
                self.append_upload(request, &name, &id, body).await
            }
            (&Method::PUT, Target::Upload(name, id)) => {
                self.finish_upload(request, name, &id, body).await
            }
            (&Method::DELETE, Target::Upload(name, id)) => self.cancel_upload(&name, &id).await,
            (&Method::GET | &Method::HEAD, Target::Manifest(name, reference)) => {
                self.manifest(request, name, reference).await
            }
            (&Method::PUT, Target::Manifest(name, reference)) => {
                self.put_manifest(request, name, reference, body).await
            }
            (&Method::DELETE, Target::Manifest(name, reference)) => {
                self.delete_manifest(name, reference).await
            }
            _ => Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "this registry cannot do that",
            )),
        }
    }

    /// Uses the images where blocking is allowed.
    pub(super) async fn with_images<T, E, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        E: Send + 'static,
        Refusal: From<E>,
        F: FnOnce(&Images) -> Result<T, E> + Send + 'static,
    {
        let images = self.images.clone();
        let done = tokio::task::spawn_blocking(move || work(&images)).await;
        let done = done.map_err(|error| Refusal::internal(&error))?;
        Ok(done?)
    }
}
