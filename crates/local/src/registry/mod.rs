//! The image registry: a minimal OCI distribution endpoint through which images
//! reach the platform, and the way from an image reference to its files.
//!
//! Blobs are files named by their digest, written beside and renamed into
//! place, so a file under its name is whole. The store's index says which there
//! are. Manifests are blobs that a repository knows by digest.

mod answers;
mod blobs;
mod digest;
mod endpoint;
mod manifest;
mod reference;
mod resolve;
mod uploads;

pub use blobs::{BlobError, BlobFiles};
pub use digest::{Digest, DigestError};
pub use endpoint::Registry;
pub use reference::{ImageReference, REGISTRY_NAME, ReferenceError, RepositoryName};
pub use resolve::{ImageLayer, PullError, ResolvedImage};

#[cfg(test)]
mod tests;
