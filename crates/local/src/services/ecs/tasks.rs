//! Tasks: stop, describe.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{DesiredStatus, Millis, Request, TaskId};

use super::Ecs;
use super::error::EcsError;
use super::names::{task_arn, task_id};
use super::task_view::{Seen, task_view};
use crate::clock::EpochMillis;
use crate::platform::Book;
use crate::platform::records::StoppedRecord;
use crate::store::StoreError;

/// Most tasks that one call may describe.
const DESCRIBED_AT_ONCE: usize = 100;

impl Ecs {
    pub(super) fn stop_task(
        &self,
        request: wire::StopTaskRequest,
        now: EpochMillis,
    ) -> Result<wire::StopTaskResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?.name;
        let id = task_id(&request.task).to_owned();
        let reason = request
            .reason
            .unwrap_or_else(|| "Task stopped by user".into());
        let not_found = || EcsError::Parameter("The referenced task was not found.".into());
        let found = self.find(&id)?;
        let found = found.filter(|seen| seen.about.cluster == cluster);
        let found = found.ok_or_else(not_found)?;
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
        let include = request.include.unwrap_or_default();
        let with_tags = include.contains(&wire::TaskField::Tags);
        let (mut tasks, mut failures) = (vec![], vec![]);
        for given in request.tasks {
            let id = task_id(&given);
            match self.find(id)?.filter(|seen| seen.about.cluster == cluster) {
                Some(mut seen) => {
                    if !with_tags {
                        seen.about.tags.clear();
                    }
                    tasks.push(self.view(&seen)?);
                }
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

    /// A task as it is shown.
    pub(super) fn view(&self, seen: &Seen) -> Result<wire::Task, EcsError> {
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
