//! Runs a job to its end, with its log streamed.

use std::time::Duration;

use seaway_core::desired::DesiredJob;
use seaway_core::event::{EventKind, JobEvent, Subject};
use seaway_core::plan::ActionId;
use seaway_ports::{JobHandle, JobState, LogCursor, LogQuery, PortError};

use crate::act::{Making, Prepared};
use crate::persist::persist;
use crate::roll::token;
use crate::session::Session;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the last lines of an ended task may take to arrive.
const LOG_LAG: Duration = Duration::from_millis(300);

/// Runs `job` and waits for it. A repetition with the same record finds the same task.
pub(crate) async fn run_to_end(
    making: &Making,
    action: ActionId,
    job: &DesiredJob,
) -> Result<Prepared, PortError> {
    let session = &making.session;
    let tell = |event| {
        session
            .events
            .emit(Subject::Job(job.name.clone()), EventKind::Job(event))
    };
    let token = token(making.record.release, action, &making.record.nonce);
    let start = || session.ports.jobs.start(job, &token);
    let handle = match persist(&*session.ports.clock, start).await {
        Ok(handle) => handle,
        Err(error) => {
            let reason = error.to_string();
            tell(JobEvent::Failed {
                exit_code: None,
                reason: reason.clone(),
            });
            return Ok(Prepared::Failed(reason));
        }
    };
    tell(JobEvent::Started {
        task: handle.task.clone(),
    });
    let give_up = session.ports.clock.monotonic() + job.timeout.duration();
    let mut log = JobLog::new(session, Subject::Job(job.name.clone()), &handle);
    loop {
        let state = look(session, &handle).await?;
        log.pass_on().await;
        match state {
            JobState::Running => {}
            JobState::Succeeded => {
                log.finish().await;
                tell(JobEvent::Succeeded);
                return Ok(Prepared::Ready);
            }
            JobState::Failed { exit_code, reason } => {
                log.finish().await;
                tell(JobEvent::Failed {
                    exit_code,
                    reason: reason.clone(),
                });
                return Ok(Prepared::Failed(reason));
            }
        }
        if session.ports.clock.monotonic() >= give_up {
            let reason = format!("not done after {}", job.timeout);
            making.verify().await?;
            let stop = || session.ports.jobs.stop(&handle, &reason);
            persist(&*session.ports.clock, stop).await?;
            tell(JobEvent::Failed {
                exit_code: None,
                reason: reason.clone(),
            });
            return Ok(Prepared::Failed(reason));
        }
        tokio::select! {
            () = session.ports.clock.sleep(LOOK_EVERY) => {}
            () = session.interrupt.wait() => return Ok(Prepared::Detached),
        }
    }
}

/// How the job stands; it counts as running while that cannot be found out.
pub(crate) async fn look(session: &Session, handle: &JobHandle) -> Result<JobState, PortError> {
    match session.ports.jobs.state(handle).await {
        Err(error) if error.is_passing() => Ok(JobState::Running),
        state => state,
    }
}

/// The log of one task, passed on as events.
pub(crate) struct JobLog<'a> {
    session: &'a Session,
    subject: Subject,
    query: Option<LogQuery>,
    cursor: Option<LogCursor>,
}

impl<'a> JobLog<'a> {
    pub(crate) fn new(session: &'a Session, subject: Subject, handle: &JobHandle) -> Self {
        let query = handle.log_stream.clone().map(|stream| LogQuery {
            of: vec![handle.log_source.clone()],
            stream: Some(stream),
            since: None,
            filter: None,
            limit: None,
        });
        Self {
            session,
            subject,
            query,
            cursor: None,
        }
    }

    /// New lines. A log that cannot be read does not fail a job.
    pub(crate) async fn pass_on(&mut self) {
        let Some(query) = &self.query else { return };
        match self
            .session
            .ports
            .logs
            .read(query, self.cursor.as_ref())
            .await
        {
            Ok(page) => {
                for line in page.lines {
                    let event = EventKind::Job(JobEvent::Log { line: line.message });
                    self.session.events.emit(self.subject.clone(), event);
                }
                self.cursor = Some(page.next);
            }
            Err(error) => tracing::debug!(%error, "job log"),
        }
    }

    /// The last lines of a task that ended.
    pub(crate) async fn finish(&mut self) {
        self.session.ports.clock.sleep(LOG_LAG).await;
        self.pass_on().await;
    }
}
