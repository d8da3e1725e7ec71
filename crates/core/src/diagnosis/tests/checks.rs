//! Tasks that the load balancer refuses. They started at second 0 and have a grace of 30 s.

use super::*;

const REFUSED: &str = "Target.FailedHealthChecks";
const MISMATCH: &str = "Target.ResponseCodeMismatch";
const TOO_LATE: &str = "Target.Timeout";
/// The same in the words of events.
const REFUSED_WORDS: &str = "Health checks failed";
const MISMATCH_WORDS: &str = "Health checks failed with these codes: [503]";
const TOO_LATE_WORDS: &str = "Request timed out";

fn wrong_port() -> CauseKind {
    CauseKind::WrongPort { port: Some(8000) }
}

fn never_healthy() -> CauseKind {
    CauseKind::NeverHealthy {
        path: Some("/health".into()),
    }
}

fn initial(id: &str) -> TaskSeen {
    with_target(
        running(id),
        TargetState::Initial,
        "Elb.InitialHealthChecking",
    )
}

fn healthy(id: &str) -> TaskSeen {
    with_target(running(id), TargetState::Healthy, "")
}

fn unhealthy(id: &str, reason: &str) -> TaskSeen {
    with_target(running(id), TargetState::Unhealthy, reason)
}

/// Stopped for its checks; its target is on its way out.
fn removed(id: &str) -> TaskSeen {
    let reason = "Task failed ELB health checks in (target-group arn:tg)";
    let task = TaskSeen {
        stopped_at: Some(second(40)),
        ..stopped(id, "ServiceSchedulerInitiated", reason, Some(143))
    };
    with_target(
        task,
        TargetState::Draining,
        "Target.DeregistrationInProgress",
    )
}

/// Stopped because the breaker went back; its target is on its way out.
fn scaled_in(id: &str) -> TaskSeen {
    let mut task = removed(id);
    if let Some(stop) = &mut task.stop {
        stop.reason = "Scaling activity initiated by (deployment ecs-svc/1)".into();
    }
    task
}

fn notice(task: &str, at: i64, reason: &str) -> PlatformEvent {
    PlatformEvent {
        id: format!("{task} {at}"),
        at: second(at),
        message: format!(
            "(service api) (task {task}) (port 8000) is unhealthy in (target-group arn:tg) due to \
             (reason {reason})."
        ),
    }
}

fn kind_of(looks: &Looks) -> Option<CauseKind> {
    looks.with(explain).map(|cause| cause.kind)
}

#[test]
fn an_unhealthy_target_is_excused_during_its_grace() {
    let tasks = vec![unhealthy("a", REFUSED)];
    assert_eq!(kind_at(tasks.clone(), 29), None);
    assert_eq!(kind_at(tasks, 30), Some(wrong_port()));
}

#[test]
fn a_bad_answer_is_another_cause_than_none() {
    for (reason, cause) in [
        (REFUSED, wrong_port()),
        (MISMATCH, never_healthy()),
        (TOO_LATE, never_healthy()),
    ] {
        assert_eq!(kind_at(vec![unhealthy("a", reason)], 31), Some(cause));
    }
}

#[test]
fn a_load_balancer_in_trouble_is_no_evidence() {
    assert_eq!(kind_at(vec![unhealthy("a", "Elb.InternalError")], 31), None);
}

#[test]
fn one_bad_answer_shows_that_something_listens() {
    let tasks = vec![
        unhealthy("a", REFUSED),
        unhealthy("b", MISMATCH),
        unhealthy("c", TOO_LATE),
    ];
    let cause = Looks::none().then(31, tasks).cause().expect("a cause");
    assert_eq!(cause.kind, never_healthy());
    assert_eq!(cause.evidence, MISMATCH);
    assert_eq!(cause.tasks, ["b", "c"]);
}

#[test]
fn a_task_of_which_no_answer_is_known_does_not_hide_that_nothing_listens() {
    let looks = Looks::none()
        .then(31, vec![unhealthy("b", REFUSED), initial("a")])
        .then(41, vec![removed("a"), removed("b")]);
    assert_eq!(kind_of(&looks), Some(wrong_port()));
}

#[test]
fn why_a_task_was_stopped_is_read_before_it_is_judged() {
    // The events of a look are older than its tasks: the refusal of a task that ends in between is
    // told by the next one.
    let stopped = Looks::none()
        .then(31, vec![initial("a")])
        .then(41, vec![removed("a")]);
    assert_eq!(kind_of(&stopped), None);
    let told = Progress {
        events: vec![notice("a", 40, REFUSED_WORDS)],
        ..progress(vec![removed("a")])
    };
    let told = stopped.clone().then_all(42, told);
    assert_eq!(kind_of(&told), Some(wrong_port()));
    // Nothing follows, or nothing came: what is not known remains so.
    let over = Progress {
        state: RolloutState::Failed,
        ..progress(vec![removed("a")])
    };
    let over = Looks::none().then_all(41, over);
    assert_eq!(kind_of(&over), Some(never_healthy()));
    let untold = stopped.then(42, vec![removed("a")]);
    assert_eq!(kind_of(&untold), Some(never_healthy()));
}

#[test]
fn evidence_is_complete_with_the_end_of_the_grace_or_the_refusal_whichever_is_later() {
    let refused = || vec![unhealthy("a", REFUSED)];
    let during_grace = Looks::none()
        .then(10, vec![initial("a")])
        .then(12, refused())
        .then(33, refused());
    assert_eq!(since(&during_grace), Some(30));
    // A check that takes long, or a long interval: the load balancer decides after the grace. It
    // was undecided at 44 and decided at 46: at the earliest, just after 44.
    let after_grace = Looks::none()
        .then(44, vec![initial("a")])
        .then(46, refused())
        .then(48, refused());
    assert_eq!(since(&after_grace), Some(44));
}

#[test]
fn a_look_that_says_nothing_of_the_target_does_not_narrow_the_moment() {
    let looks = Looks::none()
        .then(40, vec![initial("a")])
        .then(42, vec![running("a")])
        .then(44, vec![unhealthy("a", REFUSED)]);
    assert_eq!(since(&looks), Some(40));
}

#[test]
fn a_target_that_is_undecided_after_its_grace_may_still_come_into_service() {
    assert_eq!(kind_at(vec![initial("a")], 60), None);
}

#[test]
fn a_target_that_its_own_check_had_decided_on_is_no_longer_undecided() {
    let undecided = progress(vec![initial("a")]);
    let sightings = Sightings::of_rollout(second(0));
    for (grace, decided, due) in [(30, 42, 42), (60, 42, 60)] {
        let rules = WatchRules {
            grace: Seconds(grace),
            decided: Some(Seconds(decided)),
            ..rules()
        };
        let at = |now| Case {
            progress: &undecided,
            sightings: &sightings,
            rules: &rules,
            began: second(0),
            now: second(now),
        };
        assert_eq!(diagnose(&at(due - 1)), None);
        assert_eq!(super::super::due(&at(due - 1)), Some(second(due)));
        let cause = diagnose(&at(due + 1)).expect("a cause");
        assert_eq!((cause.kind, cause.since), (never_healthy(), second(due)));
    }
}

#[test]
fn the_platform_tells_the_moment_between_two_looks() {
    let told = |at| Progress {
        events: vec![notice("a", at, REFUSED_WORDS)],
        ..progress(vec![unhealthy("a", REFUSED)])
    };
    let before = Looks::none().then(44, vec![initial("a")]);
    assert_eq!(since(&before.clone().then_all(46, told(45))), Some(45));
    // Told later than it was seen.
    let seen = before.then(46, vec![unhealthy("a", REFUSED)]);
    assert_eq!(since(&seen.then_all(50, told(49))), Some(44));
}

#[test]
fn what_was_known_of_a_target_outlives_its_task() {
    for (reason, cause) in [
        (REFUSED, wrong_port()),
        (MISMATCH, never_healthy()),
        (TOO_LATE, never_healthy()),
    ] {
        let refused = ["a", "b", "c"].map(|id| unhealthy(id, reason)).to_vec();
        let gone = vec![removed("a"), scaled_in("b"), scaled_in("c")];
        let looks = Looks::none().then(29, refused).then(31, gone);
        assert_eq!(kind_of(&looks), Some(cause), "{reason}");
        assert_eq!(since(&looks), Some(30), "{reason}");
    }
}

#[test]
fn the_platforms_events_tell_of_targets_that_no_look_saw_refused() {
    for (words, cause) in [
        (REFUSED_WORDS, wrong_port()),
        (MISMATCH_WORDS, never_healthy()),
        (TOO_LATE_WORDS, never_healthy()),
    ] {
        let seen = Progress {
            state: RolloutState::RollingBack,
            events: vec![notice("a", 30, words), notice("b", 31, words)],
            ..progress(vec![scaled_in("a"), scaled_in("b")])
        };
        let looks = Looks::none().then(29, vec![initial("a"), initial("b")]);
        let cause_seen = looks.then_all(33, seen).with(explain).expect("a cause");
        assert_eq!(cause_seen.kind, cause, "{words}");
        assert_eq!(cause_seen.since, second(30), "{words}");
        assert_eq!(cause_seen.evidence, words);
        assert_eq!(cause_seen.tasks, ["a", "b"]);
    }
}

#[test]
fn the_newest_word_of_a_target_counts() {
    let at_first = Looks::none().then(20, vec![unhealthy("a", REFUSED)]);
    let answers_since = Progress {
        events: vec![notice("a", 30, MISMATCH_WORDS)],
        ..progress(vec![removed("a")])
    };
    let by_event = at_first.clone().then_all(32, answers_since);
    assert_eq!(kind_of(&by_event), Some(never_healthy()));
    let by_look = at_first.then(31, vec![unhealthy("a", MISMATCH)]);
    assert_eq!(kind_of(&by_look), Some(never_healthy()));
}

#[test]
fn a_task_of_which_only_its_end_is_known_was_never_healthy() {
    let looks = Looks::none()
        .then(41, vec![removed("a")])
        .then(42, vec![removed("a")]);
    assert_eq!(kind_of(&looks), Some(never_healthy()));
    assert_eq!(since(&looks), Some(40));
}

#[test]
fn a_task_that_was_scaled_in_during_its_grace_shows_nothing() {
    let looks = Looks::none()
        .then(10, vec![unhealthy("a", REFUSED)])
        .then(41, vec![scaled_in("a")]);
    assert_eq!(kind_of(&looks), None);
}

#[test]
fn a_target_that_came_round_is_forgiven() {
    let looks = Looks::none()
        .then(10, vec![unhealthy("a", REFUSED)])
        .then(20, vec![healthy("a")]);
    assert_eq!(kind_of(&looks.clone().then(31, vec![healthy("a")])), None);
    // It was in service: what happens now is for the platform's own rules.
    let again = looks.then(40, vec![unhealthy("a", REFUSED)]);
    assert_eq!(kind_of(&again.clone()), None);
    assert_eq!(kind_of(&again.then(41, vec![removed("a")])), None);
}

#[test]
fn another_revisions_tasks_are_not_this_ones_fault() {
    let seen = Progress {
        events: vec![notice("of-before", 31, MISMATCH_WORDS)],
        ..progress(vec![initial("a")])
    };
    assert_eq!(kind_of(&Looks::none().then_all(33, seen)), None);
}

#[test]
fn the_end_of_the_grace_is_due_for_what_waits_for_the_load_balancer() {
    for (tasks, at, expected) in [
        (vec![initial("a")], 3, Some(30)),
        (vec![unhealthy("a", REFUSED)], 29, Some(30)),
        // Neither decided nor judged by the load balancer, or over: the time-out is all that is left.
        (vec![running("a")], 3, Some(900)),
        (vec![healthy("a")], 3, Some(900)),
        (vec![removed("a")], 3, Some(900)),
        (vec![initial("a")], 30, Some(900)),
        (vec![initial("a")], 900, None),
    ] {
        let due = Looks::none().then(at, tasks.clone()).with(due);
        assert_eq!(due, expected.map(second), "{at} {tasks:?}");
    }
}
