//! What containers use, as the engine counts it.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerMemoryStats;
use bollard::query_parameters::StatsOptionsBuilder;
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::body;
use super::engine::Engine;
use super::error::EngineError;
use super::shared::Shared;
use crate::host::ContainerPhase;
use crate::memory::Usage;
use crate::process::CpuTime;
use crate::protocol::{ContainerUsage, TaskUsage};
use crate::task::{ContainerName, MemoryLimit, TaskId};

/// How many containers are asked for at once: each costs the engine some reading of files.
const AT_ONCE: usize = 8;
/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The kernel has no word for "no limit": control groups of version 1 say a number like this one
/// or more.
const UNLIMITED: u64 = 1 << 60;
/// Files that nobody has used for a while: what the engine's own command does not count as used.
/// By version of the control groups.
const IDLE_FILES: [&str; 2] = ["total_inactive_file", "inactive_file"];

impl Engine {
    /// What the running containers of all tasks use at the moment. One that the engine tells
    /// nothing of in time is there with nothing known; so an engine that hangs costs a short wait.
    pub async fn usage(&self) -> Result<Vec<TaskUsage>, EngineError> {
        self.check_connection()?;
        let deadline = Instant::now() + PATIENCE;
        let asked = running(&self.shared).into_iter().map(|(task, container)| {
            let shared = &self.shared;
            async move {
                let looked = timeout_at(deadline, look(shared, &task, &container)).await;
                let usage = looked.ok().flatten().unwrap_or_default();
                (task, usage.of(container))
            }
        });
        let answers: Vec<_> = futures::stream::iter(asked)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut tasks: Vec<TaskUsage> = Vec::new();
        for (task, usage) in answers {
            match tasks.last_mut().filter(|last| last.task == task) {
                Some(last) => last.containers.push(usage),
                None => tasks.push(TaskUsage {
                    task,
                    containers: vec![usage],
                }),
            }
        }
        Ok(tasks)
    }
}

/// What a container was seen to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    cpu: Option<CpuTime>,
    bytes: Option<u64>,
    limit: Option<MemoryLimit>,
}

impl Seen {
    fn of(self, container: ContainerName) -> ContainerUsage {
        let Self { cpu, bytes, limit } = self;
        ContainerUsage {
            container,
            memory: Usage { bytes, limit },
            cpu,
        }
    }
}

/// The containers that run, those of a task side by side.
fn running(shared: &Shared) -> Vec<(TaskId, ContainerName)> {
    let tasks = shared.tasks();
    let containers = tasks.iter().flat_map(|(id, handle)| {
        let containers = handle.state.containers.iter();
        let running = containers.filter(|one| one.phase == ContainerPhase::Running);
        running.map(|one| (id.clone(), one.name.clone()))
    });
    containers.collect()
}

/// One look at a container; none where the engine does not say.
async fn look(shared: &Shared, task: &TaskId, container: &ContainerName) -> Option<Seen> {
    let name = body::name(&shared.namespace, task, container.as_str());
    // Without this the engine looks twice, a second apart.
    let options = StatsOptionsBuilder::default()
        .stream(false)
        .one_shot(true)
        .build();
    let mut answers = std::pin::pin!(shared.docker.stats(&name, Some(options)));
    let stats = match answers.next().await? {
        Ok(stats) => stats,
        Err(error) => {
            tracing::debug!(container = name, %error, "nobody knows what it uses");
            return None;
        }
    };
    let nanos = stats.cpu_stats.and_then(|cpu| cpu.cpu_usage?.total_usage);
    let memory = stats.memory_stats.unwrap_or_default();
    let limit = memory.limit.filter(|limit| *limit < UNLIMITED);
    Some(Seen {
        cpu: nanos.map(|nanos| CpuTime(nanos / 1000)),
        bytes: used_bytes(&memory),
        limit: limit.map(MemoryLimit),
    })
}

/// Memory without the files that are only kept because there is room.
fn used_bytes(memory: &ContainerMemoryStats) -> Option<u64> {
    let none = HashMap::new();
    let details = memory.stats.as_ref().unwrap_or(&none);
    let idle = IDLE_FILES.iter().find_map(|name| details.get(*name));
    let all = memory.usage?;
    Some(all.checked_sub(idle.copied().unwrap_or(0)).unwrap_or(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(usage: u64, details: &[(&str, u64)]) -> ContainerMemoryStats {
        let details = details
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        ContainerMemoryStats {
            usage: Some(usage),
            stats: Some(details.collect()),
            ..ContainerMemoryStats::default()
        }
    }

    #[test]
    fn files_that_nobody_uses_are_not_counted_in_either_version() {
        let first = [("total_inactive_file", 30), ("inactive_file", 5)];
        assert_eq!(used_bytes(&memory(100, &first)), Some(70));
        assert_eq!(used_bytes(&memory(100, &[("inactive_file", 40)])), Some(60));
        assert_eq!(used_bytes(&memory(100, &[])), Some(100));
        assert_eq!(used_bytes(&memory(10, &[("inactive_file", 40)])), Some(10));
        assert_eq!(used_bytes(&ContainerMemoryStats::default()), None);
    }
}
