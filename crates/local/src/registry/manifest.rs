//! What the registry accepts as a manifest: one image for one platform, made of
//! blobs that are there and that the runtime can unpack.

use oci_spec::image::{Descriptor, ImageManifest};

use super::answers::Refusal;
use super::digest::Digest;

/// The media types of an image manifest (OCI and Docker).
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
const LAYERS: [&str; 3] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];
/// The bound that the distribution specification suggests.
pub(super) const MAX_MANIFEST: usize = 4 << 20;
/// More layers than any builder makes.
const MAX_LAYERS: usize = 256;

/// A blob that a manifest needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) media_type: String,
}

/// The blobs of an image manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) config: Needed,
    pub(super) layers: Vec<Needed>,
}

impl Contents {
    /// Reads the bytes of a manifest that is said to be of `media_type`.
    pub(super) fn parse(bytes: &[u8], media_type: &str) -> Result<Self, Refusal> {
        if !MANIFESTS.contains(&media_type) {
            let message = format!("`{media_type}` is not accepted here; push {}", MANIFESTS[0]);
            return Err(invalid(message));
        }
        let manifest =
            ImageManifest::from_reader(bytes).map_err(|error| invalid(error.to_string()))?;
        let own_type = manifest.media_type().as_ref().map(ToString::to_string);
        if own_type.is_some_and(|own| own != media_type) {
            return Err(invalid("its mediaType differs from the Content-Type"));
        }
        if manifest.layers().len() > MAX_LAYERS {
            return Err(invalid(format!("an image has at most {MAX_LAYERS} layers")));
        }
        let layers = manifest.layers().iter().map(|layer| needed(layer, &LAYERS));
        Ok(Self {
            config: needed(manifest.config(), &CONFIGS)?,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Everything that must be there before the manifest is.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Needed> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

fn needed(descriptor: &Descriptor, accepted: &[&str]) -> Result<Needed, Refusal> {
    let media_type = descriptor.media_type().to_string();
    if !accepted.contains(&media_type.as_str()) {
        let message = format!(
            "`{media_type}` cannot be used; use one of {}",
            accepted.join(", ")
        );
        return Err(invalid(message));
    }
    let digest = descriptor.digest().to_string();
    Ok(Needed {
        digest: digest
            .parse()
            .map_err(|error: super::DigestError| invalid(error.to_string()))?,
        size: descriptor.size(),
        media_type,
    })
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("MANIFEST_INVALID", message)
}
