//! What the tasks of services use, and what they were promised.

use std::collections::BTreeMap;

use seaway_runtime::host::HostUsage;
use seaway_scheduler::{ServiceStatus, TaskStatus};

use super::records::{ServiceKey, TaskDefinitionRecord};
use super::size::TaskSize;
use super::{Platform, definitions};
use crate::clock::EpochMillis;
use crate::store::StoreError;

const MIB: u64 = 1024 * 1024;

/// A service and its tasks that are `RUNNING`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLoad {
    pub service: ServiceKey,
    pub running: Vec<RunningTask>,
}

/// A task that is `RUNNING`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningTask {
    pub id: String,
    pub started_at: Option<EpochMillis>,
    pub reserved: Reservation,
}

/// What a task definition reserves for a task; none where it names nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// 1024 are one processor.
    pub cpu_units: Option<u64>,
    pub memory_bytes: Option<u64>,
}

impl Platform {
    /// What all tasks use; none while there is nothing that could run them.
    pub async fn usage(&self) -> Option<HostUsage> {
        let host = self.host.borrow().clone()?;
        Some(host.usage().await)
    }

    /// The active services and their running tasks.
    pub fn loads(&self) -> Result<Vec<ServiceLoad>, StoreError> {
        let mut known = BTreeMap::new();
        // The book is not kept while the store is read.
        let services = self.running_tasks();
        let loads = services.into_iter().map(|(service, tasks)| {
            let mut running = Vec::new();
            for (mut task, definition) in tasks {
                task.reserved = match known.get(&definition) {
                    Some(reserved) => *reserved,
                    None => {
                        let found = definitions::find(&self.parts.store, &definition)?;
                        let reserved = found.as_ref().map(Reservation::of).unwrap_or_default();
                        known.insert(definition, reserved);
                        reserved
                    }
                };
                running.push(task);
            }
            Ok(ServiceLoad { service, running })
        });
        loads.collect()
    }

    /// The running tasks by service, each with its task definition, which tells the reservation.
    fn running_tasks(&self) -> Vec<(ServiceKey, Vec<(RunningTask, String)>)> {
        let book = self.book();
        let active = book
            .services()
            .filter(|record| record.scheduler.status() == ServiceStatus::Active);
        let tasks = active.map(|record| {
            let tasks = record.scheduler.tasks().iter();
            let running = tasks.filter(|task| task.status == TaskStatus::Running);
            let running = running.map(|task| {
                let running = RunningTask {
                    id: task.id.to_string(),
                    started_at: task.started_at.map(|at| EpochMillis(at.0)),
                    reserved: Reservation::default(),
                };
                (running, task.task_definition.clone())
            });
            (record.key.clone(), running.collect())
        });
        tasks.collect()
    }
}

impl Reservation {
    /// What the task as a whole was given, or else its containers together.
    fn of(record: &TaskDefinitionRecord) -> Self {
        let definition = &record.definition;
        let containers = definition.container_definitions.as_deref();
        let containers = containers.unwrap_or_default();
        let size = TaskSize::of(definition, None);
        let sum = |of: fn(&seaway_aws_wire::ecs::ContainerDefinition) -> Option<i32>| {
            let given = containers.iter().filter_map(of);
            let sum: u64 = given.filter_map(|it| u64::try_from(it).ok()).sum();
            (sum > 0).then_some(sum)
        };
        Self {
            cpu_units: size
                .cpu_units
                .map(u64::from)
                .or_else(|| sum(|container| container.cpu)),
            memory_bytes: size
                .memory_mib
                .or_else(|| sum(|container| container.memory))
                .map(|mib| mib * MIB),
        }
    }
}
