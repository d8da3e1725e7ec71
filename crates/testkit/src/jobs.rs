//! One-off tasks and what they write.

use std::time::Duration;

use async_trait::async_trait;
use seaway_core::desired::DesiredJob;
use seaway_core::name::{JobName, ServiceName};
use seaway_core::time::Timestamp;
use seaway_ports::{
    JobHandle, JobState, Jobs, LogCursor, LogLine, LogPage, LogQuery, Logs, PortError,
    PortErrorKind, Token,
};

use crate::audit::Act;
use crate::client::Client;
use crate::fault::JobBehaviour;
use crate::service::passed;
use crate::world::State;

/// A task that was started.
#[derive(Debug, Clone)]
pub(crate) struct JobRun {
    token: String,
    handle: JobHandle,
    behaviour: JobBehaviour,
    began: Timestamp,
    stopped: bool,
}

#[async_trait]
impl Jobs for Client {
    async fn start(&self, job: &DesiredJob, token: &Token) -> Result<JobHandle, PortError> {
        self.call(format!("start {}", job.name), |state| {
            state.audit(self.number, &Act::Job(&job.name));
            let behaviour = state.job_behaviour(&job.name);
            Ok(state.started(&format!("job-{}", job.name), token, behaviour))
        })
        .await
    }

    async fn find(&self, token: &Token) -> Result<Option<JobHandle>, PortError> {
        self.call("find", |state| {
            let run = state.jobs.iter().find(|run| run.token == token.0);
            Ok(run.map(|run| run.handle.clone()))
        })
        .await
    }

    async fn run(
        &self,
        service: &ServiceName,
        command: &[String],
        token: &Token,
    ) -> Result<JobHandle, PortError> {
        let name = command.first().cloned().unwrap_or_default();
        self.call(format!("run {service} {name}"), |state| {
            // A command that a job of that name describes behaves like it.
            let job: Option<JobName> = name.parse().ok();
            let behaviour = job.map(|job| state.job_behaviour(&job)).unwrap_or_default();
            Ok(state.started(service.as_str(), token, behaviour))
        })
        .await
    }

    async fn state(&self, job: &JobHandle) -> Result<JobState, PortError> {
        self.call(format!("state {}", job.task), |state| {
            let now = state.now;
            Ok(state.job(job)?.state(now))
        })
        .await
    }

    async fn stop(&self, job: &JobHandle, _reason: &str) -> Result<(), PortError> {
        self.call(format!("stop {}", job.task), |state| {
            state.job(job)?.stopped = true;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Logs for Client {
    async fn read(
        &self,
        query: &LogQuery,
        cursor: Option<&LogCursor>,
    ) -> Result<LogPage, PortError> {
        self.call("read logs", |state| {
            let source = query.of.first().cloned().unwrap_or_default();
            let stream = query.stream.clone().unwrap_or_default();
            let line = LogLine {
                at: state.now,
                message: format!("{source} writes a line"),
                source,
                task: stream,
            };
            Ok(LogPage {
                lines: cursor.is_none().then_some(line).into_iter().collect(),
                next: LogCursor::default(),
            })
        })
        .await
    }

    async fn tail(&self, of: &str, stream: &str, _lines: usize) -> Result<Vec<String>, PortError> {
        self.call(format!("tail {stream}"), |_| {
            Ok(vec![format!("{of}: last words")])
        })
        .await
    }
}

impl JobRun {
    fn state(&self, now: Timestamp) -> JobState {
        if self.stopped {
            return JobState::Failed {
                exit_code: None,
                reason: "it was stopped".into(),
            };
        }
        let over = |time: Duration| passed(self.began, time, now);
        match self.behaviour {
            JobBehaviour::SucceedsAfter(time) if over(time) => JobState::Succeeded,
            JobBehaviour::FailsAfter(time, code) if over(time) => JobState::Failed {
                exit_code: Some(code),
                reason: "the command failed".into(),
            },
            _ => JobState::Running,
        }
    }
}

impl State {
    fn started(&mut self, source: &str, token: &Token, behaviour: JobBehaviour) -> JobHandle {
        if let Some(run) = self.jobs.iter().find(|run| run.token == token.0) {
            return run.handle.clone();
        }
        let now = self.now;
        let alive = self
            .jobs
            .iter()
            .filter(|run| run.state(now) == JobState::Running);
        if alive.into_iter().any(|run| run.handle.log_source == source) {
            let twice = format!("{source} runs twice at once");
            self.violations.push(twice);
        }
        let task = format!("{source}/{}", self.jobs.len() + 1);
        let handle = JobHandle {
            log_stream: Some(format!("stream/{task}")),
            task,
            log_source: source.to_owned(),
        };
        self.jobs.push(JobRun {
            token: token.0.clone(),
            handle: handle.clone(),
            behaviour,
            began: now,
            stopped: false,
        });
        handle
    }

    fn job(&mut self, handle: &JobHandle) -> Result<&mut JobRun, PortError> {
        let found = self.jobs.iter_mut().find(|run| run.handle == *handle);
        found.ok_or_else(|| {
            let what = format!("find the task {}", handle.task);
            PortError::new(PortErrorKind::NotFound, what, "there is no such task")
        })
    }

    fn job_behaviour(&self, job: &JobName) -> JobBehaviour {
        self.job_behaviours.get(job).copied().unwrap_or_default()
    }
}
