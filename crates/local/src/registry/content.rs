//! Requests for blobs and manifests that are there, and for their end.

use std::io::SeekFrom;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::answers::{Refusal, with_headers};
use super::blobs::BlobError;
use super::digest::Digest;
use super::endpoint::{DIGEST, Registry};
use super::images::NewImage;
use super::manifest::MAX_MANIFEST;
use super::parameters::{Wanted, parameter, parameters, wanted_bytes};
use super::reference::{Reference, ReferenceError, RepositoryName, TagName};
use super::target;
use crate::clock::EpochMillis;
use crate::server::{Body, collect};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// Bytes read from a blob at a time.
const CHUNK: usize = 64 << 10;
/// Tags that a manifest pushed by digest may be given at once.
const MAX_TAGS: usize = 32;

/// A file of the registry as a client asks for it.
struct Asked<'a> {
    digest: &'a Digest,
    size: u64,
    media_type: &'a str,
    bytes: Wanted,
}

impl Registry {
    /// `GET` and `HEAD` of a blob, or of a part of it.
    pub(super) async fn blob(
        &self,
        request: &Parts,
        name: RepositoryName,
        digest: Digest,
    ) -> Result<Response<Body>, Refusal> {
        let (wanted, method) = (digest.clone(), request.method.clone());
        let size = self
            .with_images(move |images| match method {
                // Who asks like this may be about to push a manifest.
                Method::HEAD => images.blob_to_rely_on(&name, &wanted, EpochMillis::now()),
                _ => images.blob_size(&name, &wanted),
            })
            .await?
            .ok_or_else(|| unknown_blob(&digest))?;
        let bytes = match request.method {
            Method::HEAD => Wanted::All,
            _ => wanted_bytes(request, size),
        };
        let asked = Asked {
            digest: &digest,
            size,
            media_type: "application/octet-stream",
            bytes,
        };
        self.stream(&request.method, &asked).await
    }

    /// `DELETE` of a blob.
    pub(super) async fn delete_blob(
        &self,
        name: RepositoryName,
        digest: Digest,
    ) -> Result<Response<Body>, Refusal> {
        let unknown = unknown_blob(&digest);
        let removed = self
            .with_images(move |images| images.release_blob(&name, &digest))
            .await?;
        if removed {
            with_headers(StatusCode::ACCEPTED, &[])
        } else {
            Err(unknown)
        }
    }

    /// `GET` and `HEAD` of a manifest.
    pub(super) async fn manifest(
        &self,
        request: &Parts,
        name: RepositoryName,
        reference: Reference,
    ) -> Result<Response<Body>, Refusal> {
        let unknown = unknown_manifest(&name, &reference);
        let found = self
            .with_images(move |images| images.find(&name, &reference))
            .await?;
        let (digest, manifest) = found.ok_or(unknown)?;
        let asked = Asked {
            digest: &digest,
            size: manifest.size,
            media_type: &manifest.media_type,
            bytes: Wanted::All,
        };
        self.stream(&request.method, &asked).await
    }

    /// `PUT` of a manifest, by digest or by tag.
    pub(super) async fn put_manifest(
        &self,
        request: &Parts,
        name: RepositoryName,
        reference: Reference,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let bytes = collect(body, MAX_MANIFEST)
            .await
            .map_err(|error| Refusal::too_large(error.to_string()))?;
        let media_type = request.headers.get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok().map(str::to_owned));
        let (digest, tags) = named(request, &reference)?;
        let (answered, repository) = (tags.clone(), name.clone());
        let pushed = self
            .with_images(move |images| {
                let new = NewImage {
                    repository: &name,
                    bytes: &bytes,
                    media_type: media_type.as_deref(),
                    digest: digest.as_ref(),
                    tags: &tags,
                };
                images.push(&new, EpochMillis::now())
            })
            .await?;
        let location = format!("/v2/{repository}/manifests/{}", pushed.digest);
        let mut headers = vec![
            (LOCATION, location.as_str()),
            (DIGEST, pushed.digest.as_str()),
        ];
        if let Some(subject) = &pushed.manifest.subject {
            headers.push((SUBJECT, subject.as_str()));
        }
        if let Reference::Digest(_) = reference {
            headers.extend(answered.iter().map(|tag| (TAG, tag.as_str())));
        }
        with_headers(StatusCode::CREATED, &headers)
    }

    /// `DELETE` of a tag, or of a manifest with all its tags.
    pub(super) async fn delete_manifest(
        &self,
        name: RepositoryName,
        reference: Reference,
    ) -> Result<Response<Body>, Refusal> {
        let unknown = unknown_manifest(&name, &reference);
        let removed = self
            .with_images(move |images| images.remove(&name, &reference, EpochMillis::now()))
            .await?;
        if removed {
            with_headers(StatusCode::ACCEPTED, &[])
        } else {
            Err(unknown)
        }
    }

    async fn stream(&self, method: &Method, asked: &Asked<'_>) -> Result<Response<Body>, Refusal> {
        let size = asked.size;
        let (status, first, length) = match &asked.bytes {
            Wanted::All => (StatusCode::OK, 0, size),
            Wanted::Part(part) => {
                let length = part.end() - part.start() + 1;
                (StatusCode::PARTIAL_CONTENT, *part.start(), length)
            }
            Wanted::Nothing => return nothing_there(size),
        };
        let length_text = length.to_string();
        let headers = [
            (CONTENT_TYPE, asked.media_type),
            (CONTENT_LENGTH, &length_text),
            (DIGEST, asked.digest.as_str()),
            (ACCEPT_RANGES, "bytes"),
        ];
        let mut response = with_headers(status, &headers)?;
        if let Wanted::Part(part) = &asked.bytes {
            let range = format!("bytes {}-{}/{size}", part.start(), part.end());
            let range = HeaderValue::try_from(range).map_err(|error| Refusal::internal(&error))?;
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        if method == Method::GET {
            let path = self.images.files.path(asked.digest);
            let body = part_of_file(&path, first, length).await;
            *response.body_mut() =
                body.map_err(|source| Refusal::internal(&BlobError::at(&path, source)))?;
        }
        Ok(response)
    }
}

async fn part_of_file(path: &std::path::Path, first: u64, length: u64) -> std::io::Result<Body> {
    let mut file = File::open(path).await?;
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await?;
    }
    let frames = ReaderStream::with_capacity(file.take(length), CHUNK);
    Ok(StreamBody::new(frames.map_ok(Frame::<Bytes>::data)).boxed_unsync())
}

/// The digest and the tags of a manifest in a `PUT`: each by the path, the other by the query.
fn named(
    request: &Parts,
    reference: &Reference,
) -> Result<(Option<Digest>, Vec<TagName>), Refusal> {
    match reference {
        Reference::Tag(tag) => {
            let digest = parameter(request, "digest").map(|text| target::digest(&text));
            Ok((digest.transpose()?, vec![tag.clone()]))
        }
        Reference::Digest(digest) => {
            let tags = parameters(request, "tag").map(|tag| tag.parse());
            let tags: Vec<TagName> = tags
                .collect::<Result<_, _>>()
                .map_err(|error: ReferenceError| Refusal::bad("TAG_INVALID", error.to_string()))?;
            if tags.len() > MAX_TAGS {
                let message = format!("a manifest is given at most {MAX_TAGS} tags at once");
                return Err(Refusal::new(
                    StatusCode::URI_TOO_LONG,
                    "TAG_INVALID",
                    message,
                ));
            }
            Ok((Some(digest.clone()), tags))
        }
    }
}

fn nothing_there(size: u64) -> Result<Response<Body>, Refusal> {
    let range = format!("bytes */{size}");
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    with_headers(status, &[(CONTENT_RANGE, &range)])
}

fn unknown_blob(digest: &Digest) -> Refusal {
    Refusal::not_found("BLOB_UNKNOWN", format!("there is no blob {digest}"))
}

fn unknown_manifest(name: &RepositoryName, reference: &Reference) -> Refusal {
    let message = format!("{name} has no manifest {reference}");
    Refusal::not_found("MANIFEST_UNKNOWN", message)
}
