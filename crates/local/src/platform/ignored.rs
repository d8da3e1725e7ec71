//! Parameters of task definitions that are accepted and have no effect here: each is told once in
//! the platform's log. The guide lists them (docs/guide/local.md, "What differs from AWS").

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::TaskSpec;

/// What runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Containers,
    Processes,
}

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    told: Mutex<BTreeSet<(Way, &'static str)>>,
}

/// A parameter's name, and whether a definition has it.
type Of<T> = (&'static str, fn(&T) -> bool);

const OF_TASKS: [Of<wire::TaskDefinition>; 5] = [
    ("pidMode", |it| it.pid_mode.is_some()),
    ("ipcMode", |it| it.ipc_mode.is_some()),
    ("proxyConfiguration", |it| it.proxy_configuration.is_some()),
    ("placementConstraints", |it| some(&it.placement_constraints)),
    ("ephemeralStorage", |it| it.ephemeral_storage.is_some()),
];

const OF_VOLUMES: [Of<wire::Volume>; 5] = [
    ("volumes.host.sourcePath", |it| {
        let host = it.host.as_ref();
        host.is_some_and(|host| host.source_path.is_some())
    }),
    ("volumes.dockerVolumeConfiguration", |it| {
        it.docker_volume_configuration.is_some()
    }),
    ("volumes.efsVolumeConfiguration", |it| {
        it.efs_volume_configuration.is_some()
    }),
    ("volumes.fsxWindowsFileServerVolumeConfiguration", |it| {
        it.fsx_windows_file_server_volume_configuration.is_some()
    }),
    ("volumes.configuredAtLaunch", |it| {
        it.configured_at_launch == Some(true)
    }),
];

const OF_CONTAINERS: [Of<wire::ContainerDefinition>; 8] = [
    ("links", |it| some(&it.links)),
    ("disableNetworking", |it| {
        it.disable_networking == Some(true)
    }),
    ("environmentFiles", |it| some(&it.environment_files)),
    ("repositoryCredentials", |it| {
        it.repository_credentials.is_some()
    }),
    ("resourceRequirements", |it| some(&it.resource_requirements)),
    ("firelensConfiguration", |it| {
        it.firelens_configuration.is_some()
    }),
    ("restartPolicy", |it| it.restart_policy.is_some()),
    ("credentialSpecs", |it| some(&it.credential_specs)),
];

/// What only an engine knows.
const OF_PROCESSES: [Of<wire::ContainerDefinition>; 17] = [
    ("user", |it| it.user.is_some()),
    ("readonlyRootFilesystem", |it| {
        it.readonly_root_filesystem == Some(true)
    }),
    ("memoryReservation", |it| it.memory_reservation.is_some()),
    ("privileged", |it| it.privileged == Some(true)),
    ("pseudoTerminal", |it| it.pseudo_terminal == Some(true)),
    ("interactive", |it| it.interactive == Some(true)),
    ("hostname", |it| it.hostname.is_some()),
    ("dnsServers", |it| some(&it.dns_servers)),
    ("dnsSearchDomains", |it| some(&it.dns_search_domains)),
    ("extraHosts", |it| some(&it.extra_hosts)),
    ("ulimits", |it| some(&it.ulimits)),
    ("systemControls", |it| some(&it.system_controls)),
    ("dockerSecurityOptions", |it| {
        some(&it.docker_security_options)
    }),
    ("dockerLabels", |it| {
        it.docker_labels.as_ref().is_some_and(|all| !all.is_empty())
    }),
    ("linuxParameters", |it| it.linux_parameters.is_some()),
    ("mountPoints.readOnly", |it| {
        let mut mounts = it.mount_points.iter().flatten();
        mounts.any(|mount| mount.read_only == Some(true))
    }),
    ("volumesFrom.readOnly", |it| {
        let mut sources = it.volumes_from.iter().flatten();
        sources.any(|source| source.read_only == Some(true))
    }),
];

impl Ignored {
    /// Tells what of its definition a task does without, where that was not told before.
    pub(super) fn tell(&self, definition: &wire::TaskDefinition, task: &TaskSpec) {
        let (way, runs_as) = match task.needs_engine() {
            true => (Way::Containers, "containers"),
            false => (Way::Processes, "processes"),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for parameter in ignored(definition, way) {
            if told.insert((way, parameter)) {
                let task_definition = definition.task_definition_arn.as_deref();
                tracing::warn!(
                    parameter,
                    task_definition,
                    runs_as,
                    "a parameter of a task definition has no effect here"
                );
            }
        }
    }
}

fn ignored(definition: &wire::TaskDefinition, way: Way) -> Vec<&'static str> {
    let volumes = definition.volumes.iter().flatten();
    let containers = definition.container_definitions.iter().flatten();
    let mut all = names(&OF_TASKS, std::iter::once(definition));
    all.extend(names(&OF_VOLUMES, volumes));
    all.extend(names(&OF_CONTAINERS, containers.clone()));
    if way == Way::Processes {
        all.extend(names(&OF_PROCESSES, containers));
    }
    all
}

/// The names of those that one of these has.
fn names<'a, T: 'a>(
    parameters: &[Of<T>],
    definitions: impl Iterator<Item = &'a T> + Clone,
) -> Vec<&'static str> {
    let found = parameters
        .iter()
        .filter(|(_, has)| definitions.clone().any(has));
    found.map(|(name, _)| *name).collect()
}

fn some<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_effect_depends_on_what_runs_the_task() {
        let definition = json!({
            "pidMode": "task", "ipcMode": "none", "ephemeralStorage": { "sizeInGiB": 21 },
            "volumes": [{ "name": "a", "host": { "sourcePath": "/a" } }, { "name": "b" }],
            "containerDefinitions": [
                { "name": "api", "image": "i", "user": "1", "essential": true, "links": [],
                  "mountPoints": [{ "sourceVolume": "b", "readOnly": true }] },
                { "name": "db", "image": "i", "links": ["api"], "linuxParameters": {} },
            ],
        });
        let definition: wire::TaskDefinition = serde_json::from_value(definition).unwrap();
        let always = [
            "pidMode",
            "ipcMode",
            "ephemeralStorage",
            "volumes.host.sourcePath",
            "links",
        ];
        assert_eq!(ignored(&definition, Way::Containers), always);
        let more = ["user", "linuxParameters", "mountPoints.readOnly"];
        assert_eq!(
            ignored(&definition, Way::Processes),
            [&always[..], &more[..]].concat()
        );
        let plain = wire::TaskDefinition::default();
        assert!(ignored(&plain, Way::Processes).is_empty());
    }
}
