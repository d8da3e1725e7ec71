//! The documents around a layer: configuration and manifest of the OCI image specification,
//! without times and without anything about the machine but its architecture.

use oci_spec::OciSpecError;
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, ImageConfigurationBuilder, ImageManifest,
    ImageManifestBuilder, MediaType, Os, RootFsBuilder, Sha256Digest,
};
use seaway_core::digest::Digest;
use thiserror::Error;

use crate::layer::Layer;
use crate::store::{ImageStore, StoreError};

/// Where a bundle's files lie in its image.
pub(crate) const WORKING_DIRECTORY: &str = "/app";

/// The media type of every manifest that is made here.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The documents could not be made.
#[derive(Debug, Error)]
pub(crate) enum AssembleError {
    #[error("the image cannot be described")]
    Document(#[from] OciSpecError),
    #[error("the local image store failed")]
    Store(#[from] StoreError),
}

/// Makes the image of one layer and keeps it in `store`; returns the digest of its manifest.
pub(crate) fn assemble(layer: &Layer, store: &ImageStore) -> Result<Digest, AssembleError> {
    let config = ImageConfigurationBuilder::default()
        .architecture(Arch::default())
        .os(Os::Linux)
        .config(
            ConfigBuilder::default()
                .working_dir(WORKING_DIRECTORY)
                .build()?,
        )
        .rootfs(
            RootFsBuilder::default()
                .typ("layers")
                .diff_ids(vec![layer.diff_id.to_string()])
                .build()?,
        )
        .build()?;
    let config = config.to_string()?;
    let config_digest = store.put(config.as_bytes())?;
    let config_size = u64::try_from(config.len()).unwrap_or(u64::MAX);
    let manifest = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(
            MediaType::ImageConfig,
            &config_digest,
            config_size,
        )?)
        .layers(vec![descriptor(
            MediaType::ImageLayerGzip,
            &layer.digest,
            layer.size,
        )?])
        .build()?;
    Ok(store.put(manifest.to_string()?.as_bytes())?)
}

/// The blobs that a manifest needs, its layers and its configuration.
pub(crate) fn blobs_of(manifest: &[u8]) -> Result<Vec<Blob>, OciSpecError> {
    let manifest = ImageManifest::from_reader(manifest)?;
    let layers = manifest.layers().iter();
    layers
        .chain(std::iter::once(manifest.config()))
        .map(|needed| {
            let digest = needed.digest().to_string().parse();
            Ok(Blob {
                digest: digest.map_err(|error| OciSpecError::Other(format!("{error}")))?,
                size: needed.size(),
            })
        })
        .collect()
}

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

fn descriptor(kind: MediaType, digest: &Digest, size: u64) -> Result<Descriptor, OciSpecError> {
    let digest: Sha256Digest = digest.hex().parse()?;
    DescriptorBuilder::default()
        .media_type(kind)
        .digest(digest)
        .size(size)
        .build()
}
