//! A one-off command in a service's current revision.

use std::time::Duration;

use seaway_core::digest::Digest;
use seaway_core::event::{EventKind, JobEvent, Subject};
use seaway_core::name::ServiceName;
use seaway_ports::{JobHandle, JobState, Token};

use crate::error::EngineError;
use crate::jobs::{JobLog, look};
use crate::persist::persist;
use crate::session::Session;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    pub service: ServiceName,
    /// The command and its arguments; empty: the service's own command.
    pub command: Vec<String>,
}

/// Runs the command and follows its log. Interrupting stops the task: nothing else waits for it.
pub async fn run(session: &Session, request: &RunRequest) -> Result<JobState, EngineError> {
    let jobs = &session.ports.jobs;
    let token = token(session);
    let start = || jobs.run(&request.service, &request.command, &token);
    let handle = persist(&*session.ports.clock, start).await?;
    let subject = Subject::Service(request.service.clone());
    let tell = |event| session.events.emit(subject.clone(), EventKind::Job(event));
    tell(JobEvent::Started {
        task: handle.task.clone(),
    });
    let mut log = JobLog::new(session, subject.clone(), &handle);
    let state = loop {
        let state = look(session, &handle).await?;
        log.pass_on().await;
        if state != JobState::Running {
            break state;
        }
        tokio::select! {
            () = session.ports.clock.sleep(LOOK_EVERY) => {}
            () = session.interrupt.wait() => {
                stop(session, &handle).await?;
                return Err(EngineError::Interrupted);
            }
        }
    };
    log.finish().await;
    match &state {
        JobState::Failed { exit_code, reason } => {
            tell(JobEvent::Failed {
                exit_code: *exit_code,
                reason: reason.clone(),
            });
        }
        JobState::Running | JobState::Succeeded => tell(JobEvent::Succeeded),
    }
    Ok(state)
}

async fn stop(session: &Session, handle: &JobHandle) -> Result<(), EngineError> {
    let jobs = &session.ports.jobs;
    let stop = || jobs.stop(handle, "stopped by the person who started it");
    Ok(persist(&*session.ports.clock, stop).await?)
}

fn token(session: &Session) -> Token {
    let seed = format!("run {} {}", session.ports.clock.now(), session.pid);
    Token(Digest::of(seed.as_bytes()).hex()[..32].to_owned())
}
