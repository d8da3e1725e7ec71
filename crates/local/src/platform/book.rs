//! Every service and task that is alive, in memory, and the turns in which they change.
//!
//! A turn hands inputs to schedulers, collects their commands, writes everything that changed in
//! one transaction, and only then gives out the effects. When writing fails the effects stay here
//! and the next turn tries again: nothing is done that is not on record.

mod commands;
mod tasks;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use seaway_scheduler::{Command, Input, Millis, Task, TaskId, TaskReport};

use super::effects::Effect;
use super::pending::{Pending, Row};
use super::ports::Ports;
use super::records::{Place, RunRecord, ServiceKey, ServiceRecord, StandaloneRecord, Tags};
use crate::clock::EpochMillis;
use crate::profile::ProfileName;
use crate::store::{Store, StoreError};

pub(super) use tasks::digests_of;

/// What is alive, by its names.
#[derive(Debug)]
pub struct Book {
    pub(super) services: BTreeMap<ServiceKey, ServiceRecord>,
    pub(super) standalone: BTreeMap<String, StandaloneRecord>,
    owners: HashMap<String, Owner>,
    ports: Ports,
    /// The alarms in `ALARM`, as they were told last; none before the first time since the start.
    in_alarm: Option<Vec<String>>,
    pending: Pending,
    store: Arc<Store>,
}

/// Who a task belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Service(ServiceKey),
    Nobody,
}

impl Book {
    /// What the store remembers.
    pub(super) fn load(store: Arc<Store>, seed: u64) -> Result<Self, StoreError> {
        let (services, standalone) = store.read::<_, StoreError>(|view| {
            let services = view.list::<ServiceRecord>("")?;
            Ok((services, view.list::<StandaloneRecord>("")?))
        })?;
        let mut book = Self {
            services: BTreeMap::new(),
            standalone: BTreeMap::new(),
            owners: HashMap::new(),
            ports: Ports::starting_at(seed),
            in_alarm: None,
            pending: Pending::default(),
            store,
        };
        for (_, record) in services {
            book.own(&record);
            book.services.insert(record.key.clone(), record);
        }
        for (id, record) in standalone {
            book.owners.insert(id.clone(), Owner::Nobody);
            record
                .place
                .ports
                .iter()
                .for_each(|port| book.ports.take(port.host_port));
            book.standalone.insert(id, record);
        }
        Ok(book)
    }

    /// Exchanges the waiting times of every service: they belong to the platform.
    pub(super) fn set_profile(&mut self, profile: ProfileName) {
        for record in self.services.values_mut() {
            record.scheduler.set_profile(profile.scheduler());
        }
    }

    fn own(&mut self, record: &ServiceRecord) {
        for task in record.scheduler.tasks() {
            let owner = Owner::Service(record.key.clone());
            self.owners.insert(task.id.as_str().to_owned(), owner);
        }
        let ports = record.places.values().flat_map(|place| &place.ports);
        ports.for_each(|port| self.ports.take(port.host_port));
    }

    /// A service, by its names; a deleted one stays until another takes its name.
    pub(crate) fn service(&self, key: &ServiceKey) -> Option<&ServiceRecord> {
        self.services.get(key)
    }

    /// The services of a cluster, by name.
    pub(crate) fn services_of<'a>(
        &'a self,
        cluster: &'a str,
    ) -> impl Iterator<Item = &'a ServiceRecord> {
        self.services
            .values()
            .filter(move |record| record.key.cluster == cluster)
    }

    /// Every service, deleted ones included.
    pub(crate) fn services(&self) -> impl Iterator<Item = &ServiceRecord> {
        self.services.values()
    }

    /// The service that a live task belongs to.
    pub(crate) fn owner_of(&self, task: &str) -> Option<ServiceKey> {
        match self.owners.get(task)? {
            Owner::Service(key) => Some(key.clone()),
            Owner::Nobody => None,
        }
    }

    /// A live task that belongs to no service.
    pub(crate) fn standalone_task(&self, id: &str) -> Option<&StandaloneRecord> {
        self.standalone.get(id)
    }

    /// Changes the tags of a task that is not `STOPPED`; false if there is none.
    pub(crate) fn change_task_tags(&mut self, id: &str, change: impl FnOnce(&mut Tags)) -> bool {
        match self.owners.get(id) {
            Some(Owner::Service(key)) => {
                let Some(record) = self.services.get_mut(key) else {
                    return false;
                };
                change(record.task_tags.entry(id.to_owned()).or_default());
                self.pending.services.insert(key.clone());
            }
            Some(Owner::Nobody) => {
                let Some(record) = self.standalone.get_mut(id) else {
                    return false;
                };
                change(&mut record.about.tags);
                self.pending.standalone.insert(id.to_owned());
            }
            None => return false,
        }
        true
    }

    /// Tasks that belong to no service.
    pub(crate) fn standalone(&self) -> impl Iterator<Item = &StandaloneRecord> {
        self.standalone.values()
    }

    /// Every task that is not `STOPPED`.
    pub(super) fn live_tasks(&self) -> impl Iterator<Item = (&Task, &Place)> {
        let of_services = self.services.values().flat_map(|record| {
            let place = |task: &Task| record.places.get(task.id.as_str());
            record
                .scheduler
                .tasks()
                .iter()
                .filter_map(move |task| Some((task, place(task)?)))
        });
        let alone = self
            .standalone
            .values()
            .map(|one| (one.scheduler.task(), &one.place));
        of_services.chain(alone)
    }

    /// The tasks of services that are not `STOPPED`, with whose they are.
    pub(super) fn tasks_of_services(&self) -> impl Iterator<Item = (&str, &ServiceKey)> {
        self.owners.iter().filter_map(|(task, owner)| match owner {
            Owner::Service(key) => Some((task.as_str(), key)),
            Owner::Nobody => None,
        })
    }

    /// Whether a task is not `STOPPED`.
    pub(super) fn is_alive(&self, task: &str) -> bool {
        self.owners.contains_key(task)
    }

    /// Adds a service that was just created.
    pub(crate) fn add_service(&mut self, mut record: ServiceRecord, commands: Vec<Command>) {
        note_alarms(&mut record, self.in_alarm.as_deref());
        let key = record.key.clone();
        self.pending.rows.push(Row::Begun(key.clone()));
        self.services.insert(key.clone(), record);
        self.absorb(&key, commands);
    }

    /// Changes a service's record, and takes in what its scheduler wants.
    pub(crate) fn change_service<T, E>(
        &mut self,
        key: &ServiceKey,
        change: impl FnOnce(&mut ServiceRecord) -> Result<(T, Vec<Command>), E>,
    ) -> Option<Result<T, E>> {
        let record = self.services.get_mut(key)?;
        Some(match change(record) {
            Ok((answer, commands)) => {
                // The scheduler was not asked (tags): its wake-up stays as it is.
                if commands.is_empty() {
                    self.pending.services.insert(key.clone());
                } else {
                    note_alarms(record, self.in_alarm.as_deref());
                    self.absorb(key, commands);
                }
                Ok(answer)
            }
            Err(error) => Err(error),
        })
    }

    /// Adds a task of its own.
    pub(crate) fn add_standalone(&mut self, record: StandaloneRecord, commands: Vec<Command>) {
        let id = record.scheduler.id().as_str().to_owned();
        self.owners.insert(id.clone(), Owner::Nobody);
        self.standalone.insert(id.clone(), record);
        self.absorb_standalone(&id, commands);
    }

    /// Remembers what a `RunTask` started, by cluster and client token.
    pub(crate) fn add_run(&mut self, key: String, run: RunRecord) {
        self.pending.rows.push(Row::Run(key, run));
    }

    /// Forgets services that were deleted before `then`.
    pub(super) fn drop_deleted(&mut self, then: EpochMillis) {
        let old = |record: &ServiceRecord| record.deleted_at.is_some_and(|at| at < then);
        let gone = self.services.extract_if(.., |_, record| old(record));
        for (key, _) in gone {
            self.pending.rows.push(Row::Gone(key));
        }
    }

    /// Stops a task of its own.
    pub(crate) fn stop_standalone(&mut self, id: &str, now: Millis, reason: &str) -> bool {
        let Some(record) = self.standalone.get_mut(id) else {
            return false;
        };
        let commands = record.scheduler.stop(now, reason);
        self.absorb_standalone(id, commands);
        true
    }

    /// Hands an input to whom it concerns. One about a task that is gone is ignored.
    pub(super) fn input(&mut self, now: Millis, input: Input) {
        let id = match &input {
            Input::Task { task, .. } | Input::Target { task, .. } => task.as_str().to_owned(),
            // They concern services: see `tick` and `tell_alarms`.
            Input::Tick | Input::Alarms(_) => return,
        };
        match self.owners.get(&id).cloned() {
            Some(Owner::Service(key)) => {
                if let Input::Task { task, report } = &input {
                    self.fix_images(&key, task, report);
                }
                self.step(now, &key, input);
            }
            Some(Owner::Nobody) => {
                if let Input::Task { report, .. } = input {
                    self.report_standalone(now, &id, report);
                }
            }
            None => {}
        }
    }

    /// Lets time pass for a service.
    pub(super) fn tick(&mut self, now: Millis, key: &ServiceKey) {
        self.step(now, key, Input::Tick);
    }

    /// Tells which alarms are in `ALARM` to every service that watches one that has changed, and
    /// after a start to every one that watches any.
    pub(super) fn tell_alarms(&mut self, now: Millis, in_alarm: &[String]) {
        let before = self.in_alarm.replace(in_alarm.to_vec());
        let changed = |name: &String| match &before {
            Some(before) => before.contains(name) != in_alarm.contains(name),
            None => true,
        };
        let concerned = |record: &&ServiceRecord| {
            let alarms = &record.scheduler.configuration().alarms;
            alarms.enable && alarms.names.iter().any(changed)
        };
        let concerned = self.services.values().filter(concerned);
        let keys: Vec<ServiceKey> = concerned.map(|record| record.key.clone()).collect();
        for key in keys {
            self.step(now, &key, Input::Alarms(in_alarm.to_vec()));
        }
    }

    /// Everything that was under way when the platform ended, to be done again.
    pub(super) fn repeat_outstanding(&mut self, now: Millis) {
        let keys: Vec<ServiceKey> = self.services.keys().cloned().collect();
        for key in keys {
            let Some(record) = self.services.get(&key) else {
                continue;
            };
            let commands = record.scheduler.outstanding();
            self.absorb(&key, commands);
            self.tick(now, &key);
        }
        let ids: Vec<String> = self.standalone.keys().cloned().collect();
        for id in ids {
            let Some(record) = self.standalone.get(&id) else {
                continue;
            };
            let commands = record.scheduler.outstanding();
            self.absorb_standalone(&id, commands);
        }
    }

    /// Ends the turn: writes what changed and gives out what is to be done.
    pub(super) fn commit(&mut self) -> Result<Vec<Effect>, StoreError> {
        let Self {
            pending,
            services,
            standalone,
            store,
            ..
        } = self;
        if !pending.is_clean() {
            store.write::<_, StoreError>(|tx| {
                for key in &pending.services {
                    if let Some(record) = services.get(key) {
                        tx.put(&key.to_string(), record)?;
                    }
                }
                for id in &pending.standalone {
                    if let Some(record) = standalone.get(id) {
                        tx.put(id, record)?;
                    }
                }
                pending.rows.iter().try_for_each(|row| row.write(tx))
            })?;
        }
        Ok(std::mem::take(pending).effects)
    }

    /// The first task of a deployment that has its images fixes the digests of their tags for all
    /// others (ECS-SEMANTICS.md, "Images").
    fn fix_images(&mut self, key: &ServiceKey, task: &TaskId, report: &TaskReport) {
        let TaskReport::PullStopped { images } = report else {
            return;
        };
        let Some(record) = self.services.get_mut(key) else {
            return;
        };
        let deployment = record.scheduler.task(task).and_then(|task| task.deployment);
        let revision = deployment.and_then(|id| record.revisions.get_mut(&id.number()));
        let Some(revision) = revision else { return };
        for image in images {
            let fixed = revision.digests.entry(image.container.clone());
            fixed.or_insert_with(|| image.digest.clone());
        }
    }

    fn step(&mut self, now: Millis, key: &ServiceKey, input: Input) {
        let Some(record) = self.services.get_mut(key) else {
            return;
        };
        let commands = record.scheduler.step(now, input);
        self.absorb(key, commands);
    }

    fn report_standalone(&mut self, now: Millis, id: &str, report: TaskReport) {
        let Some(record) = self.standalone.get_mut(id) else {
            return;
        };
        let commands = record.scheduler.step(now, report);
        self.absorb_standalone(id, commands);
    }
}

/// Tells a service that was changed what rings, if anybody knows.
fn note_alarms(record: &mut ServiceRecord, in_alarm: Option<&[String]>) {
    if let Some(in_alarm) = in_alarm {
        record.scheduler.note_alarms(in_alarm);
    }
}

#[cfg(test)]
pub(super) mod tests;
