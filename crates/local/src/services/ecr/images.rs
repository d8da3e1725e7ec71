//! Images of a repository: listed and described.

use seaway_aws_wire::ecr::{
    DescribeImagesRequest, DescribeImagesResponse, ImageDetail, ImageIdentifier, ImageStatus,
    ListImagesRequest, ListImagesResponse, TagStatus,
};

use super::paging::page;
use super::{Ecr, EcrError, find, timestamp};
use crate::identity::ACCOUNT;
use crate::registry::{Candidate, Images, Reference, RepositoryName, candidates};
use crate::store::{StoredManifest, View};

/// How a request names an image: by digest, by tag, or by both, which must then agree.
pub(super) struct Asked<'a> {
    pub(super) id: &'a ImageIdentifier,
    pub(super) repository: &'a RepositoryName,
}

impl Ecr {
    pub(super) fn list_images(
        &self,
        request: &ListImagesRequest,
    ) -> Result<ListImagesResponse, EcrError> {
        let status = request.filter.as_ref().and_then(|f| f.tag_status.as_ref());
        let registry = request.registry_id.as_deref();
        let mut ids = Vec::new();
        self.images.store.read(|view| {
            let (name, _) = find(view, &request.repository_name, registry)?;
            for image in candidates(view, &name)? {
                if fits(&image, status) {
                    ids.extend(identifiers(image));
                }
            }
            Ok::<_, EcrError>(())
        })?;
        let key = |id: &ImageIdentifier| {
            let digest = id.image_digest.as_deref().unwrap_or_default();
            format!("{digest} {}", id.image_tag.as_deref().unwrap_or_default())
        };
        let (token, limit) = (request.next_token.as_deref(), request.max_results);
        let (ids, next_token) = page(ids, token, limit, key)?;
        Ok(ListImagesResponse {
            image_ids: Some(ids),
            next_token,
        })
    }

    pub(super) fn describe_images(
        &self,
        request: &DescribeImagesRequest,
    ) -> Result<DescribeImagesResponse, EcrError> {
        let status = request.filter.as_ref().and_then(|f| f.tag_status.as_ref());
        let registry = request.registry_id.as_deref();
        let find = |view: &View<'_>| find(view, &request.repository_name, registry);
        let (repository, _) = self.images.store.read(find)?;
        let all = self
            .images
            .store
            .read(|view| candidates(view, &repository))?;
        let (wanted, next_token) = match &request.image_ids {
            Some(ids) => {
                let named = ids.iter().map(|id| {
                    let repository = &repository;
                    let asked = Asked { id, repository };
                    let digest = asked.found(&self.images)?;
                    let digest = digest.map_err(|why| asked.refusal(why))?;
                    let mut all = all.iter();
                    let image = all.find(|image| image.digest == digest).cloned();
                    image.ok_or_else(|| asked.unknown())
                });
                (named.collect::<Result<Vec<_>, EcrError>>()?, None)
            }
            None => {
                let fitting = all.into_iter().filter(|image| fits(image, status));
                let (token, limit) = (request.next_token.as_deref(), request.max_results);
                page(fitting.collect(), token, limit, |one| one.digest.clone())?
            }
        };
        let details = wanted
            .into_iter()
            .map(|image| self.detail(&repository, image));
        Ok(DescribeImagesResponse {
            image_details: Some(details.collect::<Result<_, _>>()?),
            next_token,
        })
    }

    fn detail(
        &self,
        repository: &RepositoryName,
        image: Candidate,
    ) -> Result<ImageDetail, EcrError> {
        let name = repository.as_str();
        let (stored, size) = self.images.store.read(|view| {
            let stored: Option<StoredManifest> = view.manifest(name, &image.digest)?;
            Ok::<_, EcrError>((stored, size_of(view, name, &image.digest)?))
        })?;
        let media_type = stored.as_ref().map(|stored| stored.media_type.clone());
        let (artifact_type, subject) = stored
            .map(|stored| (stored.artifact_type, stored.subject))
            .unwrap_or_default();
        Ok(ImageDetail {
            artifact_media_type: artifact_type,
            image_digest: Some(image.digest),
            image_manifest_media_type: media_type,
            image_pushed_at: timestamp(image.pushed_at),
            image_size_in_bytes: i64::try_from(size).ok(),
            image_status: Some(ImageStatus::Active),
            image_tags: (!image.tags.is_empty()).then_some(image.tags),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name.to_owned()),
            subject_manifest_digest: subject,
            ..ImageDetail::default()
        })
    }
}

/// Why an image was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfound {
    /// Neither a tag nor a digest was given.
    Unnamed,
    Missing,
    /// The tag is that of an image with another digest.
    OtherDigest,
}

impl Asked<'_> {
    /// The digest of the image, if the repository has it.
    pub(super) fn found(&self, images: &Images) -> Result<Result<String, Unfound>, EcrError> {
        let (digest, tag) = (&self.id.image_digest, &self.id.image_tag);
        let Some(name) = tag.as_ref().or(digest.as_ref()) else {
            return Ok(Err(Unfound::Unnamed));
        };
        let Ok(reference) = name.parse::<Reference>() else {
            return Ok(Err(Unfound::Missing));
        };
        let Some((_, manifest)) = images.find(self.repository, &reference)? else {
            return Ok(Err(Unfound::Missing));
        };
        let found = manifest.digest;
        Ok(match digest {
            Some(digest) if *digest != found && tag.is_some() => Err(Unfound::OtherDigest),
            Some(digest) if *digest != found => Err(Unfound::Missing),
            _ => Ok(found),
        })
    }

    /// The refusal of a request that needs each of its images.
    fn refusal(&self, why: Unfound) -> EcrError {
        match why {
            Unfound::Unnamed => {
                let constraint = "an image is named by imageDigest, imageTag or both";
                EcrError::parameter("imageIds", constraint)
            }
            Unfound::Missing | Unfound::OtherDigest => self.unknown(),
        }
    }

    /// The refusal of an image that is not there.
    pub(super) fn unknown(&self) -> EcrError {
        let or_null = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
        EcrError::NoImage {
            digest: or_null(&self.id.image_digest),
            tag: or_null(&self.id.image_tag),
            repository: self.repository.to_string(),
        }
    }
}

/// One identifier for each tag of the image; one without a tag where it has none.
pub(super) fn identifiers(image: Candidate) -> Vec<ImageIdentifier> {
    let digest = Some(image.digest);
    if image.tags.is_empty() {
        return vec![ImageIdentifier {
            image_digest: digest,
            image_tag: None,
        }];
    }
    let tags = image.tags.into_iter();
    let identifier = |tag| ImageIdentifier {
        image_digest: digest.clone(),
        image_tag: Some(tag),
    };
    tags.map(identifier).collect()
}

/// The bytes of an image; of an index, those of its largest image.
fn size_of(view: &View<'_>, name: &str, digest: &str) -> Result<u64, EcrError> {
    let children = view.child_manifests(name, digest)?;
    if children.is_empty() {
        return Ok(view.image_size(name, digest)?);
    }
    let mut largest = 0;
    for child in children {
        largest = largest.max(view.image_size(name, &child)?);
    }
    Ok(largest)
}

fn fits(image: &Candidate, status: Option<&TagStatus>) -> bool {
    match status {
        Some(TagStatus::Tagged) => !image.tags.is_empty(),
        Some(TagStatus::Untagged) => image.tags.is_empty(),
        _ => true,
    }
}
