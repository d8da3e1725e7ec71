//! Images: made here, kept in a registry.

use std::collections::BTreeSet;

use async_trait::async_trait;
use seaway_core::digest::ImageRef;
use seaway_core::environment::{Environment, Service};

use crate::error::PortError;

/// Receives the lines that a build writes.
pub trait OutputSink: Send + Sync {
    /// One line without its end; invalid UTF-8 has been replaced.
    fn line(&self, line: &str);
}

/// An image that lies ready in the builder's own store, to be pushed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub image: ImageRef,
    pub files: u32,
    /// Compressed size of all layers.
    pub bytes: u64,
}

/// Makes a service's image.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds the image of `service`. The same inputs give the same digest. Builds of services
    /// that share a build command run it once.
    async fn build(
        &self,
        environment: &Environment,
        service: &Service,
        output: &dyn OutputSink,
    ) -> Result<Built, PortError>;
}

/// Keeps images.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Which of `images` the registry holds in full.
    async fn held(&self, images: &BTreeSet<ImageRef>) -> Result<BTreeSet<ImageRef>, PortError>;
    /// Sends an image that the builder made. Sending it again is harmless.
    async fn push(&self, image: &ImageRef) -> Result<(), PortError>;
}
