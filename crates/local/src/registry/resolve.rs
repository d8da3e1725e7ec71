//! From an image reference to the files that the runtime unpacks.

use std::path::PathBuf;

use oci_spec::image::ImageConfiguration;
use thiserror::Error;

use super::digest::Digest;
use super::endpoint::Registry;
use super::manifest::{Contents, Needed};
use super::reference::{ImageReference, ReferenceError};
use crate::store::StoreError;

/// An image whose blobs are all there.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    pub reference: ImageReference,
    /// Entry point, command, environment, working directory, stop signal.
    pub config: ImageConfiguration,
    /// From the lowest to the topmost.
    pub layers: Vec<ImageLayer>,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// The blob, as stored (compressed or not, as the media type says).
    pub path: PathBuf,
    pub digest: Digest,
    /// The digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
    pub media_type: String,
}

/// Why an image cannot be pulled; reads as ECS writes it into a task's
/// `stoppedReason` (ECS-SEMANTICS.md, "Exact strings").
#[derive(Debug, Error)]
pub enum PullError {
    #[error("CannotPullContainerError: failed to resolve ref {image}: not found")]
    NotFound { image: String },
    #[error("CannotPullContainerError: failed to resolve ref {image}: {reason}")]
    Reference {
        image: String,
        reason: ReferenceError,
    },
    #[error("CannotPullContainerError: failed to resolve ref {image}: {reason}")]
    Invalid { image: String, reason: String },
    #[error("CannotPullContainerError: failed to resolve ref {image}: the store failed")]
    Store {
        image: String,
        #[source]
        source: StoreError,
    },
}

impl Registry {
    /// Finds manifest, config and layers of `image`. Reads small files: call it
    /// where blocking is allowed. The unpacker verifies the layers' digests.
    pub fn resolve(&self, image: &str) -> Result<ResolvedImage, PullError> {
        let reference: ImageReference = image.parse().map_err(|reason| PullError::Reference {
            image: image.to_owned(),
            reason,
        })?;
        let not_found = || PullError::NotFound {
            image: image.to_owned(),
        };
        let invalid = |reason: String| PullError::Invalid {
            image: image.to_owned(),
            reason,
        };
        let manifest = self
            .store
            .read(|view| view.manifest(reference.repository.as_str(), reference.digest.as_str()))
            .map_err(|source| PullError::Store {
                image: image.to_owned(),
                source,
            })?
            .ok_or_else(not_found)?;
        let bytes = self.verified(&reference.digest).ok_or_else(not_found)?;
        let contents = Contents::parse(&bytes, &manifest.media_type)
            .map_err(|refusal| invalid(refusal.message))?;
        let config = self
            .verified(&contents.config.digest)
            .ok_or_else(not_found)?;
        let config = ImageConfiguration::from_reader(config.as_slice())
            .map_err(|error| invalid(format!("its config is damaged: {error}")))?;
        let diff_ids = config.rootfs().diff_ids();
        if diff_ids.len() != contents.layers.len() {
            let (layers, ids) = (contents.layers.len(), diff_ids.len());
            return Err(invalid(format!(
                "it has {layers} layers and {ids} diff ids"
            )));
        }
        let layers = contents
            .layers
            .into_iter()
            .zip(diff_ids)
            .map(|(layer, diff_id)| {
                let diff_id = diff_id
                    .parse()
                    .map_err(|error: super::DigestError| invalid(error.to_string()))?;
                self.layer(layer, diff_id).ok_or_else(not_found)
            })
            .collect::<Result<_, _>>()?;
        Ok(ResolvedImage {
            reference,
            config,
            layers,
        })
    }

    fn layer(&self, layer: Needed, diff_id: Digest) -> Option<ImageLayer> {
        let path = self.files.path(&layer.digest);
        let Needed {
            digest,
            size,
            media_type,
        } = layer;
        let is_whole = std::fs::metadata(&path).is_ok_and(|file| file.len() == size);
        is_whole.then_some(ImageLayer {
            path,
            digest,
            diff_id,
            size,
            media_type,
        })
    }

    /// The bytes of a small blob, if they are what the digest says.
    fn verified(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.files.path(digest)).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }
}
