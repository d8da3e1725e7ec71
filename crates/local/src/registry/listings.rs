//! Requests for lists: repositories, tags, and what refers to a manifest.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use http::request::Parts;
use http::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::answers::Refusal;
use super::digest::Digest;
use super::endpoint::Registry;
use super::images::Images;
use super::manifest::OCI_INDEX;
use super::parameters::parameter;
use super::reference::RepositoryName;
use super::repositories::RepositoryRecord;
use crate::server::{Body, json as json_answer};
use crate::store::{StoreError, StoredManifest, StoredTag};

const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");
/// The longest list; whoever wants more follows the link.
const MAX_PAGE: u32 = 10_000;

/// Which part of a list is wanted: behind `last`, at most `n`.
struct Page {
    last: String,
    n: u32,
}

impl Registry {
    /// `GET /v2/NAME/tags/list`.
    pub(super) async fn tags(
        &self,
        request: &Parts,
        name: RepositoryName,
    ) -> Result<Response<Body>, Refusal> {
        let page = Page::of(request)?;
        let (last, n) = (page.last.clone(), page.n);
        let repository = name.clone();
        let found = self
            .with_images(move |images| tags_of(images, &repository, &last, n + 1))
            .await?;
        let mut tags = found.ok_or_else(|| {
            let message = format!("there is no repository {name}");
            Refusal::not_found("NAME_UNKNOWN", message)
        })?;
        let more = tags.len() > page.n as usize;
        tags.truncate(page.n as usize);
        let names: Vec<&str> = tags.iter().map(|tag| tag.tag.as_str()).collect();
        let next = names.last().filter(|_| more);
        let next = next.map(|last| page.link(&format!("/v2/{name}/tags/list"), last));
        let list = json!({ "name": name.as_str(), "tags": names });
        answer(&list, next)
    }

    /// `GET /v2/_catalog`: the repositories. Not of the specification, but of every registry.
    pub(super) async fn catalog(&self, request: &Parts) -> Result<Response<Body>, Refusal> {
        let page = Page::of(request)?;
        let all = self
            .with_images(|images| images.store.read(|view| view.list::<RepositoryRecord>("")))
            .await?;
        let names = all.into_iter().map(|(name, _)| name);
        let mut names: Vec<String> = names.filter(|name| *name > page.last).collect();
        let more = names.len() > page.n as usize;
        names.truncate(page.n as usize);
        let next = names.last().filter(|_| more);
        let next = next.map(|last| page.link("/v2/_catalog", last));
        answer(&json!({ "repositories": names }), next)
    }

    /// `GET /v2/NAME/referrers/DIGEST`: what says something about a manifest, whether that is
    /// there or not.
    pub(super) async fn referrers(
        &self,
        request: &Parts,
        name: RepositoryName,
        subject: Digest,
    ) -> Result<Response<Body>, Refusal> {
        let wanted = parameter(request, "artifactType");
        let filter = wanted.clone();
        let manifests = self
            .with_images(move |images| {
                let found = images
                    .store
                    .read(|view| view.referrers(name.as_str(), subject.as_str()))?;
                let fits = |one: &StoredManifest| {
                    filter.is_none() || one.artifact_type.as_deref() == filter.as_deref()
                };
                let found = found.into_iter().filter(fits);
                let found = found.map(|one| descriptor(images, &one));
                Ok::<_, StoreError>(found.collect::<Vec<_>>())
            })
            .await?;
        let index = json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests,
        });
        let mut response = json_answer(StatusCode::OK, &index);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCI_INDEX));
        if wanted.is_some() {
            headers.insert(FILTERS, HeaderValue::from_static("artifactType"));
        }
        Ok(response)
    }
}

impl Page {
    fn of(request: &Parts) -> Result<Self, Refusal> {
        let n = match parameter(request, "n") {
            None => MAX_PAGE,
            Some(text) => text.parse::<u32>().map_err(|_| {
                let message = format!("`n` is a number of entries, not `{text}`");
                Refusal::bad("PAGINATION_NUMBER_INVALID", message)
            })?,
        };
        Ok(Self {
            last: parameter(request, "last").unwrap_or_default(),
            n: n.min(MAX_PAGE),
        })
    }

    /// The link to what follows `last` (RFC 5988).
    fn link(&self, path: &str, last: &str) -> String {
        let last = utf8_percent_encode(last, NON_ALPHANUMERIC);
        format!("<{path}?n={}&last={last}>; rel=\"next\"", self.n)
    }
}

/// The tags of a repository; none where there is no such repository.
fn tags_of(
    images: &Images,
    name: &RepositoryName,
    last: &str,
    limit: u32,
) -> Result<Option<Vec<StoredTag>>, StoreError> {
    images.store.read(|view| {
        if view.get::<RepositoryRecord>(name.as_str())?.is_none() {
            return Ok(None);
        }
        view.image_tags(name.as_str(), last, limit).map(Some)
    })
}

/// How a list of referrers names one of them.
fn descriptor(images: &Images, one: &StoredManifest) -> Value {
    let mut descriptor = json!({
        "mediaType": one.media_type, "digest": one.digest, "size": one.size,
    });
    if let Some(artifact_type) = &one.artifact_type {
        descriptor["artifactType"] = json!(artifact_type);
    }
    let digest = one.digest.parse().ok();
    let manifest = digest.and_then(|digest| images.read(&digest, &one.media_type));
    if let Some(manifest) = manifest.filter(|manifest| !manifest.annotations.is_empty()) {
        descriptor["annotations"] = json!(manifest.annotations);
    }
    descriptor
}

fn answer(list: &Value, next: Option<String>) -> Result<Response<Body>, Refusal> {
    let mut response = json_answer(StatusCode::OK, list);
    if let Some(next) = next {
        let link = HeaderValue::try_from(next).map_err(|error| Refusal::internal(&error))?;
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
