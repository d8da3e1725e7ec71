//! The image registry: an endpoint of the OCI distribution specification, through which images
//! reach the platform, and the way from an image's name to its files.
//!
//! Blobs are files named by their digest, written beside and renamed into
//! place, so a file under its name is whole. The store's index says which there
//! are, which repositories hold them, and what its manifests and tags are.
//! `images` is what can be done with all that; the endpoint and ECR are two ways to it.

mod answers;
mod blobs;
mod content;
mod digest;
mod endpoint;
mod expiry;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod garbage;
mod images;
mod lifecycle;
mod listings;
mod manifest;
mod parameters;
mod parts;
mod reference;
mod repositories;
mod resolve;
mod target;
pub mod token;
mod uploading;
mod uploads;

pub use blobs::{BlobError, BlobFiles};
pub use digest::{Algorithm, Digest, DigestError};
pub use endpoint::Registry;
pub use expiry::candidates;
pub use images::{ImageError, Images, NewImage, PushedImage};
pub use lifecycle::{Candidate, Expired, LifecyclePolicy, PolicyError};
pub use manifest::{Content, Descriptor, Manifest, ManifestError, Platform};
pub use reference::{
    ImageName, ImageReference, REGISTRY_NAME, Reference, ReferenceError, RepositoryName, TagName,
};
pub use repositories::{RepositoryRecord, TagMutability};
pub use resolve::{ImageLayer, PullError, ResolvedImage};

#[cfg(test)]
mod tests;
