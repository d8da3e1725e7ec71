//! Tasks: run, stop, describe.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{DesiredStatus, Millis, NewTask, Request, StandaloneTask, TaskId};

use super::Ecs;
use super::capacity_providers::Capacity;
use super::error::EcsError;
use super::names::{task_arn, task_id};
use super::overrides::check_overrides;
use super::services::task_revision;
use super::tags;
use super::task_view::{Seen, task_view};
use crate::clock::EpochMillis;
use crate::platform::Book;
use crate::platform::capacity::choose;
use crate::platform::records::{Place, RunRecord, StandaloneRecord, StoppedRecord, TaskAbout};
use crate::store::StoreError;

/// Most tasks that one call may start.
const STARTED_AT_ONCE: i32 = 10;
/// Most tasks that one call may describe.
const DESCRIBED_AT_ONCE: usize = 100;

impl Ecs {
    pub(super) fn run_task(
        &self,
        request: wire::RunTaskRequest,
        now: EpochMillis,
    ) -> Result<wire::RunTaskResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?;
        let capacity = Capacity::asked_for(
            &cluster,
            request.launch_type,
            request.capacity_provider_strategy,
        )?;
        let cluster = cluster.name;
        let count = request.count.unwrap_or(1);
        if !(1..=STARTED_AT_ONCE).contains(&count) {
            let text = format!("count must be between 1 and {STARTED_AT_ONCE}.");
            return Err(EcsError::Parameter(text));
        }
        let run = request
            .client_token
            .map(|token| format!("{cluster}/{token}"));
        let definition = self.active_definition(&request.task_definition)?;
        if let Some(overrides) = &request.overrides {
            check_overrides(overrides, &definition).map_err(EcsError::Parameter)?;
        }
        let family = definition.family.clone().unwrap_or_default();
        let about = TaskAbout {
            cluster,
            group: request.group.unwrap_or_else(|| format!("family:{family}")),
            started_by: request.started_by,
            overrides: request.overrides,
            tags: tags::from_wire(request.tags),
            launch_type: capacity.launch_type,
        };
        let strategy = capacity.strategy.unwrap_or_default();
        let started = self.platform.change(|book| {
            if let Some(run) = &run
                && let Some(before) = self.store.read(|view| view.get::<RunRecord>(run))?
            {
                return Ok(before.tasks);
            }
            let (mut started, mut placed) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let new = NewTask {
                    seed: rand::random(),
                    revision: task_revision(&definition),
                    profile: self.platform.profile().scheduler(),
                };
                let capacity = choose(&strategy, &placed);
                placed.extend(capacity.clone());
                let (scheduler, commands) = StandaloneTask::launch(Millis(now.0), new);
                let id = scheduler.id().as_str().to_owned();
                let record = StandaloneRecord {
                    about: about.clone(),
                    scheduler,
                    place: Place {
                        capacity_provider: capacity.clone(),
                        ..Place::default()
                    },
                };
                book.add_standalone(record, commands);
                started.push(id);
            }
            if let Some(run) = run {
                let tasks = started.clone();
                book.add_run(run, RunRecord { at: now, tasks });
            }
            Ok::<_, EcsError>(started)
        })?;
        let mut tasks = Vec::new();
        for id in started {
            if let Some(seen) = self.find(&id)? {
                tasks.push(self.view(&seen)?);
            }
        }
        Ok(wire::RunTaskResponse {
            tasks: Some(tasks),
            failures: Some(vec![]),
        })
    }

    pub(super) fn stop_task(
        &self,
        request: wire::StopTaskRequest,
        now: EpochMillis,
    ) -> Result<wire::StopTaskResponse, EcsError> {
        self.cluster(request.cluster.as_deref())?;
        let id = task_id(&request.task).to_owned();
        let reason = request
            .reason
            .unwrap_or_else(|| "Task stopped by user".into());
        let not_found = || EcsError::Parameter("The referenced task was not found.".into());
        let found = self.find(&id)?.ok_or_else(not_found)?;
        let stopping = found.task.desired == DesiredStatus::Stopped;
        if !stopping {
            self.platform.change(|book| {
                if book.stop_standalone(&id, Millis(now.0), &reason) {
                    return Ok(());
                }
                let key = book.owner_of(&id).ok_or_else(not_found)?;
                let changed = book.change_service(&key, |record| {
                    let request = Request::StopTask {
                        task: TaskId::new(id.as_str()),
                        reason,
                    };
                    let commands = record.scheduler.request(Millis(now.0), request)?;
                    Ok::<_, EcsError>(((), commands))
                });
                changed.unwrap_or_else(|| Err(not_found()))
            })?;
        }
        let found = self.find(&id)?.ok_or_else(not_found)?;
        Ok(wire::StopTaskResponse {
            task: Some(self.view(&found)?),
        })
    }

    pub(super) fn describe_tasks(
        &self,
        request: wire::DescribeTasksRequest,
    ) -> Result<wire::DescribeTasksResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?.name;
        if request.tasks.is_empty() {
            return Err(EcsError::Parameter("Tasks cannot be empty.".into()));
        }
        if request.tasks.len() > DESCRIBED_AT_ONCE {
            let text = format!("Tasks may not have more than {DESCRIBED_AT_ONCE} items.");
            return Err(EcsError::Parameter(text));
        }
        let (mut tasks, mut failures) = (vec![], vec![]);
        for given in request.tasks {
            let id = task_id(&given);
            match self.find(id)?.filter(|seen| seen.about.cluster == cluster) {
                Some(seen) => tasks.push(self.view(&seen)?),
                None => failures.push(super::missing(task_arn(&cluster, id))),
            }
        }
        Ok(wire::DescribeTasksResponse {
            tasks: Some(tasks),
            failures: Some(failures),
        })
    }

    /// A task, alive or stopped.
    pub(super) fn find(&self, id: &str) -> Result<Option<Seen>, EcsError> {
        {
            let book = self.platform.book();
            if let Some(alive) = seen(&book, id) {
                return Ok(Some(alive));
            }
        }
        let stopped = self
            .store
            .read::<_, StoreError>(|view| view.get::<StoppedRecord>(id))?;
        Ok(stopped.map(Seen::from))
    }

    fn view(&self, seen: &Seen) -> Result<wire::Task, EcsError> {
        let definition =
            crate::platform::definitions::find(&self.store, &seen.task.task_definition)?;
        Ok(task_view(seen, definition.map(|record| record.definition)))
    }
}

fn seen(book: &Book, id: &str) -> Option<Seen> {
    if let Some(record) = book.standalone_task(id) {
        return Some(Seen::from(record));
    }
    let record = book.service(&book.owner_of(id)?)?;
    let task = record.scheduler.task(&TaskId::new(id))?;
    Some(Seen::of_service(record, task))
}
