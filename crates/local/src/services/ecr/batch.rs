//! Images by the batch: fetched, deleted, put; and layers that are there.

use seaway_aws_wire::ecr::{
    BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse,
    BatchDeleteImageRequest, BatchDeleteImageResponse, BatchGetImageRequest, BatchGetImageResponse,
    Image, ImageFailure, ImageFailureCode, ImageIdentifier, Layer, LayerAvailability, LayerFailure,
    LayerFailureCode, PutImageRequest, PutImageResponse,
};

use super::images::{Asked, Unfound, identifiers};
use super::{Ecr, EcrError, find};
use crate::clock::EpochMillis;
use crate::identity::ACCOUNT;
use crate::registry::{
    Candidate, Digest, NewImage, Reference, RepositoryName, TagName, candidates,
};

impl Ecr {
    pub(super) fn batch_get(
        &self,
        request: &BatchGetImageRequest,
    ) -> Result<BatchGetImageResponse, EcrError> {
        let repository = self.named(&request.repository_name, request.registry_id.as_deref())?;
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in &request.image_ids {
            let repository = &repository;
            match self.get(&Asked { id, repository })? {
                Ok(image) => images.push(image),
                Err(failure) => failures.push(failure),
            }
        }
        Ok(BatchGetImageResponse {
            failures: Some(failures),
            images: Some(images),
        })
    }

    pub(super) fn batch_delete(
        &self,
        request: &BatchDeleteImageRequest,
        now: EpochMillis,
    ) -> Result<BatchDeleteImageResponse, EcrError> {
        let repository = self.named(&request.repository_name, request.registry_id.as_deref())?;
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for id in &request.image_ids {
            let repository = &repository;
            match self.delete_one(&Asked { id, repository }, now)? {
                Ok(gone) => deleted.extend(gone),
                Err(failure) => failures.push(failure),
            }
        }
        Ok(BatchDeleteImageResponse {
            failures: Some(failures),
            image_ids: Some(deleted),
        })
    }

    pub(super) fn put_image(
        &self,
        request: PutImageRequest,
        now: EpochMillis,
    ) -> Result<PutImageResponse, EcrError> {
        let repository = self.named(&request.repository_name, request.registry_id.as_deref())?;
        let digest = request.image_digest.as_deref().map(|text| {
            let wrong = |error: crate::registry::DigestError| error.to_string();
            let parsed = text.parse::<Digest>().map_err(wrong);
            parsed.map_err(|text| EcrError::parameter("imageDigest", text))
        });
        let tags = request.image_tag.as_deref().map(|text| {
            let wrong = |error: crate::registry::ReferenceError| error.to_string();
            let parsed = text.parse::<TagName>().map_err(wrong);
            parsed.map_err(|text| EcrError::parameter("imageTag", text))
        });
        let (digest, tags) = (digest.transpose()?, tags.transpose()?);
        let new = NewImage {
            repository: &repository,
            bytes: request.image_manifest.as_bytes(),
            media_type: request.image_manifest_media_type.as_deref(),
            digest: digest.as_ref(),
            tags: tags.as_slice(),
        };
        let own = digest.clone().unwrap_or_else(|| Digest::of(new.bytes));
        self.refuse_known(&repository, &own, tags.as_ref())?;
        let pushed = self.images.push(&new, now)?;
        Ok(PutImageResponse {
            image: Some(Image {
                image_id: Some(ImageIdentifier {
                    image_digest: Some(pushed.digest.to_string()),
                    image_tag: request.image_tag,
                }),
                image_manifest: Some(request.image_manifest),
                image_manifest_media_type: Some(pushed.manifest.media_type),
                registry_id: Some(ACCOUNT.to_owned()),
                repository_name: Some(request.repository_name),
            }),
        })
    }

    pub(super) fn check_layers(
        &self,
        request: &BatchCheckLayerAvailabilityRequest,
        now: EpochMillis,
    ) -> Result<BatchCheckLayerAvailabilityResponse, EcrError> {
        let repository = self.named(&request.repository_name, request.registry_id.as_deref())?;
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        for text in &request.layer_digests {
            let Ok(digest) = text.parse::<Digest>() else {
                failures.push(LayerFailure {
                    failure_code: Some(LayerFailureCode::InvalidLayerDigest),
                    failure_reason: Some("Invalid layer digest".to_owned()),
                    layer_digest: Some(text.clone()),
                });
                continue;
            };
            let size = self.images.blob_to_rely_on(&repository, &digest, now)?;
            layers.push(Layer {
                layer_availability: Some(match size {
                    Some(_) => LayerAvailability::Available,
                    None => LayerAvailability::Unavailable,
                }),
                layer_digest: Some(text.clone()),
                layer_size: size.and_then(|size| i64::try_from(size).ok()),
                media_type: None,
            });
        }
        Ok(BatchCheckLayerAvailabilityResponse {
            failures: Some(failures),
            layers: Some(layers),
        })
    }

    fn get(&self, asked: &Asked<'_>) -> Result<Result<Image, ImageFailure>, EcrError> {
        let digest = match asked.found(&self.images)? {
            Ok(digest) => digest,
            Err(why) => return Ok(Err(failure(asked.id, why))),
        };
        let reference = Reference::Digest(match digest.parse() {
            Ok(digest) => digest,
            Err(_) => return Ok(Err(failure(asked.id, Unfound::Missing))),
        });
        let found = self.images.find(asked.repository, &reference)?;
        let read = found.and_then(|(digest, stored)| {
            let bytes = self.images.bytes(&digest)?;
            Some((stored, String::from_utf8(bytes).ok()?))
        });
        let Some((stored, manifest)) = read else {
            return Ok(Err(failure(asked.id, Unfound::Missing)));
        };
        Ok(Ok(Image {
            image_id: Some(ImageIdentifier {
                image_digest: Some(digest),
                image_tag: asked.id.image_tag.clone(),
            }),
            image_manifest: Some(manifest),
            image_manifest_media_type: Some(stored.media_type),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(asked.repository.to_string()),
        }))
    }

    /// Deletes by digest with all tags, or one tag; with its last tag an image goes, too.
    fn delete_one(
        &self,
        asked: &Asked<'_>,
        now: EpochMillis,
    ) -> Result<Result<Vec<ImageIdentifier>, ImageFailure>, EcrError> {
        let repository = asked.repository;
        let digest = match asked.found(&self.images)? {
            Ok(digest) => digest,
            Err(why) => return Ok(Err(failure(asked.id, why))),
        };
        let (image, parent) = self.images.store.read(|view| {
            let mut all = candidates(view, repository)?.into_iter();
            let image = all.find(|image| image.digest == digest);
            let parent = view.parent_manifest(repository.as_str(), &digest)?;
            Ok::<_, EcrError>((image, parent))
        })?;
        let (Some(image), Ok(parsed)) = (image, digest.parse::<Digest>()) else {
            return Ok(Err(failure(asked.id, Unfound::Missing)));
        };
        let tag = asked.id.image_tag.as_deref();
        let tag = tag.and_then(|tag| tag.parse::<TagName>().ok());
        let is_last = |tag: &TagName| image.tags == [tag.as_str()];
        if let Some(tag) = tag.filter(|tag| !is_last(tag) || parent.is_some()) {
            self.images
                .remove(repository, &Reference::Tag(tag.clone()), now)?;
            let gone = Candidate {
                tags: vec![tag.to_string()],
                ..image
            };
            return Ok(Ok(identifiers(gone)));
        }
        if let Some(parent) = parent {
            return Ok(Err(ImageFailure {
                failure_code: Some(ImageFailureCode::ImageReferencedByManifestList),
                failure_reason: Some(format!(
                    "Requested image referenced by manifest list: [{parent}]"
                )),
                image_id: Some(asked.id.clone()),
            }));
        }
        self.images
            .remove(repository, &Reference::Digest(parsed), now)?;
        Ok(Ok(identifiers(image)))
    }

    /// What is there already, with this very name, is not put again.
    fn refuse_known(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tag: Option<&TagName>,
    ) -> Result<(), EcrError> {
        let reference = match tag {
            Some(tag) => Reference::Tag(tag.clone()),
            None => Reference::Digest(digest.clone()),
        };
        match self.images.find(repository, &reference)? {
            Some((found, _)) if found == *digest => Err(EcrError::ImageExists {
                digest: digest.to_string(),
                tag: tag.map_or_else(|| "null".to_owned(), ToString::to_string),
                repository: repository.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn named(&self, name: &str, registry: Option<&str>) -> Result<RepositoryName, EcrError> {
        let found = self.images.store.read(|view| find(view, name, registry));
        Ok(found?.0)
    }
}

fn failure(id: &ImageIdentifier, why: Unfound) -> ImageFailure {
    let (code, reason) = match why {
        Unfound::Unnamed => (
            ImageFailureCode::MissingDigestAndTag,
            "Invalid request parameters: both tag and digest cannot be null",
        ),
        Unfound::Missing => (ImageFailureCode::ImageNotFound, "Requested image not found"),
        Unfound::OtherDigest => (
            ImageFailureCode::ImageTagDoesNotMatchDigest,
            "Requested image tag does not match the requested digest",
        ),
    };
    ImageFailure {
        failure_code: Some(code),
        failure_reason: Some(reason.to_owned()),
        image_id: Some(id.clone()),
    }
}
