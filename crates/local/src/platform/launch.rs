//! Everything between the decision to start a task and its first process: images, secrets, names.
//!
//! Each step that fails says so in the words that ECS uses for it (ECS-SEMANTICS.md, "Exact
//! strings"); the scheduler turns that into the task's `stoppedReason`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_runtime::containers::Engine;
use seaway_runtime::host::Host;
use seaway_runtime::task::{StopSignal, TaskSpec};
use seaway_scheduler::{ContainerImage, TaskReport};
use tokio::runtime::Handle;

use super::definitions;
use super::driver::Inbox;
use super::effects::LaunchOrder;
use super::fixing::{Digests, Fixing};
use super::gateway::Gateway;
use super::ignored::Ignored;
use super::logs::{LogTarget, create_streams, log_targets};
use super::not_started::NotStarted;
use super::pull::{Pulled, Puller};
use super::runner::Connection;
use super::spec::{Ingredients, PulledImage, PulledRoot, stop_signal, task_spec};
use crate::balancing::Balancing;
use crate::clock::EpochMillis;
use crate::faults::{Faults, TaskFaults};
use crate::services::task_secrets::TaskSecrets;
use crate::store::Store;

/// Prepares tasks.
pub(super) struct Launcher {
    pub(super) store: Arc<Store>,
    pub(super) secrets: TaskSecrets,
    pub(super) balancing: Arc<Balancing>,
    pub(super) faults: Arc<Faults>,
    pub(super) puller: Puller,
    pub(super) fixing: Fixing,
    pub(super) ignored: Ignored,
    /// Whose engine takes the images of containers.
    pub(super) host: Connection,
    pub(super) gateway: Gateway,
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

/// What a launch is made with besides its order.
struct With<'a> {
    faults: &'a TaskFaults,
    host: Option<&'a Host>,
    inbox: &'a Inbox,
}

impl Launcher {
    /// Prepares the task and reports how far it has come; the error is its `stoppedReason`.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        order: &LaunchOrder,
        inbox: &Inbox,
    ) -> Result<Outcome, NotStarted> {
        let faults = self.faults.for_task(&order.cluster, &order.owner);
        if let Some(reason) = faults.placement() {
            return Err(reason.into());
        }
        inbox.report(&order.task, TaskReport::Provisioned);
        if let Some(wait) = faults.pull_wait() {
            inbox.report(&order.task, TaskReport::PullStarted);
            tokio::time::sleep(wait).await;
        }
        // While there is no connection nobody knows whether there is an engine.
        let mut connection = self.host.clone();
        let host = match connection.wait_for(Option::is_some).await {
            Ok(host) => host.clone(),
            Err(_) => None,
        };
        let (launcher, order, inbox) = (Arc::clone(self), order.clone(), inbox.clone());
        // Files and the store are read: this blocks.
        let work = move || {
            let with = With {
                faults: &faults,
                host: host.as_ref(),
                inbox: &inbox,
            };
            launcher.work(&order, &with)
        };
        let prepared = tokio::task::spawn_blocking(work).await;
        prepared.unwrap_or_else(|error| Err(format!("CannotStartContainerError: {error}").into()))
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
            .filter_map(|container| self.puller.configuration(container, digests))
            .collect();
        stop_signal(&configs)
    }

    fn work(&self, order: &LaunchOrder, with: &With<'_>) -> Result<Outcome, NotStarted> {
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
        with.inbox.report(&order.task, TaskReport::PullStarted);
        let engine = with.host.and_then(Host::engine);
        let images = self.images(order, &definition, with)?;
        let resolved = digests_of(&images).into_iter();
        let resolved = resolved.map(|(container, digest)| ContainerImage { container, digest });
        with.inbox.report(
            &order.task,
            TaskReport::PullStopped {
                images: resolved.collect(),
            },
        );
        let images: BTreeMap<String, PulledImage> = images
            .into_iter()
            .map(|(container, pulled)| (container, pulled.image))
            .collect();
        let secrets = self.resolve_secrets(&definition, with.faults)?;
        let gateway = engine.and_then(|engine| self.open_gateway(engine, &images));
        let mut spec = task_spec(
            &definition,
            &Ingredients {
                order,
                images: &images,
                secrets: &secrets,
                internal: &|authority| self.internal(authority, gateway),
                volumes: &self.volumes,
                logs: &self.task_logs,
            },
        )?;
        self.ignored.tell(&definition, &spec);
        let mut signal = stop_signal(images.values().map(|image| &image.config));
        with.faults.afflict(&mut spec, &mut signal);
        let logs = log_targets(&definition, order.task.as_str(), &self.task_logs);
        create_streams(&self.store, &logs).map_err(|error| error.to_string())?;
        Ok(Outcome {
            spec,
            signal,
            crash: with.faults.crash(),
            logs,
        })
    }

    /// The images of a task: those that its deployment began with.
    fn images(
        &self,
        order: &LaunchOrder,
        definition: &wire::TaskDefinition,
        with: &With<'_>,
    ) -> Result<BTreeMap<String, Pulled>, NotStarted> {
        let engine = with.host.and_then(Host::engine);
        let pull = |digests: &Digests| {
            let puller = &self.puller;
            puller.pull(definition, digests, engine, with.faults)
        };
        let pulled = pull(&self.fixing.known(order))?;
        match self.fixing.fix(order, &digests_of(&pulled)) {
            None => Ok(pulled),
            Some(first) => pull(&first),
        }
    }

    /// Lets containers reach the load balancer, and tells where; none for processes, which are
    /// where it is.
    fn open_gateway(
        &self,
        engine: &Engine,
        images: &BTreeMap<String, PulledImage>,
    ) -> Option<IpAddr> {
        let in_engine = |image: &PulledImage| matches!(image.root, PulledRoot::Engine(_));
        if !images.values().any(in_engine) {
            return None;
        }
        let addresses = self.balancing.internal_addresses();
        Handle::current().block_on(self.gateway.open(engine, &addresses))
    }

    /// Where an internal name is: on this machine, or as its containers see it.
    fn internal(&self, authority: &str, gateway: Option<IpAddr>) -> Option<SocketAddr> {
        let address = self.balancing.resolve_internal(authority)?;
        let ip = gateway.unwrap_or(address.ip());
        Some(SocketAddr::new(ip, address.port()))
    }

    /// Opens the way to the load balancer for containers that an earlier platform has started.
    pub(super) async fn welcome(&self, engine: &Engine) {
        let addresses = self.balancing.internal_addresses();
        self.gateway.open(engine, &addresses).await;
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

fn digests_of(images: &BTreeMap<String, Pulled>) -> Digests {
    let images = images.iter();
    images
        .map(|(container, pulled)| (container.clone(), pulled.digest.clone()))
        .collect()
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
