//! The tasks of services that are targets.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use seaway_router::TargetId;

/// Begins the router's name of a target that is a task; other targets are named by their address.
const TASK: &str = "task/";

/// Registered tasks by target group.
#[derive(Debug, Default)]
pub(super) struct Tasks(HashMap<String, BTreeMap<String, SocketAddr>>);

impl Tasks {
    /// The tasks of a group with their addresses.
    pub(super) fn of(&self, target_group: &str) -> impl Iterator<Item = (&str, SocketAddr)> {
        let tasks = self.0.get(target_group).into_iter().flatten();
        tasks.map(|(task, address)| (task.as_str(), *address))
    }

    pub(super) fn address(&self, target_group: &str, task: &str) -> Option<SocketAddr> {
        self.0.get(target_group)?.get(task).copied()
    }

    pub(super) fn insert(&mut self, target_group: &str, task: &str, address: SocketAddr) {
        self.0
            .entry(target_group.to_owned())
            .or_default()
            .insert(task.to_owned(), address);
    }

    /// Tells whether it was there.
    pub(super) fn remove(&mut self, target_group: &str, task: &str) -> bool {
        self.0
            .get_mut(target_group)
            .is_some_and(|tasks| tasks.remove(task).is_some())
    }

    /// Removes what has one of `addresses`.
    pub(super) fn remove_addresses(&mut self, target_group: &str, addresses: &[SocketAddr]) {
        if let Some(tasks) = self.0.get_mut(target_group) {
            tasks.retain(|_, address| !addresses.contains(address));
        }
    }

    /// Forgets the groups that `keep` does not want.
    pub(super) fn retain_groups(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|target_group, _| keep(target_group));
    }
}

/// The router's name for a task.
pub(crate) fn target_id(task: &str) -> TargetId {
    TargetId::new(format!("{TASK}{task}"))
}

/// The task that a target is, if it is one.
pub(crate) fn task_of(target: &TargetId) -> Option<&str> {
    target.as_str().strip_prefix(TASK)
}
