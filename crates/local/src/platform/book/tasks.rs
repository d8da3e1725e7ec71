//! Tasks that come and go: where they are, and what is kept of them.

use std::collections::BTreeMap;

use seaway_scheduler::{ContainerState, Task, TaskId};

use super::{Book, Owner};
use crate::platform::effects::{Effect, LaunchOrder};
use crate::platform::pending::Row;
use crate::platform::ports::Ports;
use crate::platform::records::{
    Place, PlacedPort, ServiceKey, ServiceRecord, StandaloneRecord, StoppedRecord, TaskAbout,
    TaskDefinitionRecord,
};
use crate::platform::{capacity, definitions, task_tags};
use crate::store::Store;

impl Book {
    pub(super) fn launch(&mut self, key: &ServiceKey, task: &TaskId) {
        let Some(record) = self.services.get_mut(key) else {
            return;
        };
        let id = task.as_str();
        self.owners
            .insert(id.to_owned(), Owner::Service(key.clone()));
        let Some(launched) = record.scheduler.task(task) else {
            return;
        };
        let definition = launched.task_definition.clone();
        let deployment = launched.deployment.map(|id| id.number());
        let revision = deployment.and_then(|number| record.revisions.get(&number));
        let mut digests = revision.map_or_else(BTreeMap::new, |one| one.digests.clone());
        digests.extend(digests_of(launched));
        if !record.places.contains_key(id) {
            let found = definition_of(&self.store, &definition);
            let mut place = choose_place(&mut self.ports, found.as_ref());
            place.capacity_provider = next_provider(record);
            let tags = task_tags::of_service(record, found.as_ref());
            record.places.insert(id.to_owned(), place);
            if !tags.is_empty() {
                record.task_tags.insert(id.to_owned(), tags);
            }
        }
        let order = LaunchOrder {
            task: task.clone(),
            task_definition: definition,
            overrides: None,
            place: record.places.get(id).cloned().unwrap_or_default(),
            owner: key.name.clone(),
            cluster: key.cluster.clone(),
            deployment,
            digests,
        };
        self.pending.effects.push(Effect::Launch(Box::new(order)));
    }

    pub(super) fn launch_standalone(&mut self, id: &str, task: TaskId) {
        let Some(record) = self.standalone.get_mut(id) else {
            return;
        };
        let definition = record.scheduler.task().task_definition.clone();
        let overrides = record.about.overrides.clone();
        if record.place.ports.is_empty() {
            let found = definition_of(&self.store, &definition);
            let chosen = choose_place(&mut self.ports, found.as_ref());
            record.place.ports = chosen.ports;
        }
        let order = LaunchOrder {
            task,
            task_definition: definition,
            overrides,
            place: record.place.clone(),
            owner: record.about.group.replace(':', "-"),
            cluster: record.about.cluster.clone(),
            deployment: None,
            digests: digests_of(record.scheduler.task()),
        };
        self.pending.effects.push(Effect::Launch(Box::new(order)));
    }

    pub(super) fn retire(&mut self, key: &ServiceKey, task: Task) {
        let Some(record) = self.services.get_mut(key) else {
            return;
        };
        let id = task.id.as_str().to_owned();
        let place = record.places.remove(&id).unwrap_or_default();
        let about = TaskAbout {
            cluster: key.cluster.clone(),
            group: format!("service:{}", key.name),
            started_by: task.deployment.map(|deployment| deployment.to_string()),
            overrides: None,
            tags: record.task_tags.remove(&id).unwrap_or_default(),
            launch_type: record.settings.launch_type.clone(),
        };
        let stopped = StoppedRecord { about, task, place };
        self.leave(id, stopped);
    }

    pub(super) fn retire_standalone(&mut self, id: &str, task: Task) {
        let Some(record) = self.standalone.remove(id) else {
            return;
        };
        self.pending.standalone.remove(id);
        self.pending.rows.push(Row::Left(id.to_owned()));
        let StandaloneRecord { about, place, .. } = record;
        let stopped = StoppedRecord { about, task, place };
        self.leave(id.to_owned(), stopped);
    }

    fn leave(&mut self, id: String, stopped: StoppedRecord) {
        stopped
            .place
            .ports
            .iter()
            .for_each(|port| self.ports.free(port.host_port));
        self.owners.remove(&id);
        let task = stopped.task.id.clone();
        self.pending.rows.push(Row::Stopped(Box::new(stopped)));
        self.pending.effects.push(Effect::Forget { task });
    }
}

/// What a task's images were resolved to, by container.
pub(in crate::platform) fn digests_of(task: &Task) -> BTreeMap<String, String> {
    let of = |one: &ContainerState| Some((one.name.clone(), one.image_digest.clone()?));
    task.containers.iter().filter_map(of).collect()
}

/// The capacity provider of a service's next task.
fn next_provider(record: &ServiceRecord) -> Option<String> {
    let placed: Vec<String> = record
        .places
        .values()
        .filter_map(|place| place.capacity_provider.clone())
        .collect();
    let strategy = record.settings.capacity_provider_strategy.as_deref();
    capacity::choose(strategy.unwrap_or_default(), &placed)
}

/// The task definition, unless it is gone.
fn definition_of(store: &Store, name: &str) -> Option<TaskDefinitionRecord> {
    definitions::find(store, name).ok().flatten()
}

/// One loopback port for each port the task definition names. A definition that is gone, or no
/// free port, gives fewer: the launch finds that out and says so.
fn choose_place(ports: &mut Ports, found: Option<&TaskDefinitionRecord>) -> Place {
    let mut place = Place::default();
    let containers = found.and_then(|found| found.definition.container_definitions.as_ref());
    for container in containers.into_iter().flatten() {
        let name = container.name.clone().unwrap_or_default();
        for mapping in container.port_mappings.iter().flatten() {
            let port = mapping
                .container_port
                .and_then(|port| u16::try_from(port).ok());
            let (Some(container_port), Ok(host_port)) = (port, ports.choose()) else {
                continue;
            };
            place.ports.push(PlacedPort {
                container: name.clone(),
                container_port,
                host_port,
            });
        }
    }
    place
}
