//! Events as short lines, for assertions that people can read.

use seaway_core::event::{
    BuildEvent, Event, EventKind, InfrastructureEvent, JobEvent, LockEvent, ReleaseEvent,
    RolloutEnd, RolloutEvent, ServiceEvent, Subject,
};
use seaway_core::plan::{Action, Step};

/// Every event that is worth a line.
pub fn lines(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(line).collect()
}

/// One event; builds, counts and the platform's own words are left out.
pub fn line(event: &Event) -> Option<String> {
    let what = match &event.kind {
        EventKind::Release(event) => release(event),
        EventKind::Lock(event) => lock(event),
        EventKind::Build(event) => build(event)?,
        EventKind::Infrastructure(event) => infrastructure(event)?,
        EventKind::Job(event) => job(event),
        EventKind::Rollout(event) => rollout(event)?,
        EventKind::Service(event) => service(event),
    };
    Some(match &event.subject {
        Subject::Release => what,
        Subject::Service(name) => format!("{name}: {what}"),
        Subject::Job(name) => format!("{name}: {what}"),
    })
}

fn release(event: &ReleaseEvent) -> String {
    match event {
        ReleaseEvent::Started { id, plan, .. } => {
            let actions: Vec<String> = plan.actions.iter().map(action).collect();
            format!("{id} starts: {}", actions.join(", "))
        }
        ReleaseEvent::Resumed { id } => format!("{id} goes on"),
        ReleaseEvent::Interrupted => "interrupted".into(),
        ReleaseEvent::Unanswered { .. } => "unanswered".to_owned(),
        ReleaseEvent::Answered => "answered".to_owned(),
        ReleaseEvent::Ended { id, outcome } => format!("{id} {outcome}"),
    }
}

fn action(action: &Action) -> String {
    match &action.step {
        Step::Push { service, .. } => format!("push {service}"),
        Step::Provision { .. } => "provision".into(),
        Step::RunJob { job } => format!("run {}", job.name),
        Step::Roll(roll) => format!("{:?} {}", roll.kind, roll.service.name).to_lowercase(),
        Step::Configure { service, .. } => format!("configure {}", service.name),
        Step::Remove { service } => format!("remove {service}"),
    }
}

fn lock(event: &LockEvent) -> String {
    match event {
        LockEvent::Waiting {
            holder, purpose, ..
        } => format!("waits for {holder}: {purpose}"),
        LockEvent::TakenOver { holder, purpose } => {
            format!("takes the lock over from {holder}: {purpose}")
        }
        LockEvent::Acquired => "has the lock".into(),
    }
}

fn build(event: &BuildEvent) -> Option<String> {
    match event {
        BuildEvent::Started { .. } | BuildEvent::Output { .. } | BuildEvent::Built { .. } => None,
        BuildEvent::Pushed { .. } => Some("pushed".into()),
        BuildEvent::Failed { error } => Some(format!("image failed: {error}")),
    }
}

fn infrastructure(event: &InfrastructureEvent) -> Option<String> {
    match event {
        InfrastructureEvent::Started => None,
        InfrastructureEvent::Ready { changed } => Some(format!("ready: {}", changed.join(", "))),
        InfrastructureEvent::Failed { error } => Some(format!("infrastructure failed: {error}")),
    }
}

fn job(event: &JobEvent) -> String {
    match event {
        JobEvent::Started { task } => format!("started as {task}"),
        JobEvent::Awaited { task, release } => format!("awaits {task} of {release}"),
        JobEvent::Log { line } => format!("| {line}"),
        JobEvent::Succeeded => "succeeded".into(),
        JobEvent::Failed {
            exit_code: Some(code),
            reason,
        } => format!("failed ({code}): {reason}"),
        JobEvent::Failed {
            exit_code: None,
            reason,
        } => format!("failed: {reason}"),
    }
}

fn rollout(event: &RolloutEvent) -> Option<String> {
    Some(match event {
        RolloutEvent::Progress { .. } | RolloutEvent::Platform { .. } => return None,
        RolloutEvent::Started {
            rollout, revision, ..
        } => {
            format!("rolls to {} as {rollout}", revision.short())
        }
        RolloutEvent::TasksFailed { reason, tasks, log } => {
            format!("{} failed: {reason} | {}", tasks.len(), log.join(" | "))
        }
        RolloutEvent::CauseNamed { cause, .. } => format!("cause: {}", cause.title()),
        RolloutEvent::RollbackRequested { why, .. } => format!("goes back: {why}"),
        RolloutEvent::Ended { end } => end_of(end),
    })
}

fn end_of(end: &RolloutEnd) -> String {
    match end {
        RolloutEnd::Succeeded => "succeeded".into(),
        RolloutEnd::RolledBack { to, .. } => {
            let to = to.as_ref().map_or("?", |to| to.short());
            format!("rolled back to {to}")
        }
        RolloutEnd::Superseded { .. } => "superseded".into(),
        RolloutEnd::Failed { .. } => "failed".into(),
    }
}

fn service(event: &ServiceEvent) -> String {
    match event {
        ServiceEvent::Configured => "configured".into(),
        ServiceEvent::Scaled { from, to } => format!("scaled from {from} to {to}"),
        ServiceEvent::GivenUp => "given up".into(),
        ServiceEvent::Removed => "removed".into(),
        ServiceEvent::Failed { error } => format!("failed: {error}"),
    }
}
