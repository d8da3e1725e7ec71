//! One-off tasks: jobs before a rollout, and commands in a service's revision.

use async_trait::async_trait;
use aws_sdk_ecs::types as sdk;
use seaway_core::desired::DesiredJob;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_ports::{JobHandle, JobState, Jobs, PortError, PortErrorKind, Token};

use crate::connect::{Ecs, Place, Session};
use crate::convert;
use crate::document::NetworkConfiguration;
use crate::error::{During as _, incomplete, invalid};
use crate::names::{job_source, last_part, log_stream};
use crate::tasks::essential;

/// Longest reason that `StopTask` takes.
const REASON_LIMIT: usize = 255;

#[async_trait]
impl Jobs for Ecs {
    async fn start(&self, job: &DesiredJob, token: &Token) -> Result<JobHandle, PortError> {
        let session = &self.session;
        let what = format!("start the job {}", job.name);
        let revision = session
            .register(job.name.as_str(), &job.revision, None)
            .await?;
        let start = Start {
            revision: &revision.0,
            container: job.name.as_str(),
            command: None,
            log_source: job_source(job.name.as_str()),
            network: session.network_of(&job.service, &what).await?,
            token,
        };
        session.start_task(&what, start).await
    }

    async fn find(&self, token: &Token) -> Result<Option<JobHandle>, PortError> {
        let session = &self.session;
        let arns = session.started_by(token).await?;
        let tasks = session.describe_tasks(arns).await?;
        Ok(tasks.first().and_then(found))
    }

    async fn run(
        &self,
        service: &ServiceName,
        command: &[String],
        token: &Token,
    ) -> Result<JobHandle, PortError> {
        let session = &self.session;
        let what = format!("run a command in {service}");
        let described = session.described(service).await?;
        let revision = described.task_definition().unwrap_or_default();
        let definition = session.definition(revision).await?;
        let container = definition.container().unwrap_or(service.as_str());
        let start = Start {
            revision,
            container,
            command: Some(command),
            log_source: service.to_string(),
            network: described.network_configuration().cloned(),
            token,
        };
        session.start_task(&what, start).await
    }

    async fn state(&self, job: &JobHandle) -> Result<JobState, PortError> {
        let described = self.session.describe_tasks(vec![job.task.clone()]).await?;
        let task = described.first().ok_or_else(|| {
            let what = format!("look at the task {}", last_part(&job.task));
            PortError::new(PortErrorKind::NotFound, what, "ECS no longer shows it")
        })?;
        Ok(state(task))
    }

    async fn stop(&self, job: &JobHandle, reason: &str) -> Result<(), PortError> {
        let reason: String = reason.chars().take(REASON_LIMIT).collect();
        let session = &self.session;
        session
            .ecs
            .stop_task()
            .cluster(session.identity.cluster())
            .task(&job.task)
            .reason(reason)
            .send()
            .await
            .during(format!("stop the task {}", last_part(&job.task)))?;
        Ok(())
    }
}

/// A task to be started once.
struct Start<'a> {
    revision: &'a str,
    container: &'a str,
    /// Instead of the revision's own.
    command: Option<&'a [String]>,
    log_source: String,
    network: Option<sdk::NetworkConfiguration>,
    token: &'a Token,
}

impl Session {
    async fn start_task(&self, what: &str, start: Start<'_>) -> Result<JobHandle, PortError> {
        let overriding = |command: &[String]| {
            let container = sdk::ContainerOverride::builder()
                .name(start.container)
                .set_command(Some(command.to_vec()))
                .build();
            sdk::TaskOverride::builder()
                .container_overrides(container)
                .build()
        };
        let answer = self
            .ecs
            .run_task()
            .cluster(self.identity.cluster())
            .task_definition(start.revision)
            .count(1)
            .launch_type(sdk::LaunchType::Fargate)
            .started_by(&start.token.0)
            .client_token(&start.token.0)
            .set_network_configuration(start.network)
            .set_overrides(start.command.map(overriding))
            .send()
            .await
            .during(what)?;
        let Some(arn) = answer.tasks().first().and_then(|task| task.task_arn()) else {
            return Err(refused(what, answer.failures()));
        };
        Ok(JobHandle {
            task: arn.to_owned(),
            log_source: start.log_source,
            log_stream: Some(log_stream(start.container, last_part(arn))),
        })
    }

    /// The network of a job is its service's. On this machine the service need not exist yet, and
    /// there is one network.
    async fn network_of(
        &self,
        service: &ServiceName,
        what: &str,
    ) -> Result<Option<sdk::NetworkConfiguration>, PortError> {
        if self.place == Place::Local {
            let local = convert::network(&NetworkConfiguration::local());
            return local.map(Some).map_err(|error| invalid(what, error));
        }
        let mut described = self.describe(&[service.to_string()]).await;
        match described.remove(service.as_str()) {
            Some(Observed::Known(service)) => Ok(service.network_configuration().cloned()),
            Some(Observed::Unknown(reason)) => {
                Err(PortError::new(PortErrorKind::Unavailable, what, reason))
            }
            Some(Observed::Absent) | None => Err(invalid(
                what,
                format!("its service {service} does not exist, so its network is not known"),
            )
            .with_hint("apply the stack that holds the service")),
        }
    }
}

/// A job's task as [`Jobs::start`] named it: its container bears the job's name.
fn found(task: &sdk::Task) -> Option<JobHandle> {
    let arn = task.task_arn()?;
    let container = essential(task).and_then(sdk::Container::name)?;
    Some(JobHandle {
        task: arn.to_owned(),
        log_source: job_source(container),
        log_stream: Some(log_stream(container, last_part(arn))),
    })
}

/// `RunTask` answers with failures instead of an error when it could place nothing.
fn refused(what: &str, failures: &[sdk::Failure]) -> PortError {
    let Some(failure) = failures.first() else {
        return incomplete(what, "task");
    };
    let words = [failure.reason(), failure.detail()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    PortError::new(PortErrorKind::Conflict, what, words.join(": "))
}

fn state(task: &sdk::Task) -> JobState {
    if task.last_status() != Some("STOPPED") {
        return JobState::Running;
    }
    let container = essential(task);
    let exit_code = container.and_then(sdk::Container::exit_code);
    let ended_itself = matches!(
        task.stop_code(),
        None | Some(sdk::TaskStopCode::EssentialContainerExited)
    );
    if exit_code == Some(0) && ended_itself {
        return JobState::Succeeded;
    }
    let words = [task.stopped_reason(), container.and_then(|c| c.reason())];
    let mut words: Vec<&str> = words
        .into_iter()
        .flatten()
        .filter(|w| !w.is_empty())
        .collect();
    // A container that could not start gives its task's reason again.
    words.dedup();
    JobState::Failed {
        exit_code,
        reason: words.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: &str, code: sdk::TaskStopCode, exit_code: Option<i32>) -> sdk::Task {
        let container = sdk::Container::builder()
            .name("migrate")
            .set_exit_code(exit_code)
            .build();
        sdk::Task::builder()
            .last_status(status)
            .stop_code(code)
            .stopped_reason("why")
            .containers(container)
            .build()
    }

    #[test]
    fn a_reason_that_is_given_twice_is_told_once() {
        let container = sdk::Container::builder().reason("CannotPullContainerError: no");
        let task = sdk::Task::builder()
            .last_status("STOPPED")
            .stopped_reason("CannotPullContainerError: no")
            .containers(container.build())
            .build();
        let expected = JobState::Failed {
            exit_code: None,
            reason: "CannotPullContainerError: no".into(),
        };
        assert_eq!(state(&task), expected);
    }

    #[test]
    fn a_job_succeeds_only_by_ending_itself_with_zero() {
        use sdk::TaskStopCode as Code;
        let failed = |exit_code| JobState::Failed {
            exit_code,
            reason: "why".into(),
        };
        let cases = [
            (
                "RUNNING",
                Code::EssentialContainerExited,
                None,
                JobState::Running,
            ),
            (
                "DEPROVISIONING",
                Code::EssentialContainerExited,
                Some(0),
                JobState::Running,
            ),
            (
                "STOPPED",
                Code::EssentialContainerExited,
                Some(0),
                JobState::Succeeded,
            ),
            (
                "STOPPED",
                Code::EssentialContainerExited,
                Some(1),
                failed(Some(1)),
            ),
            ("STOPPED", Code::UserInitiated, Some(0), failed(Some(0))),
            ("STOPPED", Code::TaskFailedToStart, None, failed(None)),
        ];
        for (status, code, exit_code, expected) in cases {
            let shown = format!("{status} {code} {exit_code:?}");
            assert_eq!(state(&task(status, code, exit_code)), expected, "{shown}");
        }
    }

    #[test]
    fn a_task_that_could_not_be_placed_says_why() {
        let failure = sdk::Failure::builder().reason("RESOURCE:MEMORY").build();
        let error = refused("start the job migrate", &[failure]);
        assert_eq!(
            error.to_string(),
            "could not start the job migrate: RESOURCE:MEMORY"
        );
    }
}
