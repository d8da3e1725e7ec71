//! From a container's mount points to the directories behind them. Pure.
//!
//! Volumes belong to the service, or to the group of a task of its own, and outlive its tasks.

use std::path::{Path, PathBuf};

use seaway_aws_wire::ecs as wire;
use seaway_runtime::task::{Access, ContainerName, Volume, VolumesFrom};

use super::spec::CannotStart;

/// Where the volumes of a task are, and what their definition is.
pub(super) struct Volumes<'a> {
    pub(super) definition: &'a wire::TaskDefinition,
    pub(super) directory: PathBuf,
}

impl<'a> Volumes<'a> {
    /// Below `root`, by cluster and owner.
    pub(super) fn new(
        definition: &'a wire::TaskDefinition,
        root: &Path,
        cluster: &str,
        owner: &str,
    ) -> Self {
        Self {
            definition,
            directory: root.join(path_part(cluster)).join(path_part(owner)),
        }
    }

    /// What a container mounts itself; what it has of others is the engine's affair.
    pub(super) fn of_container(&self, container: &wire::ContainerDefinition) -> Vec<Volume> {
        let mounts = container.mount_points.iter().flatten();
        mounts.filter_map(|mount| self.mounted(mount)).collect()
    }

    /// What a process finds by variables: volumes of its own, and those of others that it has,
    /// all of which it can write to.
    pub(super) fn of_process(&self, container: &wire::ContainerDefinition) -> Vec<Volume> {
        let mut found: Vec<Volume> = Vec::new();
        let (mut seen, mut next) = (Vec::new(), vec![container]);
        while let Some(container) = next.pop() {
            if seen.contains(&&container.name) {
                continue;
            }
            seen.push(&container.name);
            for volume in self.of_container(container) {
                if found.iter().all(|one| one.name != volume.name) {
                    let access = Access::Write;
                    found.push(Volume { access, ..volume });
                }
            }
            let sources = container.volumes_from.iter().flatten();
            next.extend(sources.filter_map(|from| self.container(from.source_container.as_ref()?)));
        }
        found
    }

    fn container(&self, name: &str) -> Option<&'a wire::ContainerDefinition> {
        let mut all = self.definition.container_definitions.iter().flatten();
        all.find(|one| one.name.as_deref() == Some(name))
    }

    fn mounted(&self, mount: &wire::MountPoint) -> Option<Volume> {
        let name = mount.source_volume.clone()?;
        let mut declared = self.definition.volumes.iter().flatten();
        declared.find(|volume| volume.name.as_ref() == Some(&name))?;
        Some(Volume {
            host_path: self.directory.join(path_part(&name)),
            container_path: mount.container_path.clone().unwrap_or_default(),
            access: access(mount.read_only),
            name,
        })
    }
}

/// The containers whose volumes a container has, too.
pub(super) fn volumes_from(
    container: &wire::ContainerDefinition,
) -> Result<Vec<VolumesFrom>, CannotStart> {
    let all = container.volumes_from.iter().flatten();
    all.map(|from| {
        let container = ContainerName::new(from.source_container.clone().unwrap_or_default());
        Ok(VolumesFrom {
            container: container.map_err(|error| CannotStart(error.to_string()))?,
            access: access(from.read_only),
        })
    })
    .collect()
}

fn access(read_only: Option<bool>) -> Access {
    match read_only {
        Some(true) => Access::Read,
        _ => Access::Write,
    }
}

/// A name as one part of a path, whatever it is.
fn path_part(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    name.replace(|c| !kept(c), "-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition() -> wire::TaskDefinition {
        let mount = |volume: &str| {
            json!({ "sourceVolume": volume, "containerPath": format!("/{volume}"),
                "readOnly": volume == "b.c" })
        };
        let definition = json!({
            "volumes": [{ "name": "a" }, { "name": "b.c" }],
            "containerDefinitions": [
                { "name": "app", "image": "i", "mountPoints": [mount("a"), mount("unknown")],
                    "volumesFrom": [{ "sourceContainer": "db", "readOnly": true }] },
                { "name": "db", "image": "i", "mountPoints": [mount("a"), mount("b.c")],
                    "volumesFrom": [{ "sourceContainer": "app" }] },
            ],
        });
        serde_json::from_value(definition).unwrap()
    }

    fn places(volumes: &[Volume]) -> Vec<(&str, Access)> {
        let volumes = volumes.iter();
        volumes
            .map(|volume| (volume.host_path.to_str().unwrap(), volume.access))
            .collect()
    }

    #[test]
    fn a_container_mounts_its_own_and_the_engine_adds_those_of_others() {
        let definition = definition();
        let volumes = Volumes::new(&definition, Path::new("/v"), "shop", "family:x");
        let containers = definition.container_definitions.as_ref().unwrap();
        let (app, db) = (&containers[0], &containers[1]);
        let own = volumes.of_container(app);
        assert_eq!(places(&own), [("/v/shop/family-x/a", Access::Write)]);
        let own = volumes.of_container(db);
        assert_eq!(places(&own)[1], ("/v/shop/family-x/b-c", Access::Read));
        let from = volumes_from(app).unwrap();
        assert_eq!(
            (from[0].container.as_str(), from[0].access),
            ("db", Access::Read)
        );
        assert_eq!(volumes_from(db).unwrap()[0].access, Access::Write);
    }

    #[test]
    fn a_process_finds_each_once_and_may_write() {
        let definition = definition();
        let volumes = Volumes::new(&definition, Path::new("/v"), "shop", "api");
        let containers = definition.container_definitions.as_ref().unwrap();
        let found = volumes.of_process(&containers[0]);
        assert_eq!(
            places(&found),
            [
                ("/v/shop/api/a", Access::Write),
                ("/v/shop/api/b-c", Access::Write)
            ]
        );
    }
}
