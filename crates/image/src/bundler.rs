//! The port `Builder`: build, collect, pack.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::environment::{Bundle, Environment, ImageSource, Service};
use seaway_ports::{Builder, Built, OutputSink, PortError, PortErrorKind};
use thiserror::Error;

use crate::build::{BuildError, Builds};
use crate::bundle::{BundleError, Limits};
use crate::causes::told;
use crate::collect::{Collected, Item, collect};
use crate::layer::{PackError, pack};
use crate::oci::{AssembleError, assemble};
use crate::repository::repository;
use crate::store::ImageStore;

/// Makes images of the files that build commands produce. One per command of Seaway: a build
/// command that several services share runs once for all of them.
#[derive(Debug)]
pub struct Bundler {
    root: PathBuf,
    store: ImageStore,
    limits: Limits,
    builds: Builds,
    packed: Arc<Packed>,
}

/// Images that this process packed, by the files they were made of: a hundred services with the
/// same files are packed once.
#[derive(Debug, Default)]
struct Packed {
    images: Mutex<HashMap<BTreeMap<PathBuf, Item>, PackedImage>>,
}

#[derive(Debug, Clone)]
struct PackedImage {
    digest: Digest,
    /// Compressed size of its layer.
    bytes: u64,
}

#[derive(Debug, Error)]
enum ImageError {
    #[error("Dockerfile builds need a container engine; this version builds bundles only")]
    Dockerfile,
    #[error("this version pushes images to the embedded platform only")]
    NoRegistry,
    #[error("{0}")]
    Build(Arc<BuildError>),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error("the packing was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Bundler {
    /// Builds what lies below `root`, the manifest's directory, and keeps images in `store`.
    /// Fails when `root` is not there.
    pub fn new(root: &Path, store: ImageStore) -> io::Result<Self> {
        Ok(Self {
            root: root.canonicalize()?,
            store,
            limits: Limits::default(),
            builds: Builds::default(),
            packed: Arc::default(),
        })
    }

    async fn image(
        &self,
        environment: &Environment,
        service: &Service,
        output: &dyn OutputSink,
    ) -> Result<Built, ImageError> {
        let ImageSource::Bundle(bundle) = &service.image else {
            return Err(ImageError::Dockerfile);
        };
        let repository = repository(environment, &service.name).ok_or(ImageError::NoRegistry)?;
        if let Some(command) = &bundle.build {
            let built = self.builds.run(&self.root, command, output).await;
            built.map_err(ImageError::Build)?;
        }
        self.packed(repository, bundle).await
    }

    /// Reads, compresses and hashes files: on a thread that may block.
    async fn packed(&self, repository: String, bundle: &Bundle) -> Result<Built, ImageError> {
        let (root, limits) = (self.root.clone(), self.limits);
        let (store, files) = (self.store.clone(), bundle.files.clone());
        let packed = Arc::clone(&self.packed);
        tokio::task::spawn_blocking(move || {
            let collected = collect(&root, &files, limits)?;
            let files = collected.files;
            let PackedImage { digest, bytes } = packed.image(collected, &store)?;
            Ok(Built {
                image: ImageRef { repository, digest },
                files,
                bytes,
            })
        })
        .await
        .map_err(ImageError::Interrupted)?
    }
}

impl Packed {
    /// The image of these files, packed now or before.
    fn image(&self, collected: Collected, store: &ImageStore) -> Result<PackedImage, ImageError> {
        let known = self.lock().get(&collected.items).cloned();
        if let Some(image) = known {
            return Ok(image);
        }
        let layer = pack(&collected, store)?;
        let image = PackedImage {
            digest: assemble(&layer, store)?,
            bytes: layer.size,
        };
        self.lock().insert(collected.items, image.clone());
        Ok(image)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BTreeMap<PathBuf, Item>, PackedImage>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Builder for Bundler {
    async fn build(
        &self,
        environment: &Environment,
        service: &Service,
        output: &dyn OutputSink,
    ) -> Result<Built, PortError> {
        self.image(environment, service, output)
            .await
            .map_err(|error| error.at_port(service))
    }
}

impl ImageError {
    fn at_port(&self, service: &Service) -> PortError {
        let kind = match self {
            Self::Pack(_) | Self::Assemble(_) | Self::Interrupted(_) => PortErrorKind::Unavailable,
            _ => PortErrorKind::Invalid,
        };
        let what = format!("build the image of {}", service.name);
        let error = PortError::new(kind, what, told(self));
        match self.hint(service) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn hint(&self, service: &Service) -> Option<String> {
        match self {
            Self::Dockerfile => Some(
                "give the service `image = { bundle = [\"FILES\"], build = \"COMMAND\" }`".into(),
            ),
            Self::NoRegistry => Some("deploy to an environment with `platform = \"local\"`".into()),
            Self::Build(_) => match &service.image {
                ImageSource::Bundle(Bundle {
                    build: Some(command),
                    ..
                }) => Some(format!(
                    "run it yourself in the manifest's directory: {command}"
                )),
                _ => None,
            },
            Self::Bundle(error) => error.hint().map(str::to_owned),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "bundler_tests.rs"]
mod tests;
