//! Which evidence names which cause, and which does not suffice.

mod checks;

use super::*;
use crate::rollout::{
    Counts, PlatformEvent, RolloutId, StopSeen, TargetSeen, TargetState, TaskSeen,
};
use crate::time::Seconds;

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + number).expect("a valid second")
}

fn rules() -> WatchRules {
    WatchRules {
        timeout: Seconds(900),
        grace: Seconds(30),
        decided: None,
        port: Some(8000),
        health_path: Some("/health".into()),
    }
}

fn running(id: &str) -> TaskSeen {
    TaskSeen {
        id: id.into(),
        status: "RUNNING".into(),
        started_at: Some(second(0)),
        stopped_at: None,
        stop: None,
        target: None,
        log_stream: None,
    }
}

fn stopped(id: &str, code: &str, reason: &str, exit_code: Option<i32>) -> TaskSeen {
    TaskSeen {
        status: "STOPPED".into(),
        stopped_at: Some(second(2)),
        stop: Some(StopSeen {
            code: Some(code.into()),
            reason: reason.into(),
            exit_code,
            container_reason: None,
        }),
        ..running(id)
    }
}

fn with_target(task: TaskSeen, state: TargetState, reason: &str) -> TaskSeen {
    let target = TargetSeen {
        state,
        reason: Some(reason.into()),
        description: None,
    };
    TaskSeen {
        target: Some(target),
        ..task
    }
}

fn crashed(id: &str) -> TaskSeen {
    stopped(
        id,
        "EssentialContainerExited",
        "Essential container in task exited",
        Some(1),
    )
}

fn progress(tasks: Vec<TaskSeen>) -> Progress {
    Progress {
        rollout: RolloutId("ecs-svc/1".into()),
        state: RolloutState::InProgress,
        reason: None,
        new: Counts::default(),
        old: Counts::default(),
        events: vec![],
        tasks,
    }
}

/// Looks at a rollout that was asked for at second 0, each at one second.
#[derive(Clone)]
struct Looks {
    sightings: Sightings,
    last: Progress,
    now: Timestamp,
}

impl Looks {
    fn none() -> Self {
        Self {
            sightings: Sightings::of_rollout(second(0)),
            last: progress(vec![]),
            now: second(0),
        }
    }

    fn then(self, at: i64, tasks: Vec<TaskSeen>) -> Self {
        self.then_all(at, progress(tasks))
    }

    fn then_all(mut self, at: i64, progress: Progress) -> Self {
        let now = second(at);
        let look = Look {
            asked: now,
            answered: now,
        };
        self.sightings.take_in(&progress, look);
        Self {
            last: progress,
            now,
            ..self
        }
    }

    fn with<T>(&self, judge: impl FnOnce(&Case<'_>) -> T) -> T {
        judge(&Case {
            progress: &self.last,
            sightings: &self.sightings,
            rules: &rules(),
            began: second(0),
            now: self.now,
        })
    }

    fn cause(&self) -> Option<Cause> {
        self.with(diagnose)
    }
}

fn kind_at(tasks: Vec<TaskSeen>, at: i64) -> Option<CauseKind> {
    Looks::none()
        .then(at, tasks)
        .cause()
        .map(|cause| cause.kind)
}

/// Since when the evidence suffices, in seconds.
fn since(looks: &Looks) -> Option<i64> {
    let cause = looks.cause()?;
    Some(cause.since.as_second() - second(0).as_second())
}

fn kind(tasks: Vec<TaskSeen>) -> Option<CauseKind> {
    kind_at(tasks, 3)
}

#[test]
fn one_missing_image_is_certain() {
    let reason = "CannotPullContainerError: failed to resolve ref r@sha256:1: not found";
    let task = stopped("a", "TaskFailedToStart", reason, None);
    assert_eq!(kind(vec![task]), Some(CauseKind::ImageMissing));
}

#[test]
fn a_registry_that_did_not_answer_in_time_may_answer_the_next_time() {
    let reason = "CannotPullContainerError: pull: i/o timeout";
    assert_eq!(
        kind(vec![stopped("a", "TaskFailedToStart", reason, None)]),
        None
    );
}

#[test]
fn one_missing_secret_is_certain() {
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: gone";
    let task = stopped("a", "TaskFailedToStart", reason, None);
    assert_eq!(kind(vec![task]), Some(CauseKind::SecretMissing));
}

#[test]
fn a_missing_log_group_is_no_missing_secret() {
    let reason = "ResourceInitializationError: failed to validate logger args: create stream has \
                  been retried 1 times: failed to create Cloudwatch log stream: \
                  ResourceNotFoundException: The specified log group does not exist.";
    let task = stopped("a", "TaskFailedToStart", reason, None);
    assert_eq!(kind(vec![task]), Some(CauseKind::LogGroupMissing));
}

#[test]
fn a_command_that_is_not_there_is_certain_in_either_form() {
    let reason = "CannotStartContainerError: command `./nope` not found in the image or in PATH";
    let named = stopped("a", "TaskFailedToStart", reason, None);
    assert_eq!(kind(vec![named]), Some(CauseKind::CommandNotFound));
    let by_shell = stopped(
        "a",
        "EssentialContainerExited",
        "Essential container",
        Some(127),
    );
    assert_eq!(kind(vec![by_shell]), Some(CauseKind::CommandNotFound));
}

#[test]
fn one_crash_may_be_an_accident_and_two_are_not() {
    assert_eq!(kind(vec![crashed("a")]), None);
    let expected = CauseKind::CrashOnStart { exit_code: Some(1) };
    assert_eq!(kind(vec![crashed("a"), crashed("b")]), Some(expected));
}

#[test]
fn crashes_beside_a_task_in_service_are_left_to_the_platform() {
    let healthy = with_target(running("c"), TargetState::Healthy, "");
    assert_eq!(kind(vec![crashed("a"), crashed("b"), healthy]), None);
}

#[test]
fn memory_is_named_before_the_crash_it_causes() {
    let mut killed = crashed("a");
    if let Some(stop) = &mut killed.stop {
        stop.exit_code = Some(137);
        stop.container_reason =
            Some("OutOfMemoryError: Container killed due to memory usage".into());
    }
    assert_eq!(
        kind(vec![killed, crashed("b")]),
        Some(CauseKind::OutOfMemory)
    );
}

#[test]
fn tasks_the_scheduler_stopped_are_no_crashes() {
    let scaled = |id| {
        stopped(
            id,
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by x",
            Some(143),
        )
    };
    assert_eq!(kind(vec![scaled("a"), scaled("b")]), None);
}

#[test]
fn an_event_about_an_image_suffices_where_no_task_is_left() {
    let message = "(service api) was unable to place a task. Reason: CannotPullContainerError: x";
    let event = PlatformEvent {
        id: "1".into(),
        at: second(1),
        message: message.into(),
    };
    let seen = Progress {
        events: vec![event],
        ..progress(vec![])
    };
    let cause = Looks::none().then_all(2, seen).cause().expect("a cause");
    assert_eq!(
        (cause.kind, cause.since),
        (CauseKind::ImageMissing, second(1))
    );
}

#[test]
fn an_event_about_a_registry_that_was_too_slow_is_no_evidence() {
    let message = "(service api) was unable to place a task. Reason: CannotPullContainerError: \
                   pull: i/o timeout.";
    let seen = Progress {
        events: vec![PlatformEvent {
            id: "1".into(),
            at: second(1),
            message: message.into(),
        }],
        ..progress(vec![])
    };
    assert_eq!(Looks::none().then_all(2, seen).cause(), None);
}

#[test]
fn crashes_are_certain_since_the_second_one() {
    let crash = |id, at| TaskSeen {
        stopped_at: Some(second(at)),
        ..crashed(id)
    };
    let three = Looks::none().then(9, vec![crash("a", 2), crash("b", 4), crash("c", 8)]);
    assert_eq!(since(&three), Some(4));
    // Until the last look there was a task in service beside them.
    let healthy = with_target(running("d"), TargetState::Healthy, "");
    let late = Looks::none()
        .then(6, vec![crash("a", 2), crash("b", 4), healthy])
        .then(9, vec![crash("a", 2), crash("b", 4), crash("d", 9)]);
    assert_eq!(since(&late), Some(6));
}

#[test]
fn an_end_is_dated_by_the_look_before_while_the_platform_does_not_date_it() {
    let reason = "CannotPullContainerError: not found";
    let stopping = TaskSeen {
        started_at: None,
        stopped_at: None,
        ..stopped("a", "TaskFailedToStart", reason, None)
    };
    let looks = Looks::none()
        .then(5, vec![])
        .then(7, vec![stopping.clone()]);
    assert_eq!(since(&looks), Some(5));
    // A task counts as stopped only when its network is gone; its reason is known before.
    let gone = TaskSeen {
        stopped_at: Some(second(20)),
        ..stopping
    };
    assert_eq!(since(&looks.then(21, vec![gone])), Some(5));
}

#[test]
fn time_runs_out_at_the_manifests_time_out() {
    assert_eq!(kind_at(vec![], 899), None);
    assert_eq!(kind_at(vec![], 900), Some(CauseKind::TimedOut));
}

#[test]
fn a_rollout_that_ended_is_not_diagnosed_but_can_be_explained() {
    let ended = Progress {
        state: RolloutState::RolledBack { to: None },
        ..progress(vec![crashed("a"), crashed("b")])
    };
    let looks = Looks::none().then_all(3, ended);
    assert_eq!(looks.cause(), None);
    assert!(looks.with(explain).is_some());
    assert_eq!(looks.with(due), None);
}

#[test]
fn the_time_out_is_due_when_nothing_else_is() {
    let looks = Looks::none().then(3, vec![]);
    assert_eq!(looks.with(due), Some(second(900)));
}

#[test]
fn every_cause_has_a_title_and_a_next_step() {
    for kind in [
        CauseKind::ImageMissing,
        CauseKind::SecretMissing,
        CauseKind::LogGroupMissing,
        CauseKind::CommandNotFound,
        CauseKind::CrashOnStart { exit_code: None },
        CauseKind::OutOfMemory,
        CauseKind::WrongPort { port: None },
        CauseKind::NeverHealthy { path: None },
        CauseKind::TimedOut,
    ] {
        let cause = Cause {
            kind,
            evidence: String::new(),
            since: second(0),
            tasks: vec![],
        };
        assert!(
            !cause.title().is_empty() && !cause.hint().is_empty(),
            "{cause:?}"
        );
    }
}
