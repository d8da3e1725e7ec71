//! The endpoint `/v2/` of the OCI distribution specification, as far as pushing
//! and pulling by digest needs it.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, LOCATION, RANGE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio_util::io::ReaderStream;

use super::answers::{Refusal, with_headers};
use super::blobs::{BlobError, BlobFiles};
use super::digest::Digest;
use super::manifest::{Contents, MAX_MANIFEST};
use super::reference::RepositoryName;
use super::uploads::{Upload, Uploads};
use crate::clock::EpochMillis;
use crate::server::{Body, collect, json};
use crate::store::{Store, StoreError};

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// Bytes read from a blob at a time.
const CHUNK: usize = 64 << 10;

/// The image registry of one platform.
#[derive(Debug)]
pub struct Registry {
    pub(super) files: BlobFiles,
    pub(super) store: Arc<Store>,
    uploads: Uploads,
}

/// What a path of the endpoint names.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Root,
    Uploads(RepositoryName),
    Upload(RepositoryName, String),
    Blob(Digest),
    Manifest(RepositoryName, Digest),
}

impl Registry {
    /// A registry that keeps its bytes in `files` and its index in `store`.
    #[must_use]
    pub fn new(files: BlobFiles, store: Arc<Store>) -> Self {
        let uploads = Uploads::new(files.clone(), Arc::clone(&store));
        Self {
            files,
            store,
            uploads,
        }
    }

    /// Answers a request below `/v2/` whose sender is known.
    pub async fn answer(&self, request: &Parts, body: Incoming) -> Response<Body> {
        self.route(request, body)
            .await
            .unwrap_or_else(|refusal| refusal.answer())
    }

    async fn route(&self, request: &Parts, body: Incoming) -> Result<Response<Body>, Refusal> {
        let method = request.method.clone();
        match (method, Target::parse(request.uri.path())?) {
            (Method::GET | Method::HEAD, Target::Root) => {
                Ok(json(StatusCode::OK, &serde_json::json!({})))
            }
            (method @ (Method::GET | Method::HEAD), Target::Blob(digest)) => {
                self.blob(&method, &digest).await
            }
            (Method::POST, Target::Uploads(name)) => self.start(request, &name, body).await,
            (Method::PATCH, Target::Upload(name, id)) => {
                let upload = self.uploads.take(&id)?;
                self.go_on(request, &name, upload, body).await
            }
            (Method::PUT, Target::Upload(name, id)) => {
                let digest = wanted_digest(request)?;
                let mut upload = self.uploads.take(&id)?;
                upload.append(body).await?;
                self.finish(&name, upload, &digest).await
            }
            (Method::DELETE, Target::Upload(_, id)) => {
                drop(self.uploads.take(&id)?);
                with_headers(StatusCode::NO_CONTENT, &[])
            }
            (Method::GET, Target::Upload(name, id)) => {
                let upload = self.uploads.take(&id)?;
                self.parked(StatusCode::NO_CONTENT, &name, upload)
            }
            (method @ (Method::GET | Method::HEAD), Target::Manifest(name, digest)) => {
                self.manifest(&method, &name, digest).await
            }
            (Method::PUT, Target::Manifest(name, digest)) => {
                self.put_manifest(request, name, &digest, body).await
            }
            _ => Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "this registry cannot do that",
            )),
        }
    }

    async fn blob(&self, method: &Method, digest: &Digest) -> Result<Response<Body>, Refusal> {
        let size = self
            .present(digest)
            .await?
            .ok_or_else(|| unknown_blob(digest))?;
        self.stream(method, digest, size, "application/octet-stream")
            .await
    }

    async fn start(
        &self,
        request: &Parts,
        name: &RepositoryName,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        // Blobs are shared by all repositories: what is there need not be sent.
        if let Some(mounted) = query(request, "mount").and_then(|text| text.parse().ok())
            && self.present(&mounted).await?.is_some()
        {
            return created_blob(name, &mounted);
        }
        let mut upload = self.uploads.start().await?;
        if query(request, "digest").is_some() {
            let digest = wanted_digest(request)?;
            upload.append(body).await?;
            return self.finish(name, upload, &digest).await;
        }
        self.parked(StatusCode::ACCEPTED, name, upload)
    }

    async fn go_on(
        &self,
        request: &Parts,
        name: &RepositoryName,
        mut upload: Upload,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        if let Some(start) = chunk_start(request)?
            && start != upload.size
        {
            let message = format!("the upload goes on at {}, not at {start}", upload.size);
            self.uploads.park(upload)?;
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            return Err(Refusal::new(status, "BLOB_UPLOAD_INVALID", message));
        }
        upload.append(body).await?;
        self.parked(StatusCode::ACCEPTED, name, upload)
    }

    fn parked(
        &self,
        status: StatusCode,
        name: &RepositoryName,
        upload: Upload,
    ) -> Result<Response<Body>, Refusal> {
        let id = upload.id.to_string();
        let location = format!("/v2/{name}/blobs/uploads/{id}");
        let range = format!("0-{}", upload.size.saturating_sub(1));
        self.uploads.park(upload)?;
        with_headers(
            status,
            &[(LOCATION, &location), (RANGE, &range), (UPLOAD_ID, &id)],
        )
    }

    async fn finish(
        &self,
        name: &RepositoryName,
        upload: Upload,
        digest: &Digest,
    ) -> Result<Response<Body>, Refusal> {
        self.uploads.finish(upload, digest).await?;
        created_blob(name, digest)
    }

    async fn manifest(
        &self,
        method: &Method,
        name: &RepositoryName,
        digest: Digest,
    ) -> Result<Response<Body>, Refusal> {
        let (repository, wanted) = (name.clone(), digest.clone());
        let found = self
            .look(move |store| {
                store.read(|view| view.manifest(repository.as_str(), wanted.as_str()))
            })
            .await?;
        let unknown = || {
            Refusal::not_found(
                "MANIFEST_UNKNOWN",
                format!("{name} has no manifest {digest}"),
            )
        };
        let manifest = found.ok_or_else(unknown)?;
        let size = self.present(&digest).await?.ok_or_else(unknown)?;
        self.stream(method, &digest, size, &manifest.media_type)
            .await
    }

    async fn put_manifest(
        &self,
        request: &Parts,
        name: RepositoryName,
        digest: &Digest,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let bytes = collect(body, MAX_MANIFEST)
            .await
            .map_err(|error| Refusal::too_large(error.to_string()))?;
        let found = Digest::of(&bytes);
        if found != *digest {
            let message = format!("the manifest has the digest {found}, not {digest}");
            return Err(Refusal::bad("DIGEST_INVALID", message));
        }
        let media_type = request
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        self.require_blobs(&Contents::parse(&bytes, &media_type)?)
            .await?;
        self.uploads.store_whole(&bytes).await?;
        let location = format!("/v2/{name}/manifests/{digest}");
        self.look(move |store| {
            store.write(|tx| {
                tx.put_manifest(
                    name.as_str(),
                    found.as_str(),
                    &media_type,
                    EpochMillis::now(),
                )
            })
        })
        .await?;
        let headers = [(LOCATION, location.as_str()), (DIGEST, digest.as_str())];
        with_headers(StatusCode::CREATED, &headers)
    }

    async fn require_blobs(&self, contents: &Contents) -> Result<(), Refusal> {
        for blob in contents.blobs() {
            match self.present(&blob.digest).await? {
                Some(size) if size == blob.size => {}
                Some(size) => {
                    let message = format!("{} has {size} bytes, not {}", blob.digest, blob.size);
                    return Err(Refusal::bad("SIZE_INVALID", message));
                }
                None => {
                    let message = format!("push {} before the manifest", blob.digest);
                    return Err(Refusal::bad("MANIFEST_BLOB_UNKNOWN", message));
                }
            }
        }
        Ok(())
    }

    /// The size of a blob that is in the index and on the disk. A file that
    /// went missing or was cut is forgotten, so that it can be pushed again.
    async fn present(&self, digest: &Digest) -> Result<Option<u64>, Refusal> {
        let (path, digest) = (self.files.path(digest), digest.clone());
        self.look(move |store| {
            let Some(size) = store.read(|view| view.blob_size(digest.as_str()))? else {
                return Ok(None);
            };
            if std::fs::metadata(&path).is_ok_and(|file| file.len() == size) {
                return Ok(Some(size));
            }
            store.write(|tx| tx.remove_blob(digest.as_str()))?;
            Ok(None)
        })
        .await
    }

    async fn stream(
        &self,
        method: &Method,
        digest: &Digest,
        size: u64,
        media_type: &str,
    ) -> Result<Response<Body>, Refusal> {
        let length = size.to_string();
        let headers = [
            (CONTENT_TYPE, media_type),
            (CONTENT_LENGTH, &length),
            (DIGEST, digest.as_str()),
        ];
        let mut response = with_headers(StatusCode::OK, &headers)?;
        if method == Method::GET {
            let path = self.files.path(digest);
            let file = tokio::fs::File::open(&path)
                .await
                .map_err(|source| Refusal::internal(&BlobError::at(&path, source)))?;
            *response.body_mut() = file_body(file);
        }
        Ok(response)
    }

    /// Uses the store where blocking is allowed.
    async fn look<T, F>(&self, use_store: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || use_store(&store))
            .await
            .map_err(|error| Refusal::internal(&error))?
            .map_err(|error| Refusal::internal(&error))
    }
}

impl Target {
    fn parse(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found("NAME_UNKNOWN", "this registry has no such path");
        let rest = path.strip_prefix("/v2/").ok_or_else(unknown)?;
        if rest.is_empty() {
            return Ok(Self::Root);
        }
        let (rest, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            let name = repository(name)?;
            let is_start = last.is_empty();
            return Ok(if is_start {
                Self::Uploads(name)
            } else {
                Self::Upload(name, last.into())
            });
        }
        if let Some(name) = rest.strip_suffix("/blobs") {
            repository(name)?;
            return if last == "uploads" {
                Ok(Self::Uploads(repository(name)?))
            } else {
                Ok(Self::Blob(digest(last)?))
            };
        }
        let name = repository(rest.strip_suffix("/manifests").ok_or_else(unknown)?)?;
        match last.parse() {
            Ok(digest) => Ok(Self::Manifest(name, digest)),
            Err(_) => Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "UNSUPPORTED",
                format!("`{last}` is a tag; this registry knows manifests by digest only"),
            )),
        }
    }
}

fn file_body(file: tokio::fs::File) -> Body {
    let frames = ReaderStream::with_capacity(file, CHUNK).map_ok(Frame::<Bytes>::data);
    StreamBody::new(frames).boxed_unsync()
}

fn created_blob(name: &RepositoryName, digest: &Digest) -> Result<Response<Body>, Refusal> {
    let location = format!("/v2/{name}/blobs/{digest}");
    with_headers(
        StatusCode::CREATED,
        &[(LOCATION, &location), (DIGEST, digest.as_str())],
    )
}

fn unknown_blob(digest: &Digest) -> Refusal {
    Refusal::not_found("BLOB_UNKNOWN", format!("there is no blob {digest}"))
}

fn repository(name: &str) -> Result<RepositoryName, Refusal> {
    name.parse()
        .map_err(|error: super::ReferenceError| Refusal::bad("NAME_INVALID", error.to_string()))
}

fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse()
        .map_err(|error: super::DigestError| Refusal::bad("DIGEST_INVALID", error.to_string()))
}

fn wanted_digest(request: &Parts) -> Result<Digest, Refusal> {
    digest(&query(request, "digest").unwrap_or_default())
}

/// A parameter of the query; digests may arrive with an encoded colon.
fn query(request: &Parts, name: &str) -> Option<String> {
    let pairs = request
        .uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.replace("%3A", ":").replace("%3a", ":"))
        .next()
}

/// The first byte of a chunk, if the client says so: `Content-Range: 0-1023`.
fn chunk_start(request: &Parts) -> Result<Option<u64>, Refusal> {
    let Some(range) = request.headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let start = range
        .to_str()
        .ok()
        .map(|text| text.trim_start_matches("bytes").trim_start())
        .and_then(|text| text.split_once('-'))
        .and_then(|(start, _)| start.parse().ok());
    start.map(Some).ok_or_else(|| {
        Refusal::bad(
            "BLOB_UPLOAD_INVALID",
            "the Content-Range is not `FIRST-LAST`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_targets() {
        let digest = Digest::of(b"x");
        let name: RepositoryName = "shop/api".parse().unwrap();
        assert_eq!(Target::parse("/v2/"), Ok(Target::Root));
        assert_eq!(
            Target::parse("/v2/shop/api/blobs/uploads/"),
            Ok(Target::Uploads(name.clone()))
        );
        assert_eq!(
            Target::parse("/v2/shop/api/blobs/uploads/abc"),
            Ok(Target::Upload(name.clone(), "abc".into()))
        );
        assert_eq!(
            Target::parse(&format!("/v2/shop/api/blobs/{digest}")),
            Ok(Target::Blob(digest.clone()))
        );
        assert_eq!(
            Target::parse(&format!("/v2/shop/api/manifests/{digest}")),
            Ok(Target::Manifest(name, digest))
        );
    }

    #[test]
    fn tags_and_strange_names_are_refused_by_name() {
        let code = |path: &str| Target::parse(path).unwrap_err().code;
        assert_eq!(code("/v2/shop/api/manifests/latest"), "UNSUPPORTED");
        assert_eq!(code("/v2/../etc/blobs/sha256:0"), "NAME_INVALID");
        assert_eq!(code("/v2/shop/blobs/sha256:0"), "DIGEST_INVALID");
        assert_eq!(code("/v2/_catalog"), "NAME_UNKNOWN");
    }
}
