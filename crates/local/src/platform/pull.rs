//! Brings the images of a task to where it runs from: unpacked into directories for processes, into
//! the engine for containers. Which of the two is decided here, for the whole task.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci_spec::OciSpecError;
use oci_spec::image::{
    Arch, ConfigBuilder, ImageConfiguration, ImageConfigurationBuilder, Os, RootFsBuilder,
};
use seaway_aws_wire::ecs as wire;
use seaway_runtime::containers::{ArchiveLayer, Engine, EngineImage, ImageArchive};
use seaway_runtime::unpack::{Image, Layer, Sha256DigestError, UnpackError, Unpacker};

use super::engines::Engines;
use super::launch::chain;
use super::not_started::NotStarted;
use super::spec::{PulledImage, PulledRoot};
use crate::faults::TaskFaults;
use crate::registry::{ImageName, PullError, REGISTRY_NAME, Registry, ResolvedImage};
use crate::runtimes::RuntimeName;

/// Where images come from and where they go.
pub(super) struct Puller {
    pub(super) registry: Arc<Registry>,
    pub(super) unpacker: Unpacker,
    pub(super) engines: Engines,
}

/// An image of a container, and what it was resolved to.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) digest: String,
    pub(super) image: PulledImage,
}

/// An image as far as the registry tells.
enum Source {
    Own(Box<ResolvedImage>),
    /// Of another registry, and why the platform's own does not have it.
    Foreign(PullError),
}

/// How a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Processes,
    Containers,
}

impl Puller {
    /// The images of a task by container; the error is its `stoppedReason`. Blocks, and is called
    /// where that is allowed.
    pub(super) fn pull(
        &self,
        definition: &wire::TaskDefinition,
        digests: &BTreeMap<String, String>,
        engine: Option<&Engine>,
        faults: &TaskFaults,
    ) -> Result<BTreeMap<String, Pulled>, NotStarted> {
        let mut sources = Vec::new();
        for container in definition.container_definitions.iter().flatten() {
            let name = image_of(container, digests);
            if let Some(reason) = faults.pull(&name) {
                return Err(NotStarted::of(container, reason));
            }
            let source = self
                .find(&name)
                .map_err(|error| NotStarted::of(container, error))?;
            sources.push((container, name, source));
        }
        let way = self.way(sources.iter().map(|(.., source)| source), engine.is_some());
        let engine = match (way, engine) {
            (Way::Processes, _) => None,
            (Way::Containers, Some(engine)) => Some(engine),
            (Way::Containers, None) => return Err(NO_ENGINE.to_owned().into()),
        };
        let mut pulled = BTreeMap::new();
        for (container, name, source) in sources {
            let image = match engine {
                Some(engine) => self.loaded(engine, &name, source, fixed(container, digests)),
                None => self.unpacked(container, &name, source),
            }
            .map_err(|reason| NotStarted::of(container, reason))?;
            pulled.insert(container.name.clone().unwrap_or_default(), image);
        }
        Ok(pulled)
    }

    /// The configuration of a container's image, for one that was pulled before.
    pub(super) fn configuration(
        &self,
        container: &wire::ContainerDefinition,
        digests: &BTreeMap<String, String>,
    ) -> Option<ImageConfiguration> {
        match self.find(&image_of(container, digests)) {
            Ok(Source::Own(image)) => Some(image.config),
            // The engine knows the stop signals of its own.
            Ok(Source::Foreign(_)) | Err(_) => None,
        }
    }

    fn find(&self, name: &str) -> Result<Source, PullError> {
        match self.registry.resolve(name) {
            Ok(image) => Ok(Source::Own(Box::new(image))),
            Err(error) if error.is_foreign() => Ok(Source::Foreign(error)),
            Err(error) => Err(error),
        }
    }

    fn way<'a>(&self, sources: impl Iterator<Item = &'a Source>, has_engine: bool) -> Way {
        let needs_files = |source: &Source| match source {
            Source::Own(image) => !is_bundle(&image.config),
            Source::Foreign(_) => true,
        };
        let mut sources = sources;
        match self.engines.runtime() {
            RuntimeName::Processes => Way::Processes,
            RuntimeName::Containers => Way::Containers,
            RuntimeName::Auto if has_engine && sources.any(needs_files) => Way::Containers,
            RuntimeName::Auto => Way::Processes,
        }
    }

    /// Unpacks an image; its working directory is made where it is missing, as a container runtime
    /// does.
    fn unpacked(
        &self,
        container: &wire::ContainerDefinition,
        name: &str,
        source: Source,
    ) -> Result<Pulled, String> {
        let image = match source {
            Source::Own(image) => *image,
            Source::Foreign(error) if self.engines.runtime() == RuntimeName::Auto => {
                return Err(format!(
                    "{error}, and no container engine answers on this machine"
                ));
            }
            Source::Foreign(error) => return Err(error.to_string()),
        };
        let own = container.working_directory.as_deref();
        let root = self
            .unpack(&image, own)
            .map_err(|error| format!("CannotPullContainerError: {name}: {}", chain(&error)))?;
        Ok(Pulled {
            digest: image.reference.digest.as_str().to_owned(),
            image: PulledImage {
                config: image.config,
                root: PulledRoot::Directory(root),
            },
        })
    }

    fn unpack(&self, image: &ResolvedImage, own: Option<&str>) -> Result<PathBuf, NotUnpacked> {
        let manifest = image.reference.digest.as_str().parse()?;
        let layers = image
            .layers
            .iter()
            .map(|one| layer(&one.path, one.digest.as_str(), one.diff_id.as_str()))
            .collect::<Result<_, _>>()?;
        let of_image = image
            .config
            .config()
            .as_ref()
            .and_then(|c| c.working_dir().as_deref());
        let workdir = own.or(of_image).unwrap_or_default();
        let image = Image { manifest, layers };
        Ok(self.unpacker.unpack_with_workdir(&image, workdir)?)
    }

    /// Brings an image into the engine.
    fn loaded(
        &self,
        engine: &Engine,
        name: &str,
        source: Source,
        fixed: Option<&str>,
    ) -> Result<Pulled, String> {
        let handle = tokio::runtime::Handle::current();
        let failed =
            |error: &dyn std::error::Error| format!("CannotPullContainerError: {}", chain(error));
        match source {
            Source::Own(image) => {
                let archive = self.archive(&image).map_err(|error| failed(&error))?;
                let root = PulledRoot::Engine(archive.name.clone());
                handle
                    .block_on(engine.load(archive))
                    .map_err(|error| failed(&error))?;
                Ok(Pulled {
                    digest: image.reference.digest.as_str().to_owned(),
                    image: PulledImage {
                        config: image.config,
                        root,
                    },
                })
            }
            Source::Foreign(_) if name.contains("://") => Err(
                "CannotPullContainerError: invalid reference format: an image is named without \
                 a scheme"
                    .to_owned(),
            ),
            Source::Foreign(_) => {
                let pulled = handle.block_on(async {
                    match fixed {
                        Some(digest) => engine.pull_digest(name, digest).await,
                        None => engine.pull(name).await,
                    }
                });
                let image = pulled.map_err(|error| failed(&error))?;
                Ok(Pulled {
                    digest: image.digest.clone(),
                    // By its name it may be another one in a moment.
                    image: PulledImage {
                        root: PulledRoot::Engine(image.id.clone()),
                        config: configuration(image).map_err(|error| failed(&error))?,
                    },
                })
            }
        }
    }

    /// The image under a name of this platform, which its digest is a part of: what the engine has
    /// by that name is the image.
    fn archive(&self, image: &ResolvedImage) -> Result<ImageArchive, std::io::Error> {
        let layers = image.layers.iter();
        let repository = self.engines.repository();
        let digest = image.reference.digest.as_str().replace(':', "-");
        Ok(ImageArchive {
            name: format!("{repository}/{}:{digest}", image.reference.repository),
            config: std::fs::read(&image.config_file)?,
            layers: layers
                .map(|layer| ArchiveLayer::file(layer.path.clone(), layer.size))
                .collect(),
        })
    }
}

const NO_ENGINE: &str = "CannotPullContainerError: no container engine answers on this machine, and \
                         the platform runs containers only (seaway local start --runtime)";

/// Whether an image is nothing but files: it names no program to run and no variable, and so does
/// not expect a system of its own. Seaway's bundles are such images.
fn is_bundle(config: &ImageConfiguration) -> bool {
    let Some(config) = config.config() else {
        return true;
    };
    let lists = [config.entrypoint(), config.cmd(), config.env()];
    lists.into_iter().flatten().all(Vec::is_empty)
}

/// What the engine knows of an image, as the registry would know it.
fn configuration(image: EngineImage) -> Result<ImageConfiguration, OciSpecError> {
    let mut config = ConfigBuilder::default()
        .entrypoint(image.entrypoint)
        .cmd(image.command)
        .env(image.environment);
    if let Some(workdir) = image.workdir {
        config = config.working_dir(workdir);
    }
    if let Some(signal) = image.stop_signal {
        config = config.stop_signal(String::from(signal));
    }
    ImageConfigurationBuilder::default()
        .architecture(Arch::default())
        .os(Os::Linux)
        .config(config.build()?)
        .rootfs(RootFsBuilder::default().diff_ids(vec![]).build()?)
        .build()
}

/// Why an image that the registry has is no directory.
#[derive(Debug, thiserror::Error)]
enum NotUnpacked {
    /// The unpacker verifies SHA-256 alone.
    #[error(transparent)]
    Digest(#[from] Sha256DigestError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// A container's image: by the digest that was fixed for it before, else as its task definition
/// names it.
fn image_of(container: &wire::ContainerDefinition, digests: &BTreeMap<String, String>) -> String {
    let named = container.image.as_deref().unwrap_or_default();
    match (named.parse::<ImageName>(), fixed(container, digests)) {
        (Ok(ImageName { repository, .. }), Some(digest)) => {
            format!("{REGISTRY_NAME}/{repository}@{digest}")
        }
        _ => named.to_owned(),
    }
}

/// The digest that was fixed for a container's image, unless it wants its tag anew for each task.
fn fixed<'a>(
    container: &wire::ContainerDefinition,
    digests: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    if container.version_consistency == Some(wire::VersionConsistency::Disabled) {
        return None;
    }
    digests.get(container.name.as_ref()?).map(String::as_str)
}

fn layer(blob: &Path, digest: &str, diff_id: &str) -> Result<Layer, Sha256DigestError> {
    Ok(Layer {
        blob: blob.to_owned(),
        digest: digest.parse()?,
        diff_id: diff_id.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_was_fixed_is_named_by_its_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let digests = BTreeMap::from([("main".to_owned(), digest.clone())]);
        let image = |name: &str, image: &str| {
            let container = wire::ContainerDefinition {
                name: Some(name.into()),
                image: Some(image.into()),
                ..wire::ContainerDefinition::default()
            };
            image_of(&container, &digests)
        };
        let fixed = format!("registry.seaway.internal/shop/api@{digest}");
        assert_eq!(image("main", "registry.seaway.internal/shop/api:v1"), fixed);
        assert_eq!(image("main", &fixed), fixed);
        let other = "registry.seaway.internal/shop/api:v1";
        assert_eq!(image("other", other), other);
        assert_eq!(image("main", "elsewhere/api"), "elsewhere/api");
        let anew = wire::ContainerDefinition {
            name: Some("main".into()),
            image: Some(other.into()),
            version_consistency: Some(wire::VersionConsistency::Disabled),
            ..wire::ContainerDefinition::default()
        };
        assert_eq!(image_of(&anew, &digests), other);
    }

    #[test]
    fn a_layer_of_an_unknown_digest_is_an_error() {
        let known = format!("sha256:{}", "0".repeat(64));
        let unknown = format!("sha512:{}", "0".repeat(128));
        let blob = Path::new("blob");
        assert!(layer(blob, &known, &known).is_ok());
        for (digest, diff_id) in [(&unknown, &known), (&known, &unknown)] {
            let error = NotUnpacked::from(layer(blob, digest, diff_id).unwrap_err());
            assert!(chain(&error).contains(&unknown), "{error}");
        }
    }

    fn engine_image() -> EngineImage {
        EngineImage {
            id: "sha256:00".into(),
            digest: "sha256:00".into(),
            entrypoint: vec!["/entry".into()],
            command: vec![],
            environment: vec!["A=1".into()],
            workdir: Some("/srv".into()),
            stop_signal: "SIGQUIT".parse().ok(),
        }
    }

    #[test]
    fn what_the_engine_knows_of_an_image_is_read_like_any_other() {
        let config = configuration(engine_image()).unwrap();
        let config = config.config().as_ref().unwrap();
        assert_eq!(
            config.entrypoint().as_deref(),
            Some(&["/entry".to_owned()][..])
        );
        assert_eq!(config.working_dir().as_deref(), Some("/srv"));
        assert_eq!(config.stop_signal().as_deref(), Some("SIGQUIT"));
    }

    #[test]
    fn an_image_that_names_a_program_or_a_variable_is_no_bundle() {
        let image = |entrypoint: &[&str], environment: &[&str]| {
            let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
            let image = EngineImage {
                entrypoint: words(entrypoint),
                environment: words(environment),
                ..engine_image()
            };
            is_bundle(&configuration(image).unwrap())
        };
        assert!(image(&[], &[]));
        assert!(!image(&["/bin/sh"], &[]) && !image(&[], &["PATH=/bin"]));
    }
}
