//! Answers what the platform asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::Pid;

use super::container::{Process, Start};
use super::state::{Key, LazyTable, State};
use crate::memory::{MemoryGroup, Usage, resident_bytes};
use crate::process::cpu_time;
use crate::protocol::{ContainerUsage, PROTOCOL, Refusal, Reply, Request, TaskUsage, Welcome};
use crate::task::{StopSignal, TaskId, TaskSpec};

impl State {
    /// Does what is asked. Subscriptions belong to connections and are made there.
    pub(super) fn answer(&mut self, request: Request) -> Reply {
        let result = match request {
            Request::Hello { protocol } => self.welcome(protocol),
            Request::Start { spec } => self.start(&spec),
            Request::Stop {
                task,
                signal,
                timeout_ms,
            } => self.stop_task(&task, signal, timeout_ms),
            Request::List => Ok(Reply::Tasks(
                self.tasks.values().map(|record| record.status()).collect(),
            )),
            Request::Usage { task } => self.usage(&task),
            Request::UsageOfAll => Ok(self.usage_of_all()),
            Request::Forget { task } => self.forget(&task),
            Request::Subscribe { .. } => Err(Refusal::Malformed {
                why: "a connection subscribes once".to_owned(),
            }),
            Request::Shutdown { timeout_ms } => {
                self.shut_down(Duration::from_millis(timeout_ms));
                Ok(Reply::Accepted)
            }
        };
        result.unwrap_or_else(Reply::Refused)
    }

    pub(super) fn shut_down(&mut self, timeout: Duration) {
        self.shutting_down = true;
        self.stop(None, StopSignal::default().signal(), timeout);
    }

    fn welcome(&self, platform: u32) -> Result<Reply, Refusal> {
        if platform != PROTOCOL {
            return Err(Refusal::Protocol {
                supervisor: PROTOCOL,
                platform,
            });
        }
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        Ok(Reply::Welcome(Welcome {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: u32::try_from(Pid::this().as_raw()).unwrap_or_default(),
            memory: self.memory.report().clone(),
            last: self.journal.cursor(),
        }))
    }

    fn start(&mut self, spec: &TaskSpec) -> Result<Reply, Refusal> {
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        if self.tasks.contains_key(&spec.id) {
            return Ok(Reply::Accepted);
        }
        check(spec).map_err(|why| Refusal::InvalidTask {
            task: spec.id.clone(),
            why,
        })?;
        let records = |error: std::io::Error| Refusal::Records {
            why: error.to_string(),
        };
        let record = self.records.create(spec).map_err(records)?;
        let homes: Vec<_> = record.containers.iter().map(|c| c.home.clone()).collect();
        self.tasks.insert(spec.id.clone(), record);

        // First every launcher exists and is on record, then each gets its plan: whatever a
        // killed supervisor leaves behind is known to the next.
        let begun = self.spawn_all(spec, &homes);
        let saved = match self.tasks.get(&spec.id) {
            Some(record) => self.records.save(record).map_err(records),
            None => Ok(()),
        };
        for key in begun {
            let Some(process) = self.processes.get_mut(&key) else {
                continue;
            };
            let proceeded = saved.is_ok() && process.proceed().is_ok();
            if !proceeded {
                // Its end will be noticed and reported like any other.
                tracing::warn!(task = %spec.id, "a launcher did not get its plan");
                process.kill_all(&[]);
            }
        }
        saved.map(|()| Reply::Accepted)
    }

    fn spawn_all(&mut self, spec: &TaskSpec, homes: &[PathBuf]) -> Vec<Key> {
        let mut begun = Vec::new();
        for (container, home) in spec.containers.iter().zip(homes) {
            let start = Start {
                arguments: &self.arguments,
                task: spec,
                container,
                home,
                memory: &self.memory,
                open_files: self.open_files,
            };
            match Process::spawn(&start) {
                Ok(process) => {
                    self.put_on_record(&process);
                    begun.push(self.add_process(process));
                }
                Err(failure) => self.fail(&spec.id, &container.name, failure),
            }
        }
        begun
    }

    fn put_on_record(&mut self, process: &Process) {
        let Some(record) = self.tasks.get_mut(&process.task) else {
            return;
        };
        let entry = record
            .containers
            .iter_mut()
            .find(|entry| entry.name == process.container);
        if let Some(entry) = entry {
            entry.identity = Some(process.identity);
            entry.control_group = match &process.group {
                MemoryGroup::Counted(group) => Some(group.clone()),
                MemoryGroup::Sampled(_) => None,
            };
        }
    }

    fn stop_task(
        &mut self,
        task: &TaskId,
        signal: StopSignal,
        timeout_ms: u64,
    ) -> Result<Reply, Refusal> {
        self.known(task)?;
        self.stop(
            Some(task),
            signal.signal(),
            Duration::from_millis(timeout_ms),
        );
        Ok(Reply::Accepted)
    }

    fn usage(&self, task: &TaskId) -> Result<Reply, Refusal> {
        self.known(task)?;
        let mut table = self.table();
        let of_task = self
            .processes
            .values()
            .filter(|process| process.task == *task);
        let usage = of_task.map(|process| container_usage(process, &mut table));
        Ok(Reply::Usage(usage.collect()))
    }

    fn usage_of_all(&self) -> Reply {
        let mut table = self.table();
        let mut tasks: BTreeMap<&TaskId, Vec<ContainerUsage>> = BTreeMap::new();
        for process in self.processes.values() {
            let usage = container_usage(process, &mut table);
            tasks.entry(&process.task).or_default().push(usage);
        }
        let tasks = tasks.into_iter().map(|(task, containers)| TaskUsage {
            task: task.clone(),
            containers,
        });
        Reply::UsageOfAll(tasks.collect())
    }

    fn table(&self) -> LazyTable {
        let processes = self.processes.values();
        LazyTable::new(processes.map(|process| process.identity.pid).collect())
    }

    fn forget(&mut self, task: &TaskId) -> Result<Reply, Refusal> {
        let busy = self.processes.values().any(|process| process.task == *task);
        if busy || !self.known(task)?.is_final() {
            return Err(Refusal::StillRunning { task: task.clone() });
        }
        self.records
            .remove(task)
            .map_err(|error| Refusal::Records {
                why: error.to_string(),
            })?;
        self.tasks.remove(task);
        Ok(Reply::Accepted)
    }

    fn known(&self, task: &TaskId) -> Result<&crate::record::TaskRecord, Refusal> {
        self.tasks
            .get(task)
            .ok_or_else(|| Refusal::NoSuchTask { task: task.clone() })
    }
}

fn container_usage(process: &Process, table: &mut LazyTable) -> ContainerUsage {
    let members = table.members(process);
    let bytes = match &process.group {
        MemoryGroup::Counted(group) => group.usage(),
        MemoryGroup::Sampled(_) => Some(resident_bytes(&members)),
    };
    ContainerUsage {
        container: process.container.clone(),
        memory: Usage {
            bytes,
            limit: process.limit,
        },
        cpu: Some(cpu_time(&members)),
    }
}

fn check(spec: &TaskSpec) -> Result<(), String> {
    if spec.containers.is_empty() {
        return Err("it has no container".to_owned());
    }
    let mut names = BTreeSet::new();
    let mut paths = vec![&spec.log_dir];
    for container in &spec.containers {
        if !names.insert(&container.name) {
            return Err(format!("two containers are called {}", container.name));
        }
        let Some(root) = container.root.directory() else {
            let name = &container.name;
            return Err(format!("container {name} needs a container engine"));
        };
        paths.push(root);
        paths.extend(container.volumes.iter().map(|volume| &volume.host_path));
    }
    match paths.into_iter().find(|path| !path.is_absolute()) {
        Some(path) => Err(format!("the path {} is not absolute", path.display())),
        None => Ok(()),
    }
}
