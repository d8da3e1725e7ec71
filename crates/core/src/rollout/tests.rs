//! What is said of tasks, and which looks end a rollout.

use super::*;
use crate::event::RolloutEnd;
use crate::time::Seconds;

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + number).expect("a valid second")
}

fn stop(code: &str, reason: &str) -> StopSeen {
    StopSeen {
        code: Some(code.into()),
        reason: reason.into(),
        exit_code: None,
        container_reason: None,
    }
}

fn ended(stop: StopSeen) -> TaskSeen {
    TaskSeen {
        id: "a".into(),
        status: "STOPPED".into(),
        started_at: None,
        stopped_at: None,
        stop: Some(stop),
        target: None,
        log_stream: None,
    }
}

fn counts(running: u32, pending: u32) -> Counts {
    Counts {
        running,
        pending,
        ..Counts::default()
    }
}

fn progress(state: RolloutState) -> Progress {
    Progress {
        rollout: RolloutId("ecs-svc/1".into()),
        state,
        reason: Some("words".into()),
        new: counts(1, 1),
        old: counts(1, 0),
        events: vec![],
        tasks: vec![],
    }
}

fn course(progress: &Progress) -> Course<'_> {
    Course {
        progress,
        first: false,
        retreat: Retreat::No,
        retreat_began: None,
        cause: None,
        timeout: Seconds(60),
        now: second(0),
    }
}

fn failed() -> RolloutEnd {
    RolloutEnd::Failed {
        cause: None,
        reason: Some("words".into()),
    }
}

#[test]
fn a_task_that_somebody_stopped_on_purpose_did_not_fail() {
    for (code, reason, failure) in [
        ("ServiceSchedulerInitiated", "Scaling activity", None),
        ("UserInitiated", "Task stopped by user", None),
        (
            "ServiceSchedulerInitiated",
            "Task failed ELB health checks",
            Some("Task failed ELB health checks"),
        ),
        ("EssentialContainerExited", "Exited", Some("Exited")),
    ] {
        let words = ended(stop(code, reason)).failure();
        assert_eq!(words.as_deref(), failure, "{code} {reason}");
    }
}

#[test]
fn a_task_that_ended_is_in_service_no_more_whatever_its_target_still_says() {
    let target = TargetSeen {
        state: TargetState::Healthy,
        reason: None,
        description: None,
    };
    let stopping = TaskSeen {
        target: Some(target),
        ..ended(stop("EssentialContainerExited", "Exited"))
    };
    assert!(!stopping.is_in_service());
    let alive = TaskSeen {
        stop: None,
        ..stopping
    };
    assert!(alive.is_in_service());
}

#[test]
fn a_containers_own_reason_says_more_than_the_tasks() {
    let of_container = |reason: &str| StopSeen {
        exit_code: Some(137),
        container_reason: Some(reason.into()),
        ..stop("EssentialContainerExited", "Exited")
    };
    let killed = of_container("OutOfMemoryError: killed");
    assert_eq!(killed.words(), "OutOfMemoryError: killed (exit code 137)");
    assert_eq!(of_container("").words(), "Exited (exit code 137)");
}

#[test]
fn a_rollout_ends_as_what_it_was() {
    let to = Some(RevisionId("api:1".into()));
    let by = Some(RolloutId("ecs-svc/2".into()));
    for (state, expected) in [
        (RolloutState::InProgress, Next::Follow),
        (RolloutState::RollingBack, Next::Follow),
        (RolloutState::Succeeded, Next::End(RolloutEnd::Succeeded)),
        (
            RolloutState::RolledBack { to: to.clone() },
            Next::End(RolloutEnd::RolledBack {
                to,
                cause: None,
                reason: Some("words".into()),
            }),
        ),
        (
            RolloutState::Superseded { by: by.clone() },
            Next::End(RolloutEnd::Superseded { by }),
        ),
        (RolloutState::Failed, Next::End(failed())),
    ] {
        for retreat in [Retreat::No, Retreat::Asked] {
            let seen = progress(state.clone());
            let course = Course {
                retreat,
                ..course(&seen)
            };
            assert_eq!(next(&course), expected, "{retreat:?}");
        }
    }
}

#[test]
fn a_first_rollout_that_failed_is_given_up() {
    for state in [RolloutState::Failed, RolloutState::RolledBack { to: None }] {
        let seen = progress(state);
        let course = Course {
            first: true,
            ..course(&seen)
        };
        assert_eq!(next(&course), Next::GiveUp);
    }
}

#[test]
fn what_was_given_up_failed_once_nothing_is_left_of_it() {
    // Without tasks a rollout may look like one that succeeded.
    let mut seen = progress(RolloutState::Succeeded);
    let given_up = |retreat, seen: &Progress| {
        next(&Course {
            retreat,
            ..course(seen)
        })
    };
    assert_eq!(given_up(Retreat::GivenUp, &seen), Next::Follow);
    (seen.new, seen.old) = (counts(0, 0), counts(0, 0));
    assert_eq!(given_up(Retreat::GivingUp, &seen), Next::Follow);
    assert_eq!(given_up(Retreat::GivenUp, &seen), Next::End(failed()));
}

#[test]
fn going_back_is_not_waited_for_beyond_the_time_out() {
    let seen = progress(RolloutState::RollingBack);
    let at = |retreat, now| {
        next(&Course {
            retreat,
            retreat_began: Some(second(10)),
            now: second(now),
            ..course(&seen)
        })
    };
    let late = Next::End(RolloutEnd::Failed {
        cause: None,
        reason: Some("it was to go back, and did not within 1m".into()),
    });
    for retreat in [Retreat::Asked, Retreat::GivingUp, Retreat::GivenUp] {
        assert_eq!(at(retreat, 69), Next::Follow, "{retreat:?}");
        assert_eq!(at(retreat, 70), late, "{retreat:?}");
    }
}

#[test]
fn a_count_is_reached_when_so_many_run_and_none_is_on_its_way() {
    let aim = CountAim {
        count: 3,
        began: second(0),
        timeout: Seconds(60),
    };
    let with = |new, old| Progress {
        new,
        old,
        ..progress(RolloutState::InProgress)
    };
    let at = |seen: &Progress, now| counted(seen, &aim, second(now));
    let reached = with(counts(3, 0), counts(0, 0));
    assert_eq!(at(&reached, 0), Some(RolloutEnd::Succeeded));
    let leaving = with(counts(3, 0), counts(0, 1));
    assert_eq!(at(&leaving, 0), None);
    let coming = with(counts(1, 1), counts(1, 0));
    assert_eq!(at(&coming, 59), None);
    let late = RolloutEnd::Failed {
        cause: None,
        reason: Some("2 of 3 tasks run after 1m".into()),
    };
    assert_eq!(at(&coming, 60), Some(late));
    let replaced = progress(RolloutState::Superseded { by: None });
    assert_eq!(at(&replaced, 0), Some(RolloutEnd::Superseded { by: None }));
}
