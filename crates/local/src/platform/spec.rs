//! From a task definition to what the runtime starts. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use oci_spec::image::ImageConfiguration;
use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::{
    ContainerName, ContainerSpec, CpuUnits, Environment, LogLimits, MemoryLimit, Root, StopSignal,
    TaskId, TaskSpec,
};

use super::effects::LaunchOrder;
use super::image_root::image_root;
use super::not_started::NotStarted;
use super::size::TaskSize;
use super::volumes::Volumes;

/// An image that was pulled.
#[derive(Debug)]
pub(super) struct PulledImage {
    pub(super) config: ImageConfiguration,
    pub(super) root: PulledRoot,
}

/// Where a pulled image is.
#[derive(Debug)]
pub(super) enum PulledRoot {
    /// Unpacked: its containers are processes.
    Directory(PathBuf),
    /// In the engine, by this name.
    Engine(String),
}

/// Everything besides the task definition.
pub(super) struct Ingredients<'a> {
    pub(super) order: &'a LaunchOrder,
    /// By container.
    pub(super) images: &'a BTreeMap<String, PulledImage>,
    /// Values of the container's secrets, by container and variable.
    pub(super) secrets: &'a BTreeMap<(String, String), String>,
    /// Where an internal name of the load balancer is on this machine.
    pub(super) internal: &'a dyn Fn(&str) -> Option<SocketAddr>,
    pub(super) volumes: &'a Path,
    pub(super) logs: &'a Path,
}

/// Why a task definition cannot be started; reads as a `stoppedReason`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CannotStartContainerError: {0}")]
pub(super) struct CannotStart(pub(super) String);

/// The task as the supervisor starts it.
pub(super) fn task_spec(
    definition: &wire::TaskDefinition,
    with: &Ingredients<'_>,
) -> Result<TaskSpec, NotStarted> {
    let id = TaskId::new(with.order.task.as_str());
    let id = id.map_err(|error| CannotStart(error.to_string()).to_string())?;
    let containers = definition.container_definitions.iter().flatten();
    let containers = containers
        .map(|container| {
            let spec = container_spec(definition, container, with);
            spec.map_err(|error| NotStarted::of(container, error))
        })
        .collect::<Result<_, _>>()?;
    let log_dir = with.logs.join(with.order.task.as_str());
    Ok(TaskSpec {
        id,
        containers,
        log_dir,
        log_limits: LogLimits::default(),
    })
}

/// The signal that asks the containers of a task to stop, from the configurations of its images.
pub(super) fn stop_signal<'a>(
    images: impl IntoIterator<Item = &'a ImageConfiguration>,
) -> StopSignal {
    let mut signals = images.into_iter().filter_map(own_stop_signal);
    signals.next().unwrap_or_default()
}

fn own_stop_signal(image: &ImageConfiguration) -> Option<StopSignal> {
    let config = image.config().as_ref()?;
    config.stop_signal().as_ref()?.parse().ok()
}

fn container_spec(
    definition: &wire::TaskDefinition,
    container: &wire::ContainerDefinition,
    with: &Ingredients<'_>,
) -> Result<ContainerSpec, CannotStart> {
    let name = container.name.clone().unwrap_or_default();
    let image = with
        .images
        .get(&name)
        .ok_or_else(|| CannotStart(format!("container {name} has no image")))?;
    let overrides = container_override(with.order.overrides.as_ref(), &name);
    let ports = container.port_mappings.iter().flatten();
    let placed = ports
        .filter_map(|mapping| u16::try_from(mapping.container_port?).ok())
        .find_map(|port| Some((port, with.order.place.host_port(&name, port)?)));
    let wants_port = container
        .port_mappings
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    if wants_port && placed.is_none() {
        return Err(CannotStart(format!(
            "no port of this machine is free for container {name}"
        )));
    }
    let task = TaskSize::of(definition, with.order.overrides.as_ref());
    let size = task.container(container, overrides);
    let order = with.order;
    let volumes = Volumes::new(definition, with.volumes, &order.cluster, &order.owner);
    let (root, port, volumes) = match &image.root {
        PulledRoot::Directory(directory) => {
            check_process(container)?;
            let port = placed.map(|(_, host)| host);
            let volumes = volumes.of_process(container);
            (Root::Directory(directory.clone()), port, volumes)
        }
        PulledRoot::Engine(name_of_image) => {
            let mut root = image_root(task, container, &with.order.place, name_of_image)?;
            root.stop_signal = own_stop_signal(&image.config);
            root.settings.memory_reservation = size.reservation_mib.map(MemoryLimit::from_mib);
            let volumes = volumes.of_container(container);
            let port = placed.map(|(own, _)| own);
            (Root::Image(Box::new(root)), port, volumes)
        }
    };
    Ok(ContainerSpec {
        name: ContainerName::new(name.as_str()).map_err(|e| CannotStart(e.to_string()))?,
        root,
        workdir: workdir(container, image),
        argv: argv(container, overrides, image)?,
        env: environment(container, overrides, image, with),
        port,
        memory: size.memory_mib.map(MemoryLimit::from_mib),
        cpu: size.cpu_units.map(CpuUnits),
        volumes,
    })
}

/// What only an engine can give a container.
fn check_process(container: &wire::ContainerDefinition) -> Result<(), CannotStart> {
    let has_dependencies = container.depends_on.iter().flatten().next().is_some();
    let what = if container.health_check.is_some() {
        "a health check"
    } else if has_dependencies {
        "dependencies (dependsOn)"
    } else {
        return Ok(());
    };
    let name = container.name.as_deref().unwrap_or_default();
    Err(CannotStart(format!(
        "container {name} has {what}, which a process cannot have: run it as a container (seaway \
         local start --runtime containers)"
    )))
}

fn container_override<'a>(
    overrides: Option<&'a wire::TaskOverride>,
    container: &str,
) -> Option<&'a wire::ContainerOverride> {
    let overrides = overrides?.container_overrides.as_ref()?;
    overrides
        .iter()
        .find(|over| over.name.as_deref() == Some(container))
}

fn workdir(container: &wire::ContainerDefinition, image: &PulledImage) -> String {
    let of_image = || {
        image
            .config
            .config()
            .as_ref()
            .and_then(|config| config.working_dir().clone())
    };
    container
        .working_directory
        .clone()
        .or_else(of_image)
        .unwrap_or_default()
}

/// Entry point and command, as Docker combines them: an entry point of the task definition
/// replaces the image's and its command.
fn argv(
    container: &wire::ContainerDefinition,
    overrides: Option<&wire::ContainerOverride>,
    image: &PulledImage,
) -> Result<Vec<String>, CannotStart> {
    let config = image.config.config().as_ref();
    let own_entry = container
        .entry_point
        .clone()
        .filter(|entry| !entry.is_empty());
    let command = overrides
        .and_then(|over| over.command.clone())
        .or_else(|| container.command.clone())
        .filter(|command| !command.is_empty())
        .or_else(|| {
            let image_command = config.and_then(|config| config.cmd().clone());
            if own_entry.is_some() {
                None
            } else {
                image_command
            }
        });
    let entry = own_entry.or_else(|| config.and_then(|config| config.entrypoint().clone()));
    let argv: Vec<String> = entry
        .into_iter()
        .flatten()
        .chain(command.into_iter().flatten())
        .collect();
    if argv.is_empty() {
        let name = container.name.as_deref().unwrap_or_default();
        return Err(CannotStart(format!(
            "container {name} has neither entry point nor command"
        )));
    }
    Ok(argv)
}

/// The image's variables, then the definition's, the override's and the secrets': a later one of the
/// same name wins. Nothing is added here; `PORT`, `PATH` and `HOME` are the runtime's.
fn environment(
    container: &wire::ContainerDefinition,
    overrides: Option<&wire::ContainerOverride>,
    image: &PulledImage,
    with: &Ingredients<'_>,
) -> Environment {
    let mut variables = BTreeMap::new();
    let of_image = image
        .config
        .config()
        .as_ref()
        .and_then(|config| config.env().clone());
    for variable in of_image.into_iter().flatten() {
        if let Some((name, value)) = variable.split_once('=') {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    let listed = [
        container.environment.as_ref(),
        overrides.and_then(|over| over.environment.as_ref()),
    ];
    for pair in listed
        .into_iter()
        .flatten()
        .flat_map(|pairs| pairs.expose())
    {
        if let (Some(name), Some(value)) = (&pair.name, &pair.value) {
            variables.insert(name.clone(), value.clone());
        }
    }
    for value in variables.values_mut() {
        *value = with_internal_names(value, with.internal);
    }
    let name = container.name.as_deref().unwrap_or_default();
    for ((owner, variable), value) in with.secrets {
        if owner == name {
            variables.insert(variable.clone(), value.clone());
        }
    }
    if matches!(image.root, PulledRoot::Directory(_)) {
        // The image's PATH is about a root file system that a process does not have.
        variables.remove("PATH");
    }
    Environment::new(variables.into_iter().collect())
}

/// Replaces the internal names in a value's URLs by addresses of this machine: host processes share
/// the host's resolver, which knows no name of the load balancer. This is all that stands in for
/// DNS.
fn with_internal_names(value: &str, internal: &dyn Fn(&str) -> Option<SocketAddr>) -> String {
    let mut replaced = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("//") {
        let (before, after) = rest.split_at(at + 2);
        replaced.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "-._:".contains(c)));
        let (authority, tail) = after.split_at(end.unwrap_or(after.len()));
        match internal(authority) {
            Some(address) => replaced.push_str(&address.to_string()),
            None => replaced.push_str(authority),
        }
        rest = tail;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
