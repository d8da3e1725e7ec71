//! From an image's name to the files that the runtime unpacks.

use std::path::PathBuf;

use oci_spec::image::ImageConfiguration;
use thiserror::Error;

use super::digest::{Algorithm, Digest};
use super::endpoint::Registry;
use super::images::{ImageError, Images};
use super::manifest::{Content, Descriptor, Manifest, Platform};
use super::reference::{ImageName, ImageReference, Reference, ReferenceError};

/// The types of a config that says how to run an image (OCI and Docker).
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
/// The types of a layer that the runtime unpacks.
const LAYERS: [&str; 4] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];
/// More layers than any builder makes.
const MAX_LAYERS: usize = 256;
/// An index of indexes of indexes is a mistake.
const MAX_DEPTH: usize = 3;

/// An image whose blobs are all there.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    pub reference: ImageReference,
    /// Entry point, command, environment, working directory, stop signal.
    pub config: ImageConfiguration,
    /// The same, as stored.
    pub config_file: PathBuf,
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
    #[error(
        "CannotPullContainerError: image Manifest does not contain descriptor matching platform \
         '{platform}'"
    )]
    Platform { platform: String },
    #[error("CannotPullContainerError: failed to resolve ref {image}: {reason}")]
    Invalid { image: String, reason: String },
    #[error("CannotPullContainerError: failed to resolve ref {image}: the store failed")]
    Store {
        image: String,
        #[source]
        source: ImageError,
    },
}

impl PullError {
    /// Whether the name is one of another registry.
    pub fn is_foreign(&self) -> bool {
        let foreign = ReferenceError::ForeignRegistry;
        matches!(self, Self::Reference { reason, .. } if *reason == foreign)
    }
}

/// One image while it is being found.
struct Search<'a> {
    images: &'a Images,
    image: &'a str,
}

impl Registry {
    /// Finds manifest, config and layers of `image`; of an index, those for this machine. Reads
    /// small files: call it where blocking is allowed. The unpacker verifies the layers' digests.
    pub fn resolve(&self, image: &str) -> Result<ResolvedImage, PullError> {
        let name: ImageName = image.parse().map_err(|reason| PullError::Reference {
            image: image.to_owned(),
            reason,
        })?;
        let images = &self.images;
        Search { images, image }.run(name)
    }
}

impl Search<'_> {
    fn run(&self, name: ImageName) -> Result<ResolvedImage, PullError> {
        let (digest, config, layers) = self.manifest(&name)?;
        if digest.algorithm() != Algorithm::Sha256 {
            let reason = format!("images run by their sha256 digest, not by {digest}");
            return Err(self.invalid(reason));
        }
        if !CONFIGS.contains(&config.media_type.as_str()) {
            let reason = format!("its config, a `{}`, cannot be run", config.media_type);
            return Err(self.invalid(reason));
        }
        let config_file = self.images.files.path(&config.digest);
        let config = self.images.bytes(&config.digest);
        let config = config.ok_or_else(|| self.not_found())?;
        let config = ImageConfiguration::from_reader(config.as_slice())
            .map_err(|error| self.invalid(format!("its config is damaged: {error}")))?;
        let diff_ids = config.rootfs().diff_ids();
        if diff_ids.len() != layers.len() || layers.len() > MAX_LAYERS {
            let (layers, ids) = (layers.len(), diff_ids.len());
            let reason = format!(
                "it has {layers} layers (at most {MAX_LAYERS} are unpacked) and {ids} diff ids"
            );
            return Err(self.invalid(reason));
        }
        let layers = layers.into_iter().zip(diff_ids);
        let layers = layers.map(|(layer, diff_id)| self.layer(layer, diff_id));
        Ok(ResolvedImage {
            reference: ImageReference {
                repository: name.repository,
                digest,
            },
            layers: layers.collect::<Result<_, _>>()?,
            config,
            config_file,
        })
    }

    /// The manifest of one image: of an index, the one for this machine.
    fn manifest(
        &self,
        name: &ImageName,
    ) -> Result<(Digest, Descriptor, Vec<Descriptor>), PullError> {
        let mut wanted = name.reference.clone();
        for _ in 0..MAX_DEPTH {
            let found = self.images.find(&name.repository, &wanted);
            let (digest, stored) = found
                .map_err(|source| self.failed(source))?
                .ok_or_else(|| self.not_found())?;
            let bytes = self.images.bytes(&digest).ok_or_else(|| self.not_found())?;
            let manifest = Manifest::parse(&bytes, Some(&stored.media_type))
                .map_err(|error| self.invalid(error.to_string()))?;
            match manifest.content {
                Content::Image { config, layers } => return Ok((digest, config, layers)),
                Content::Index(manifests) => {
                    wanted = Reference::Digest(for_this_machine(manifests)?)
                }
            }
        }
        Err(self.invalid(format!("its index leads {MAX_DEPTH} indexes deep")))
    }

    fn layer(&self, layer: Descriptor, diff_id: &str) -> Result<ImageLayer, PullError> {
        if !LAYERS.contains(&layer.media_type.as_str()) {
            let accepted = LAYERS.join(", ");
            let reason = format!(
                "a layer is a `{}`; the runtime unpacks {accepted}",
                layer.media_type
            );
            return Err(self.invalid(reason));
        }
        let diff_id: Digest = diff_id
            .parse()
            .map_err(|error: super::DigestError| self.invalid(error.to_string()))?;
        let hashes = [layer.digest.algorithm(), diff_id.algorithm()];
        if hashes != [Algorithm::Sha256; 2] {
            return Err(self.invalid("a layer has no sha256 digest".to_owned()));
        }
        let is_whole = self.images.files.is_whole(&layer.digest, layer.size);
        if !is_whole.map_err(|error| self.failed(error.into()))? {
            return Err(self.not_found());
        }
        Ok(ImageLayer {
            path: self.images.files.path(&layer.digest),
            digest: layer.digest,
            diff_id,
            size: layer.size,
            media_type: layer.media_type,
        })
    }

    fn failed(&self, source: ImageError) -> PullError {
        PullError::Store {
            image: self.image.to_owned(),
            source,
        }
    }

    fn not_found(&self) -> PullError {
        PullError::NotFound {
            image: self.image.to_owned(),
        }
    }

    fn invalid(&self, reason: String) -> PullError {
        PullError::Invalid {
            image: self.image.to_owned(),
            reason,
        }
    }
}

/// The manifest of an index whose platform is that of this machine; one that names none when it is
/// the only one.
fn for_this_machine(manifests: Vec<Descriptor>) -> Result<Digest, PullError> {
    let here = Platform {
        os: "linux".to_owned(),
        architecture: architecture().to_owned(),
    };
    let is_only = manifests.len() == 1;
    let fits = |one: &Descriptor| match &one.platform {
        Some(platform) => *platform == here,
        None => is_only,
    };
    let found = manifests.into_iter().find(fits);
    found.map(|one| one.digest).ok_or(PullError::Platform {
        platform: format!("{}/{}", here.os, here.architecture),
    })
}

/// This machine's architecture as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
