//! What the engine is asked to create. Pure.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, PortBinding, PortMap,
};

use super::engine::Namespace;
use super::holder;
use super::labels::{Part, of_holder, of_member};
use super::settings;
use super::volumes;
use crate::task::{
    Access, ContainerSpec, CpuUnits, HealthCheck, ImageRoot, InitProcess, Input, Protocol,
    PublishedPort, RootFiles, TaskId, TaskSpec, Terminal,
};

/// Where published ports are on this machine.
const LOOPBACK: &str = "127.0.0.1";
/// The engine keeps the output until it is in the task's log; more than this, and the oldest goes.
const KEPT_OUTPUT: [(&str, &str); 2] = [("max-size", "64m"), ("max-file", "2")];
/// The fewest shares that the kernel takes (ECS does the same with less).
const LEAST_SHARES: i64 = 2;
const UNITS_PER_CPU: i64 = 1024;
const NANOS_PER_CPU: i64 = 1_000_000_000;

/// The name of a container of a task.
pub(super) fn name(namespace: &Namespace, task: &TaskId, container: &str) -> String {
    format!("seaway-{namespace}-{task}-{container}")
}

/// The container that holds the network of a task.
pub(super) fn of_holder_container(namespace: &Namespace, task: &TaskSpec) -> ContainerCreateBody {
    let roots = task.containers.iter().filter_map(image_root);
    let ports: Vec<&PublishedPort> = roots.clone().flat_map(|root| &root.publish).collect();
    let bindings: PortMap = ports.iter().map(|port| binding(port)).collect();
    ContainerCreateBody {
        image: Some(holder::IMAGE.to_owned()),
        hostname: settings::hostname(roots.clone()),
        labels: Some(of_holder(namespace, &task.id)),
        exposed_ports: Some(ports.iter().map(|port| port_name(port)).collect()),
        // It hears no other; an engine that ends would wait for it.
        stop_signal: Some("SIGKILL".to_owned()),
        host_config: Some(HostConfig {
            port_bindings: Some(bindings),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..settings::of_network(roots, HostConfig::default())
        }),
        ..ContainerCreateBody::default()
    }
}

/// A container of the task's definition, in the network of the holder.
pub(super) fn of_member_container(
    namespace: &Namespace,
    task: &TaskSpec,
    container: &ContainerSpec,
    root: &ImageRoot,
    part: &Part,
) -> ContainerCreateBody {
    let mut words = container.argv.iter().cloned();
    let entrypoint = words.next().map(|first| vec![first]);
    let holder = name(namespace, &task.id, holder::NAME);
    let user = root.user.clone().filter(|user| !user.is_empty());
    let workdir = Some(container.workdir.clone()).filter(|path| !path.is_empty());
    // Ours are the last: nobody else can say whose it is.
    let mut labels: HashMap<_, _> = root.settings.labels.clone().into_iter().collect();
    labels.extend(of_member(namespace, &task.id, container, part));
    ContainerCreateBody {
        image: Some(root.image.clone()),
        labels: Some(labels),
        tty: (root.settings.terminal == Terminal::Pseudo).then_some(true),
        open_stdin: (root.settings.input == Input::Open).then_some(true),
        entrypoint,
        cmd: Some(words.collect()),
        env: Some(environment(container)),
        working_dir: workdir,
        user,
        healthcheck: Some(root.health_check.as_ref().map_or_else(no_check, check)),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{holder}")),
            readonly_rootfs: Some(root.files == RootFiles::ReadOnly),
            init: (root.init == InitProcess::Reaper).then_some(true),
            mounts: Some(mounts(namespace, container)),
            volumes_from: volumes_from(namespace, &task.id, root),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from(
                    KEPT_OUTPUT.map(|(key, value)| (key.to_owned(), value.to_owned())),
                )),
            }),
            ..settings::of_member(&root.settings, limits(container, root))
        }),
        ..ContainerCreateBody::default()
    }
}

/// What a container of an engine is made from; none for a process.
pub(super) fn image_root(container: &ContainerSpec) -> Option<&ImageRoot> {
    match &container.root {
        crate::task::Root::Image(root) => Some(root),
        crate::task::Root::Directory(_) => None,
    }
}

/// The declared variables, and `PORT`: the container's own here, whatever it is on this machine.
fn environment(container: &ContainerSpec) -> Vec<String> {
    let pairs = container
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let mut variables: Vec<String> = pairs.collect();
    let declared = container.env.names().any(|name| name == "PORT");
    if let Some(port) = container.port.filter(|_| !declared) {
        variables.push(format!("PORT={port}"));
    }
    variables
}

fn limits(container: &ContainerSpec, root: &ImageRoot) -> HostConfig {
    let memory = container
        .memory
        .map(|limit| i64::try_from(limit.0).unwrap_or(i64::MAX));
    let units = |cpu: CpuUnits| i64::from(cpu.0);
    let nanos = |cpu: CpuUnits| units(cpu).saturating_mul(NANOS_PER_CPU) / UNITS_PER_CPU;
    HostConfig {
        memory,
        // As much as without swap: none of it.
        memory_swap: memory,
        cpu_shares: container.cpu.map(|cpu| units(cpu).max(LEAST_SHARES)),
        nano_cpus: root.cpu_ceiling.map(nanos),
        ..HostConfig::default()
    }
}

fn mounts(namespace: &Namespace, container: &ContainerSpec) -> Vec<Mount> {
    let volumes = container.volumes.iter();
    volumes
        .map(|volume| volumes::mount(namespace, volume))
        .collect()
}

fn volumes_from(namespace: &Namespace, task: &TaskId, root: &ImageRoot) -> Option<Vec<String>> {
    let sources = root.volumes_from.iter().map(|from| {
        let access = match from.access {
            Access::Write => "rw",
            Access::Read => "ro",
        };
        let source = name(namespace, task, from.container.as_str());
        format!("{source}:{access}")
    });
    Some(sources.collect()).filter(|all: &Vec<_>| !all.is_empty())
}

fn check(check: &HealthCheck) -> HealthConfig {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    HealthConfig {
        test: Some(check.command.clone()),
        interval: Some(nanos(check.interval)),
        timeout: Some(nanos(check.timeout)),
        retries: Some(i64::from(check.retries)),
        start_period: check.start_period.map(nanos),
        ..HealthConfig::default()
    }
}

/// ECS ignores the check that an image brings.
fn no_check() -> HealthConfig {
    HealthConfig {
        test: Some(vec!["NONE".to_owned()]),
        ..HealthConfig::default()
    }
}

fn binding(port: &PublishedPort) -> (String, Option<Vec<PortBinding>>) {
    let place = PortBinding {
        host_ip: Some(LOOPBACK.to_owned()),
        host_port: Some(port.host.to_string()),
    };
    (port_name(port), Some(vec![place]))
}

fn port_name(port: &PublishedPort) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{ContainerName, Environment, LogLimits, MemoryLimit, Root, Volume};

    fn task(root: ImageRoot) -> TaskSpec {
        TaskSpec {
            id: TaskId::new("t").unwrap(),
            containers: vec![ContainerSpec {
                name: ContainerName::new("api").unwrap(),
                root: Root::Image(Box::new(root)),
                workdir: "/srv".into(),
                argv: vec!["./api".into(), "serve".into()],
                env: Environment::new(vec![("TOKEN".into(), "hunter2".into())]),
                port: Some(8000),
                memory: Some(MemoryLimit::from_mib(64)),
                cpu: Some(CpuUnits(1)),
                volumes: vec![Volume {
                    name: "data".into(),
                    host_path: "/state/data".into(),
                    container_path: "/data".into(),
                    access: Access::Write,
                }],
            }],
            log_dir: "/state/tasks/t".into(),
            log_limits: LogLimits::default(),
        }
    }

    fn member(root: ImageRoot) -> ContainerCreateBody {
        let (namespace, task) = (Namespace::new("p").unwrap(), task(root));
        let container = &task.containers[0];
        let root = image_root(container).unwrap();
        let part = Part::of(&task, 0, root);
        of_member_container(&namespace, &task, container, root, &part)
    }

    #[test]
    fn a_container_gets_its_command_variables_and_limits() {
        let body = member(ImageRoot {
            image: "shop/api:v1".into(),
            cpu_ceiling: Some(CpuUnits(512)),
            ..ImageRoot::default()
        });
        assert_eq!(body.entrypoint, Some(vec!["./api".to_owned()]));
        assert_eq!(body.cmd, Some(vec!["serve".to_owned()]));
        let variables = ["TOKEN=hunter2", "PORT=8000"].map(str::to_owned);
        assert_eq!(body.env, Some(variables.to_vec()));
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.memory_swap),
            (Some(64 << 20), Some(64 << 20))
        );
        assert_eq!(
            (host.cpu_shares, host.nano_cpus),
            (Some(2), Some(500_000_000))
        );
        assert_eq!(
            host.network_mode.as_deref(),
            Some("container:seaway-p-t-.holder")
        );
        let mount = &host.mounts.unwrap()[0];
        assert_eq!(mount.target.as_deref(), Some("/data"));
    }

    #[test]
    fn volumes_come_from_containers_of_the_same_task() {
        let body = member(ImageRoot {
            volumes_from: vec![crate::task::VolumesFrom {
                container: ContainerName::new("db").unwrap(),
                access: Access::Read,
            }],
            ..ImageRoot::default()
        });
        let sources = body.host_config.unwrap().volumes_from;
        assert_eq!(sources, Some(vec!["seaway-p-t-db:ro".to_owned()]));
    }

    #[test]
    fn no_label_has_a_value_of_a_variable() {
        let labels = member(ImageRoot::default()).labels.unwrap();
        assert!(
            labels.values().all(|value| !value.contains("hunter2")),
            "{labels:?}"
        );
    }

    #[test]
    fn a_label_of_a_task_definition_does_not_say_whose_a_container_is() {
        let settings = crate::task::Settings {
            labels: [("seaway.platform", "other"), ("team", "shop")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..crate::task::Settings::default()
        };
        let root = ImageRoot {
            settings,
            ..ImageRoot::default()
        };
        let labels = member(root).labels.unwrap();
        assert_eq!(
            (&*labels["seaway.platform"], &*labels["team"]),
            ("p", "shop")
        );
    }

    #[test]
    fn the_check_of_an_image_is_off_unless_the_task_has_one() {
        let none = member(ImageRoot::default()).healthcheck.unwrap();
        assert_eq!(none.test, Some(vec!["NONE".to_owned()]));
        let own = member(ImageRoot {
            health_check: Some(HealthCheck {
                command: vec!["CMD".into(), "true".into()],
                interval: Duration::from_secs(30),
                timeout: Duration::from_secs(5),
                retries: 3,
                start_period: None,
            }),
            ..ImageRoot::default()
        });
        let own = own.healthcheck.unwrap();
        assert_eq!((own.interval, own.retries), (Some(30_000_000_000), Some(3)));
        assert_eq!(own.start_period, None);
    }

    #[test]
    fn the_holder_publishes_the_ports_of_all_on_the_loopback_address() {
        let spec = task(ImageRoot {
            publish: vec![PublishedPort {
                container: 8000,
                host: 21234,
                protocol: Protocol::Udp,
            }],
            ..ImageRoot::default()
        });
        let body = of_holder_container(&Namespace::new("p").unwrap(), &spec);
        let bindings = body.host_config.unwrap().port_bindings.unwrap();
        let place = &bindings["8000/udp"].as_ref().unwrap()[0];
        assert_eq!(place.host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(place.host_port.as_deref(), Some("21234"));
    }
}
