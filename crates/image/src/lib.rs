//! From a service's files to an image in a registry.
//!
//! [`Bundler`] runs the service's build command, collects the files that the manifest names and
//! packs them into an OCI image of one layer: the same files give the same digest on every day
//! and every machine. [`RegistryClient`] asks a registry what it holds and sends what it lacks.
//! Both share an [`ImageStore`], a directory of blobs named by their digests. [`source_of`] says
//! what the working tree was when it was built.

mod build;
mod bundle;
mod bundler;
mod causes;
mod collect;
mod layer;
mod lines;
mod oci;
mod registry;
mod repository;
mod source;
mod store;

pub use bundle::BundleError;
pub use bundler::Bundler;
pub use registry::{EndpointError, RegistryClient, RegistryCredentials};
pub use repository::REGISTRY_HOST;
pub use source::source_of;
pub use store::{ImageStore, StoreError};
