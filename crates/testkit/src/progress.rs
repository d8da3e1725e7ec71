//! What a poll sees of a rollout: counts, tasks and the platform's own words.

use std::time::Duration;

use seaway_core::rollout::{
    Counts, PlatformEvent, Progress, StopSeen, TargetSeen, TargetState, TaskSeen,
};
use seaway_core::time::Timestamp;

use crate::fault::Behaviour;
use crate::service::{CHANGE, Rollout, RunningService, Stage, passed};

/// From one failed attempt to the next.
const ATTEMPT: i64 = 1;
/// Stopped tasks that are still shown.
const SHOWN: i64 = 5;

/// One poll of one rollout.
pub(crate) fn progress(service: &RunningService, rollout: &Rollout, now: Timestamp) -> Progress {
    let is_primary = service.primary().id == rollout.id;
    let tasks = if matches!(rollout.stage, Stage::Restoring { .. }) {
        vec![]
    } else {
        tasks(service, rollout, now)
    };
    Progress {
        rollout: rollout.id.clone(),
        state: rollout.stage.seen(),
        reason: (rollout.stage == Stage::Failed).then(|| "the circuit breaker gave up".to_owned()),
        new: if is_primary {
            counts(service, rollout, &tasks, now)
        } else {
            Counts::default()
        },
        old: old(service, rollout),
        events: vec![PlatformEvent {
            id: format!("{} began", rollout.id),
            at: rollout.began,
            message: format!("deployment {} began", rollout.id),
        }],
        tasks,
    }
}

fn counts(
    service: &RunningService,
    rollout: &Rollout,
    tasks: &[TaskSeen],
    now: Timestamp,
) -> Counts {
    let (before, since) = service.counted;
    let settled = passed(since, CHANGE, now);
    let desired = service.desired;
    let up = match rollout.stage {
        Stage::Completed if settled => desired,
        Stage::Completed => before,
        _ => 0,
    };
    let alive = tasks.iter().filter(|task| task.stop.is_none()).count();
    let alive = u32::try_from(alive).unwrap_or(u32::MAX);
    let running = if rollout.stage == Stage::InProgress && !(settled && desired == 0) {
        alive
    } else {
        up
    };
    let failed = tasks.iter().filter(|task| task.stop.is_some()).count();
    Counts {
        desired,
        running,
        pending: if rollout.stage == Stage::InProgress {
            desired.saturating_sub(running)
        } else {
            0
        },
        failed: u32::try_from(failed).unwrap_or(u32::MAX),
    }
}

fn old(service: &RunningService, rollout: &Rollout) -> Counts {
    let serving = rollout.stage == Stage::InProgress && !service.is_first();
    let count = if serving { service.desired } else { 0 };
    Counts {
        desired: 0,
        running: count,
        ..Counts::default()
    }
}

fn tasks(service: &RunningService, rollout: &Rollout, now: Timestamp) -> Vec<TaskSeen> {
    let elapsed = now.as_second().saturating_sub(rollout.began.as_second());
    let attempts = (elapsed / ATTEMPT).clamp(0, SHOWN);
    let stopped = |code: &'static str, reason: &'static str, exit: Option<i32>| -> Vec<TaskSeen> {
        (1..=attempts)
            .map(|attempt| {
                let at = later(rollout.began, attempt);
                let task = format!("{}/{attempt}", rollout.id);
                stopped(task, at, stop(code, reason, exit))
            })
            .collect()
    };
    let refused = |reason: &str| -> Vec<TaskSeen> {
        let up = elapsed >= 1;
        let task = |number| running(rollout, number, up.then(|| unhealthy(reason)));
        let removed = |number| removed(task(number), now);
        match rollout.stage {
            Stage::InProgress => (1..=service.desired).map(task).collect(),
            _ => (1..=service.desired).map(removed).collect(),
        }
    };
    match rollout.behaviour {
        Behaviour::CrashAtStart => stopped(
            "EssentialContainerExited",
            "Essential container in task exited",
            Some(1),
        ),
        Behaviour::ImageMissing => stopped(
            "TaskFailedToStart",
            "CannotPullContainerError: image not found",
            None,
        ),
        Behaviour::SecretMissing => stopped(
            "TaskFailedToStart",
            "ResourceInitializationError: unable to pull secrets",
            None,
        ),
        Behaviour::NeverHealthy => refused("Target.ResponseCodeMismatch"),
        Behaviour::WrongPort => refused("Target.FailedHealthChecks"),
        Behaviour::Healthy
        | Behaviour::Slow(_)
        | Behaviour::Superseded(_)
        | Behaviour::Vanishes(_) => {
            let task = |number| running(rollout, number, None);
            (1..=service.desired)
                .filter(|_| elapsed >= 1)
                .map(task)
                .collect()
        }
    }
}

fn running(rollout: &Rollout, number: u32, target: Option<TargetSeen>) -> TaskSeen {
    TaskSeen {
        id: format!("{}/{number}", rollout.id),
        status: "RUNNING".into(),
        started_at: Some(later(rollout.began, 1)),
        stopped_at: None,
        stop: None,
        target,
        log_stream: None,
    }
}

fn stopped(id: String, at: Timestamp, stop: StopSeen) -> TaskSeen {
    TaskSeen {
        log_stream: Some(format!("stream/{id}")),
        id,
        status: "STOPPED".into(),
        started_at: Some(at),
        stopped_at: Some(at),
        stop: Some(stop),
        target: None,
    }
}

/// A task that the breaker stopped for its checks: its target says no more why.
fn removed(task: TaskSeen, now: Timestamp) -> TaskSeen {
    let reason = "Task failed ELB health checks in (target-group arn:tg)";
    TaskSeen {
        status: "STOPPED".to_owned(),
        stopped_at: Some(now),
        stop: Some(stop("ServiceSchedulerInitiated", reason, Some(143))),
        target: Some(TargetSeen {
            state: TargetState::Draining,
            reason: Some("Target.DeregistrationInProgress".to_owned()),
            description: None,
        }),
        ..task
    }
}

fn stop(code: &str, reason: &str, exit_code: Option<i32>) -> StopSeen {
    StopSeen {
        code: Some(code.to_owned()),
        reason: reason.to_owned(),
        exit_code,
        container_reason: None,
    }
}

fn unhealthy(reason: &str) -> TargetSeen {
    TargetSeen {
        state: TargetState::Unhealthy,
        reason: Some(reason.to_owned()),
        description: None,
    }
}

fn later(since: Timestamp, seconds: i64) -> Timestamp {
    let time = Duration::from_secs(seconds.unsigned_abs());
    since.saturating_add(time).unwrap_or(Timestamp::MAX)
}
