//! Requests that bring a blob: in one piece, in chunks, or from another repository.

use http::header::{HeaderName, LOCATION, RANGE};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::answers::{Refusal, with_headers};
use super::digest::Digest;
use super::endpoint::{DIGEST, Registry};
use super::parameters::{self, parameter};
use super::reference::RepositoryName;
use super::target;
use super::uploads::Upload;
use crate::clock::EpochMillis;
use crate::server::Body;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

impl Registry {
    /// `POST .../blobs/uploads/`: mounts, takes the whole blob, or begins an upload.
    pub(super) async fn start_upload(
        &self,
        request: &Parts,
        name: RepositoryName,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        if let Some(mounted) = parameter(request, "mount") {
            let digest = target::digest(&mounted)?;
            if self.mount(request, &name, &digest).await? {
                return created_blob(&name, &digest);
            }
        }
        let Some(digest) = parameter(request, "digest") else {
            let algorithm = parameters::algorithm(request)?;
            let upload = self.uploads.start(&name, algorithm).await?;
            let answer = progress(StatusCode::ACCEPTED, &name, &upload)?;
            self.uploads.park(upload)?;
            return Ok(answer);
        };
        let digest = target::digest(&digest)?;
        let mut upload = self.uploads.start(&name, digest.algorithm()).await?;
        upload.append_all(body).await?;
        self.keep(name, upload, digest).await
    }

    /// `GET` of an upload: how far it has come.
    pub(super) async fn upload_status(
        &self,
        name: &RepositoryName,
        id: &str,
    ) -> Result<Response<Body>, Refusal> {
        let held = self.uploads.hold(name, id).await?;
        progress(StatusCode::NO_CONTENT, name, held.upload()?)
    }

    /// `PATCH` of an upload: a chunk, or a stream whose length nobody knows yet.
    pub(super) async fn append_upload(
        &self,
        request: &Parts,
        name: &RepositoryName,
        id: &str,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let mut held = self.uploads.hold(name, id).await?;
        if let Some(refused) = out_of_order(request, name, held.upload()?)? {
            return Ok(refused);
        }
        self.uploads.append(&mut held, body).await?;
        progress(StatusCode::ACCEPTED, name, held.upload()?)
    }

    /// `PUT` of an upload: perhaps a last chunk, and the digest of it all.
    pub(super) async fn finish_upload(
        &self,
        request: &Parts,
        name: RepositoryName,
        id: &str,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let digest = parameters::digest(request)?;
        let mut held = self.uploads.hold(&name, id).await?;
        if let Some(refused) = out_of_order(request, &name, held.upload()?)? {
            return Ok(refused);
        }
        self.uploads.append(&mut held, body).await?;
        let upload = self.uploads.take(&mut held)?;
        self.keep(name, upload, digest).await
    }

    /// `DELETE` of an upload: the client has changed its mind.
    pub(super) async fn cancel_upload(
        &self,
        name: &RepositoryName,
        id: &str,
    ) -> Result<Response<Body>, Refusal> {
        let mut held = self.uploads.hold(name, id).await?;
        drop(self.uploads.take(&mut held)?);
        with_headers(StatusCode::NO_CONTENT, &[])
    }

    async fn mount(
        &self,
        request: &Parts,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, Refusal> {
        let from = parameter(request, "from").filter(|from| !from.is_empty());
        let from = from.map(|from| target::repository(&from)).transpose()?;
        let (name, digest) = (name.clone(), digest.clone());
        let now = EpochMillis::now();
        self.with_images(move |images| images.mount_blob(&name, &digest, from.as_ref(), now))
            .await
    }

    async fn keep(
        &self,
        name: RepositoryName,
        upload: Upload,
        digest: Digest,
    ) -> Result<Response<Body>, Refusal> {
        let whole = upload.complete(&digest).await?;
        let answer = created_blob(&name, &digest)?;
        let now = EpochMillis::now();
        self.with_images(move |images| {
            images.keep_blob(&name, (whole.path(), whole.size), &digest, now)
        })
        .await?;
        Ok(answer)
    }
}

/// Where the upload goes on, and from which byte.
fn progress(
    status: StatusCode,
    name: &RepositoryName,
    upload: &Upload,
) -> Result<Response<Body>, Refusal> {
    let id = upload.id.to_string();
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    let range = format!("0-{}", upload.size.saturating_sub(1));
    with_headers(
        status,
        &[(LOCATION, &location), (RANGE, &range), (UPLOAD_ID, &id)],
    )
}

/// The refusal of a chunk that does not begin where the upload ends; it says where that is.
fn out_of_order(
    request: &Parts,
    name: &RepositoryName,
    upload: &Upload,
) -> Result<Option<Response<Body>>, Refusal> {
    match parameters::chunk_start(request)? {
        Some(start) if start != upload.size => {
            let message = format!("the upload goes on at {}, not at {start}", upload.size);
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let mut answer = Refusal::new(status, "BLOB_UPLOAD_INVALID", message).answer();
            let place = progress(status, name, upload)?.into_parts().0.headers;
            answer.headers_mut().extend(place);
            Ok(Some(answer))
        }
        _ => Ok(None),
    }
}

fn created_blob(name: &RepositoryName, digest: &Digest) -> Result<Response<Body>, Refusal> {
    let location = format!("/v2/{name}/blobs/{digest}");
    with_headers(
        StatusCode::CREATED,
        &[(LOCATION, &location), (DIGEST, digest.as_str())],
    )
}
