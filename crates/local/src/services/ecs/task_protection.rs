//! Scale-in protection of tasks.

use std::time::Duration;

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::{DesiredStatus, Millis, Refused, Request, TaskId};

use super::Ecs;
use super::error::EcsError;
use super::names::{task_arn, task_id};
use super::task_view::Seen;
use super::{missing, moment};
use crate::clock::EpochMillis;
use crate::platform::records::ServiceKey;

/// Most tasks that one call may protect.
const PROTECTED_AT_ONCE: usize = 10;
/// Most tasks that one call may ask about.
const DESCRIBED_AT_ONCE: usize = 100;
/// For how long, where a request does not say.
const DEFAULT_MINUTES: i32 = 120;
const LONGEST_MINUTES: i32 = 2_880;

impl Ecs {
    pub(super) fn get_task_protection(
        &self,
        request: wire::GetTaskProtectionRequest,
    ) -> Result<wire::GetTaskProtectionResponse, EcsError> {
        let cluster = self.cluster(Some(&request.cluster))?.name;
        let tasks = request.tasks.unwrap_or_default();
        check_count(&tasks, DESCRIBED_AT_ONCE)?;
        let (mut found, mut failures) = (vec![], vec![]);
        for given in tasks {
            match self.protectable(&cluster, &given)? {
                Ok((seen, _)) => found.push(view(&seen)),
                Err(failure) => failures.push(failure),
            }
        }
        Ok(wire::GetTaskProtectionResponse {
            protected_tasks: Some(found),
            failures: Some(failures),
        })
    }

    pub(super) fn update_task_protection(
        &self,
        request: wire::UpdateTaskProtectionRequest,
        now: EpochMillis,
    ) -> Result<wire::UpdateTaskProtectionResponse, EcsError> {
        let cluster = self.cluster(Some(&request.cluster))?.name;
        check_count(&request.tasks, PROTECTED_AT_ONCE)?;
        let period = match request.protection_enabled {
            true => Some(period(request.expires_in_minutes)?),
            false => None,
        };
        let (mut found, mut failures) = (vec![], vec![]);
        for given in request.tasks {
            let changed = match self.protectable(&cluster, &given)? {
                Ok((seen, key)) => self.protect(&key, &seen, period, now)?,
                Err(failure) => Err(failure),
            };
            match changed {
                Ok(task) => found.push(task),
                Err(failure) => failures.push(failure),
            }
        }
        Ok(wire::UpdateTaskProtectionResponse {
            protected_tasks: Some(found),
            failures: Some(failures),
        })
    }

    /// A task that a service wants, or why protection is nothing for it.
    fn protectable(
        &self,
        cluster: &str,
        given: &str,
    ) -> Result<Result<(Seen, ServiceKey), wire::Failure>, EcsError> {
        let id = task_id(given);
        let arn = task_arn(cluster, id);
        let seen = self.find(id)?.filter(|seen| seen.about.cluster == cluster);
        let Some(seen) = seen else {
            return Ok(Err(missing(arn)));
        };
        let owner = self.platform.book().owner_of(id);
        let wanted = seen.task.desired == DesiredStatus::Running;
        Ok(match owner.filter(|_| wanted) {
            Some(key) => Ok((seen, key)),
            None => {
                let text = "Only running and pending tasks of a service can be protected.";
                Err(failure(arn, "TASK_NOT_VALID", text))
            }
        })
    }

    fn protect(
        &self,
        key: &ServiceKey,
        seen: &Seen,
        period: Option<Duration>,
        now: EpochMillis,
    ) -> Result<Result<wire::ProtectedTask, wire::Failure>, EcsError> {
        let id = &seen.task.id;
        let task = TaskId::new(id.as_str());
        let request = Request::Protect { task, period };
        let changed = self.platform.change(|book| {
            let changed = book.change_service(key, |record| {
                let commands = record.scheduler.request(Millis(now.0), request)?;
                Ok::<_, Refused>(((), commands))
            });
            Ok::<_, EcsError>(changed)
        })?;
        match changed {
            Some(Ok(())) => {}
            Some(Err(Refused::DeploymentBlocked(_))) => {
                let text = "Protected tasks hold up a deployment of the service already.";
                return Ok(Err(failure(seen.arn(), "DEPLOYMENT_BLOCKED", text)));
            }
            Some(Err(Refused::TaskNotFound(_))) | None => return Ok(Err(missing(seen.arn()))),
            Some(Err(refused)) => return Err(refused.into()),
        }
        let now_seen = self.find(id.as_str())?;
        Ok(now_seen
            .map(|seen| view(&seen))
            .ok_or_else(|| missing(seen.arn())))
    }
}

fn check_count(tasks: &[String], most: usize) -> Result<(), EcsError> {
    if tasks.is_empty() {
        return Err(EcsError::Parameter("Tasks cannot be empty.".into()));
    }
    if tasks.len() > most {
        let text = format!("Tasks may not have more than {most} items.");
        return Err(EcsError::Parameter(text));
    }
    Ok(())
}

fn period(minutes: Option<i32>) -> Result<Duration, EcsError> {
    let minutes = minutes.unwrap_or(DEFAULT_MINUTES);
    let valid = (1..=LONGEST_MINUTES).contains(&minutes);
    match u64::try_from(minutes).ok().filter(|_| valid) {
        Some(minutes) => Ok(Duration::from_secs(minutes * 60)),
        None => Err(EcsError::Parameter(format!(
            "expiresInMinutes must be between 1 and {LONGEST_MINUTES}."
        ))),
    }
}

fn view(seen: &Seen) -> wire::ProtectedTask {
    let until = seen.task.protected_until();
    wire::ProtectedTask {
        task_arn: Some(seen.arn()),
        protection_enabled: Some(until.is_some()),
        expiration_date: until.and_then(moment),
    }
}

fn failure(arn: String, reason: &str, detail: &str) -> wire::Failure {
    wire::Failure {
        arn: Some(arn),
        reason: Some(reason.into()),
        detail: Some(detail.into()),
    }
}
