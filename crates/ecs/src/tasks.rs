//! Reading tasks: listed per service or per cluster, described a hundred at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types as sdk;
use seaway_core::name::ServiceName;
use seaway_core::rollout::{StopSeen, TargetSeen, TaskSeen};
use seaway_core::time::Timestamp;
use seaway_ports::{PortError, PortErrorKind, Token};

use crate::connect::Session;
use crate::error::During as _;
use crate::names::{last_part, log_stream};
use crate::parallel;

/// `ListTasks` answers, and `DescribeTasks` takes, at most this many.
const AT_ONCE: usize = 100;
/// With more services than this, listing the whole cluster takes fewer calls.
const LISTED_SINGLY: usize = 10;

/// Tasks that have stopped: they never change again and are described once.
#[derive(Debug, Default)]
pub(crate) struct StoppedTasks(Mutex<HashMap<String, sdk::Task>>);

/// Which tasks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those that run or should run.
    Live,
    /// And those that stopped a short while ago.
    LiveAndStopped,
}

impl Wanted {
    fn states(self) -> &'static [sdk::DesiredStatus] {
        match self {
            Self::Live => &[sdk::DesiredStatus::Running],
            Self::LiveAndStopped => &[sdk::DesiredStatus::Running, sdk::DesiredStatus::Stopped],
        }
    }
}

impl Session {
    /// Tasks of `services`, and of others where listing all is cheaper.
    pub(crate) async fn tasks_of(
        &self,
        services: &[&ServiceName],
        wanted: Wanted,
    ) -> Result<Vec<sdk::Task>, PortError> {
        let scopes: Vec<Option<&ServiceName>> = match services.len() {
            0 => return Ok(vec![]),
            1..=LISTED_SINGLY => services.iter().map(|service| Some(*service)).collect(),
            _ => vec![None],
        };
        let mut lists = vec![];
        for scope in scopes {
            for state in wanted.states() {
                lists.push(self.list_tasks(scope, state));
            }
        }
        self.describe_tasks(parallel::joined(lists).await?).await
    }

    async fn list_tasks(
        &self,
        service: Option<&ServiceName>,
        state: &sdk::DesiredStatus,
    ) -> Result<Vec<String>, PortError> {
        let cluster = self.identity.cluster();
        let listed = self
            .ecs
            .list_tasks()
            .cluster(&cluster)
            .set_service_name(service.map(ToString::to_string))
            .desired_status(state.clone())
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<String>, _>>()
            .await
            .during(format!("list the tasks of {cluster}"));
        match listed {
            // The service went away in between.
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(vec![]),
            listed => listed,
        }
    }

    /// One-off tasks of one attempt to start them: its token is their `startedBy`. ECS shows stopped
    /// ones for an hour at least.
    pub(crate) async fn started_by(&self, token: &Token) -> Result<Vec<String>, PortError> {
        let mut arns = vec![];
        for state in [sdk::DesiredStatus::Running, sdk::DesiredStatus::Stopped] {
            let listed = self
                .ecs
                .list_tasks()
                .cluster(self.identity.cluster())
                .started_by(&token.0)
                .desired_status(state)
                .into_paginator()
                .items()
                .send()
                .collect::<Result<Vec<String>, _>>()
                .await
                .during("find the task of a job");
            match listed {
                // No cluster, no tasks.
                Err(error) if error.kind == PortErrorKind::NotFound => {}
                listed => arns.extend(listed?),
            }
        }
        Ok(arns)
    }

    /// Tasks by ARN; those that are gone are left out.
    pub(crate) async fn describe_tasks(
        &self,
        arns: Vec<String>,
    ) -> Result<Vec<sdk::Task>, PortError> {
        let (mut tasks, unknown) = self.stopped.split(arns);
        let chunks = unknown.chunks(AT_ONCE);
        let calls = chunks
            .map(|chunk| self.describe_task_chunk(chunk))
            .collect();
        let described = parallel::joined(calls).await?;
        self.stopped.keep(&described);
        tasks.extend(described);
        tasks.sort_by_key(|task| task.created_at().map(|at| (at.secs(), at.subsec_nanos())));
        Ok(tasks)
    }

    async fn describe_task_chunk(&self, arns: &[String]) -> Result<Vec<sdk::Task>, PortError> {
        let answer = self
            .ecs
            .describe_tasks()
            .cluster(self.identity.cluster())
            .set_tasks(Some(arns.to_vec()))
            .send()
            .await
            .during(format!("describe {} tasks", arns.len()))?;
        Ok(answer.tasks.unwrap_or_default())
    }
}

impl StoppedTasks {
    /// Parts the ARNs into tasks that are known to their end and ARNs still to be described.
    fn split(&self, arns: Vec<String>) -> (Vec<sdk::Task>, Vec<String>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = HashSet::new();
        let mut tasks = vec![];
        let mut unknown = vec![];
        for arn in arns {
            if !seen.insert(arn.clone()) {
                continue;
            }
            match known.get(&arn) {
                Some(task) => tasks.push(task.clone()),
                None => unknown.push(arn),
            }
        }
        (tasks, unknown)
    }

    fn keep(&self, described: &[sdk::Task]) {
        let stopped = described
            .iter()
            .filter(|task| task.last_status() == Some("STOPPED"))
            .filter_map(|task| Some((task.task_arn()?.to_owned(), task.clone())));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(stopped);
    }
}

/// The service a task belongs to.
pub(crate) fn service_of(task: &sdk::Task) -> Option<&str> {
    task.group()?.strip_prefix("service:")
}

/// A task as the engine sees it.
pub(crate) fn seen(task: &sdk::Task, target: Option<TargetSeen>) -> TaskSeen {
    let id = last_part(task.task_arn().unwrap_or_default()).to_owned();
    let container = essential(task);
    let stream = container.and_then(|container| Some(log_stream(container.name()?, &id)));
    TaskSeen {
        status: task.last_status().unwrap_or("UNKNOWN").to_owned(),
        started_at: task.started_at().and_then(timestamp),
        stopped_at: task.stopped_at().and_then(timestamp),
        stop: stop(task, container),
        target,
        log_stream: stream,
        id,
    }
}

/// The container whose end ends the task. Seaway's tasks have one; of several it is the one that
/// ended, badly where there is one.
pub(crate) fn essential(task: &sdk::Task) -> Option<&sdk::Container> {
    let containers = task.containers();
    let failed = |container: &&sdk::Container| container.exit_code().is_some_and(|code| code != 0);
    let ended = |container: &&sdk::Container| container.exit_code().is_some();
    containers
        .iter()
        .find(failed)
        .or_else(|| containers.iter().find(ended))
        .or_else(|| containers.first())
}

fn stop(task: &sdk::Task, container: Option<&sdk::Container>) -> Option<StopSeen> {
    let is_stopping = task.desired_status() == Some("STOPPED") || task.stop_code().is_some();
    let reason = task.stopped_reason();
    if !is_stopping && reason.is_none() {
        return None;
    }
    Some(StopSeen {
        code: task.stop_code().map(|code| code.as_str().to_owned()),
        reason: reason.unwrap_or_default().to_owned(),
        exit_code: container.and_then(sdk::Container::exit_code),
        container_reason: container
            .and_then(sdk::Container::reason)
            .map(str::to_owned),
    })
}

/// A point in time of the SDK's.
pub(crate) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(at.subsec_nanos()).ok()?;
    Timestamp::new(at.secs(), nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, exit_code: Option<i32>) -> sdk::Container {
        sdk::Container::builder()
            .name(name)
            .set_exit_code(exit_code)
            .build()
    }

    #[test]
    fn a_stopped_task_shows_why_and_where_its_log_is() {
        let task = sdk::Task::builder()
            .task_arn("arn:aws:ecs:us-east-1:000000000000:task/shop-local/0123")
            .last_status("STOPPED")
            .desired_status("STOPPED")
            .stop_code(sdk::TaskStopCode::EssentialContainerExited)
            .stopped_reason("Essential container in task exited")
            .containers(container("api", Some(3)))
            .stopped_at(DateTime::from_secs(60))
            .build();
        let seen = seen(&task, None);
        insta::assert_json_snapshot!(seen, @r#"
        {
          "id": "0123",
          "status": "STOPPED",
          "started_at": null,
          "stopped_at": "1970-01-01T00:01:00Z",
          "stop": {
            "code": "EssentialContainerExited",
            "reason": "Essential container in task exited",
            "exit_code": 3,
            "container_reason": null
          },
          "target": null,
          "log_stream": "task/api/0123"
        }
        "#);
    }

    #[test]
    fn a_running_task_has_no_stop() {
        let task = sdk::Task::builder()
            .last_status("RUNNING")
            .desired_status("RUNNING")
            .build();
        assert_eq!(seen(&task, None).stop, None);
    }

    #[test]
    fn of_several_containers_the_one_that_failed_is_shown() {
        let task = sdk::Task::builder()
            .containers(container("proxy", Some(0)))
            .containers(container("api", Some(1)))
            .build();
        let name = essential(&task).and_then(sdk::Container::name);
        assert_eq!(name, Some("api"));
    }

    #[test]
    fn only_tasks_that_have_ended_are_kept() {
        let kept = StoppedTasks::default();
        let task = |arn: &str, status: &str| {
            sdk::Task::builder()
                .task_arn(arn)
                .last_status(status)
                .build()
        };
        kept.keep(&[task("a", "STOPPED"), task("b", "STOPPING")]);
        let (known, unknown) = kept.split(vec!["a".into(), "b".into(), "b".into()]);
        assert_eq!(known.len(), 1);
        assert_eq!(unknown, ["b"]);
    }
}
