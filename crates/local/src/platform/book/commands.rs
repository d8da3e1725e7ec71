//! What schedulers command, on its way into records and effects.

use std::collections::btree_map::Entry;
use std::time::Duration;

use seaway_scheduler::{Command, ServiceDeployment};

use super::Book;
use crate::clock::EpochMillis;
use crate::platform::effects::Effect;
use crate::platform::pending::{Row, revision_key};
use crate::platform::records::{ArchivedDeployment, ServiceKey};
use crate::store::StoreError;

/// How many of its newest revisions a service has at hand: it is written whole with each change.
pub(super) const REVISIONS_AT_HAND: usize = 8;

impl Book {
    pub(super) fn absorb(&mut self, key: &ServiceKey, commands: Vec<Command>) {
        self.pending.services.insert(key.clone());
        // First: what is launched runs the images of its revision.
        self.sort_revisions(key);
        let mut wake: Option<Duration> = None;
        for command in commands {
            match command {
                Command::WakeAfter(wait) => wake = Some(wait),
                Command::Launch { task, .. } => self.launch(key, &task),
                Command::RegisterTarget {
                    task,
                    target_group,
                    container,
                    port,
                } => {
                    let place = self
                        .services
                        .get(key)
                        .and_then(|r| r.places.get(task.as_str()));
                    // A launched task has a place; without one there is nothing to register.
                    let Some(port) = place.and_then(|p| p.host_port(&container, port)) else {
                        continue;
                    };
                    self.pending.effects.push(Effect::Register {
                        task,
                        target_group,
                        port,
                    });
                }
                Command::DeregisterTarget { task, target_group } => {
                    self.pending
                        .effects
                        .push(Effect::Deregister { task, target_group });
                }
                Command::Stop { task, timeout } => {
                    self.pending.effects.push(Effect::Stop { task, timeout });
                }
                Command::Emit(event) => self.pending.rows.push(Row::Event(key.clone(), event)),
                Command::Retire(task) => self.retire(key, *task),
                Command::Archive(deployment) => self.archive(key, *deployment),
                Command::Deleted => {
                    if let Some(record) = self.services.get_mut(key) {
                        record.deleted_at = Some(EpochMillis::now());
                    }
                }
            }
        }
        self.pending.effects.push(Effect::Wake {
            service: key.clone(),
            after: wake,
        });
    }

    /// Puts old revisions into records of their own, and brings back one that a rollback restored.
    fn sort_revisions(&mut self, key: &ServiceKey) {
        let Some(record) = self.services.get_mut(key) else {
            return;
        };
        let primary = record.scheduler.primary().id.number();
        if let Entry::Vacant(missing) = record.revisions.entry(primary) {
            let kept = self
                .store
                .read::<_, StoreError>(|view| view.get(&revision_key(key, primary)));
            match kept {
                Ok(kept) => kept.map(|revision| missing.insert(revision)),
                Err(error) => {
                    tracing::error!(%error, service = %key, "an old revision cannot be read");
                    None
                }
            };
        }
        let shown: Vec<u64> = record
            .scheduler
            .deployments()
            .map(|d| d.id.number())
            .collect();
        while record.revisions.len() > REVISIONS_AT_HAND.max(shown.len()) {
            let old = record.revisions.iter().filter(|(n, _)| !shown.contains(n));
            let Some(oldest) = old.min_by_key(|(_, one)| one.created_at).map(|(n, _)| *n) else {
                return;
            };
            if let Some(revision) = record.revisions.remove(&oldest) {
                let row = Row::Revision(key.clone(), oldest, Box::new(revision));
                self.pending.rows.push(row);
            }
        }
    }

    pub(super) fn absorb_standalone(&mut self, id: &str, commands: Vec<Command>) {
        self.pending.standalone.insert(id.to_owned());
        for command in commands {
            match command {
                Command::Launch { task, .. } => self.launch_standalone(id, task),
                Command::Stop { task, timeout } => {
                    self.pending.effects.push(Effect::Stop { task, timeout });
                }
                Command::Retire(task) => self.retire_standalone(id, *task),
                _ => {}
            }
        }
    }

    fn archive(&mut self, key: &ServiceKey, deployment: ServiceDeployment) {
        let Some(record) = self.services.get(key) else {
            return;
        };
        let configuration = record.settings.deployment_configuration.clone();
        let archived = Box::new(ArchivedDeployment {
            deployment,
            configuration,
        });
        self.pending.rows.push(Row::Archived(key.clone(), archived));
    }
}
