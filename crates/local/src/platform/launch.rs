//! Everything between the decision to start a task and its first process: images, secrets, names.
//!
//! Each step that fails says so in the words that ECS uses for it (ECS-SEMANTICS.md, "Exact
//! strings"); the scheduler turns that into the task's `stoppedReason`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::{StopSignal, TaskSpec};
use seaway_runtime::unpack::{Image, Layer, Sha256DigestError, UnpackError, Unpacker};
use seaway_scheduler::{ContainerImage, TaskReport};

use super::definitions;
use super::driver::Inbox;
use super::effects::LaunchOrder;
use super::logs::{LogTarget, log_targets};
use super::spec::{Ingredients, PulledImage, stop_signal, task_spec};
use crate::balancing::Balancing;
use crate::clock::EpochMillis;
use crate::faults::{Faults, TaskFaults};
use crate::layout::StateDir;
use crate::registry::{ImageName, REGISTRY_NAME, Registry, ResolvedImage};
use crate::services::task_secrets::TaskSecrets;
use crate::store::Store;

/// Prepares tasks.
pub(super) struct Launcher {
    pub(super) store: Arc<Store>,
    pub(super) registry: Arc<Registry>,
    pub(super) secrets: TaskSecrets,
    pub(super) balancing: Arc<Balancing>,
    pub(super) faults: Arc<Faults>,
    pub(super) unpacker: Unpacker,
    pub(super) volumes: PathBuf,
    pub(super) task_logs: PathBuf,
}

/// A task that is ready to be started.
pub(super) struct Outcome {
    pub(super) spec: TaskSpec,
    pub(super) signal: StopSignal,
    pub(super) logs: Vec<LogTarget>,
    /// It is killed this long after its start.
    pub(super) crash: Option<Duration>,
}

impl std::fmt::Debug for Launcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launcher").finish_non_exhaustive()
    }
}

impl Launcher {
    /// A launcher that keeps everything below the state directory.
    pub(super) fn new(
        state: &StateDir,
        store: Arc<Store>,
        registry: Arc<Registry>,
        secrets: TaskSecrets,
        balancing: Arc<Balancing>,
        faults: Arc<Faults>,
    ) -> Self {
        Self {
            store,
            registry,
            secrets,
            balancing,
            faults,
            unpacker: Unpacker::new(state.images()),
            volumes: state.volumes(),
            task_logs: state.task_logs(),
        }
    }

    /// Prepares the task and reports how far it has come; the error is its `stoppedReason`.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        order: &LaunchOrder,
        inbox: &Inbox,
    ) -> Result<Outcome, String> {
        let faults = self.faults.for_task(&order.cluster, &order.owner);
        if let Some(reason) = faults.placement() {
            return Err(reason);
        }
        inbox.report(&order.task, TaskReport::Provisioned);
        if let Some(wait) = faults.pull_wait() {
            inbox.report(&order.task, TaskReport::PullStarted);
            tokio::time::sleep(wait).await;
        }
        let (launcher, order, inbox) = (Arc::clone(self), order.clone(), inbox.clone());
        // Files and the store are read: this blocks.
        let prepared =
            tokio::task::spawn_blocking(move || launcher.work(&order, &faults, &inbox)).await;
        prepared.unwrap_or_else(|error| Err(format!("CannotStartContainerError: {error}")))
    }

    /// Where the containers of a task write to, by its task definition.
    pub(super) fn logs_of(&self, task: &str, task_definition: &str) -> Vec<LogTarget> {
        match definitions::find(&self.store, task_definition) {
            Ok(Some(record)) => log_targets(&record.definition, task, &self.task_logs),
            Ok(None) => vec![],
            Err(error) => {
                tracing::error!(%error, task, "the log of a task is not shipped");
                vec![]
            }
        }
    }

    /// What asks a task to stop, by the images that it was started with.
    pub(super) fn signal_of(
        &self,
        task_definition: &str,
        digests: &BTreeMap<String, String>,
    ) -> StopSignal {
        let Ok(Some(record)) = definitions::find(&self.store, task_definition) else {
            return StopSignal::default();
        };
        let containers = record.definition.container_definitions.iter().flatten();
        let configs: Vec<_> = containers
            .filter_map(|container| self.registry.resolve(&image_of(container, digests)).ok())
            .map(|image| image.config)
            .collect();
        stop_signal(&configs)
    }

    fn work(
        &self,
        order: &LaunchOrder,
        faults: &TaskFaults,
        inbox: &Inbox,
    ) -> Result<Outcome, String> {
        let gone = || {
            format!(
                "CannotStartContainerError: {} is gone",
                order.task_definition
            )
        };
        let found = definitions::find(&self.store, &order.task_definition);
        let definition = found
            .map_err(|error| error.to_string())?
            .ok_or_else(gone)?
            .definition;
        inbox.report(&order.task, TaskReport::PullStarted);
        let images = self.pull(&definition, &order.digests, faults)?;
        let resolved = images.iter().map(|(container, (image, _))| ContainerImage {
            container: container.clone(),
            digest: image.reference.digest.as_str().to_owned(),
        });
        inbox.report(
            &order.task,
            TaskReport::PullStopped {
                images: resolved.collect(),
            },
        );
        let images = images
            .into_iter()
            .map(|(name, (image, root))| {
                (
                    name,
                    PulledImage {
                        config: image.config,
                        root,
                    },
                )
            })
            .collect();
        let secrets = self.resolve_secrets(&definition, faults)?;
        let mut spec = task_spec(
            &definition,
            &Ingredients {
                order,
                images: &images,
                secrets: &secrets,
                internal: &|authority| self.balancing.resolve_internal(authority),
                volumes: &self.volumes,
                logs: &self.task_logs,
            },
        )
        .map_err(|error| error.to_string())?;
        let mut signal = stop_signal(images.values().map(|image| &image.config));
        faults.afflict(&mut spec, &mut signal);
        Ok(Outcome {
            spec,
            signal,
            crash: faults.crash(),
            logs: log_targets(&definition, order.task.as_str(), &self.task_logs),
        })
    }

    /// Finds every container's image in the registry and unpacks it.
    fn pull(
        &self,
        definition: &wire::TaskDefinition,
        digests: &BTreeMap<String, String>,
        faults: &TaskFaults,
    ) -> Result<BTreeMap<String, (ResolvedImage, PathBuf)>, String> {
        let mut pulled = BTreeMap::new();
        for container in definition.container_definitions.iter().flatten() {
            let name = container.name.clone().unwrap_or_default();
            let image = image_of(container, digests);
            if let Some(reason) = faults.pull(&image) {
                return Err(reason);
            }
            let resolved = self
                .registry
                .resolve(&image)
                .map_err(|error| error.to_string())?;
            let workdir = container.working_directory.as_deref();
            let root = self
                .unpack(&resolved, workdir)
                .map_err(|error| format!("CannotPullContainerError: {image}: {}", chain(&error)))?;
            pulled.insert(name, (resolved, root));
        }
        Ok(pulled)
    }

    /// Unpacks an image; its working directory is made where it is missing, as a container runtime
    /// does.
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

    /// Values of all secrets, by container and variable.
    fn resolve_secrets(
        &self,
        definition: &wire::TaskDefinition,
        faults: &TaskFaults,
    ) -> Result<BTreeMap<(String, String), String>, String> {
        let mut values = BTreeMap::new();
        let now = EpochMillis::now();
        for container in definition.container_definitions.iter().flatten() {
            let name = container.name.clone().unwrap_or_default();
            for secret in container.secrets.iter().flatten() {
                if let Some(reason) = faults.secret(&secret.value_from) {
                    return Err(reason);
                }
                let value = self
                    .secrets
                    .resolve(&secret.value_from, now)
                    .map_err(|error| error.to_string())?;
                values.insert(
                    (name.clone(), secret.name.clone()),
                    value.expose().to_owned(),
                );
            }
        }
        Ok(values)
    }
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
    let digest = container.name.as_ref().and_then(|name| digests.get(name));
    match (named.parse::<ImageName>(), digest) {
        (Ok(ImageName { repository, .. }), Some(digest)) => {
            format!("{REGISTRY_NAME}/{repository}@{digest}")
        }
        _ => named.to_owned(),
    }
}

fn layer(blob: &Path, digest: &str, diff_id: &str) -> Result<Layer, Sha256DigestError> {
    Ok(Layer {
        blob: blob.to_owned(),
        digest: digest.parse()?,
        diff_id: diff_id.parse()?,
    })
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
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
}
