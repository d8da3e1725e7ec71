//! The circuit breaker and the ways back.

use seaway_scheduler::{
    CircuitBreaker, DeploymentStatus, Exit, MonitorStatus, NewService, Refused, Request, Revision,
    RolloutState, ServiceDeploymentStatus as Status, Threshold, ThresholdKind,
};

use crate::checker::Checker;
use crate::world::{Fate, Start, World, all_well, only, service, web, worker};

const PULL: &str = "CannotPullContainerError: manifest not found";

fn guarded(revision: Revision, desired: u32) -> NewService {
    let mut new = service(revision, desired);
    new.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: true,
        ..CircuitBreaker::default()
    };
    new
}

fn unguarded_way_back(revision: Revision, desired: u32) -> NewService {
    let mut new = guarded(revision, desired);
    new.configuration.circuit_breaker.rollback = false;
    new
}

fn broken() -> Fate {
    Fate {
        start: Start::Fails(PULL),
        ..Fate::default()
    }
}

fn never_healthy() -> Fate {
    Fate {
        passes_checks: false,
        ..Fate::default()
    }
}

#[test]
fn tasks_that_never_run_trip_the_breaker_and_the_old_revision_comes_back() {
    let mut world = World::steady(guarded(web("old"), 1), only("new", broken()));
    let old = world.service.primary().clone();
    world.events.clear();
    world.deploy(web("new"));
    let new = world.service.primary().id;
    world.run(30_000);
    assert!(world.service.is_steady());
    let restored = world.service.primary();
    assert_eq!(
        (restored.id, restored.created_at),
        (old.id, old.created_at),
        "its own id"
    );
    assert!(restored.updated_at > old.updated_at);
    assert_eq!(
        restored.rollout_state_reason,
        format!("ECS deployment {} completed.", old.id)
    );
    let record = world.record();
    assert_eq!(record.status, Status::RollbackSuccessful);
    assert_eq!(record.target.revision, new);
    let reason =
        "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    assert_eq!(record.status_reason.as_deref(), Some(reason));
    let rollback = record.rollback.as_ref().unwrap();
    assert_eq!(
        (rollback.reason.as_str(), rollback.revision),
        (reason, old.id)
    );
    assert_eq!(record.circuit_breaker.status, MonitorStatus::Triggered);
    assert_eq!(
        (
            record.circuit_breaker.failure_count,
            record.circuit_breaker.threshold
        ),
        (3, 3)
    );
    assert!(record.finished_at.is_some());
    for text in [
        format!("(service shop) was unable to place a task. Reason: {PULL}."),
        format!("(service shop) (deployment {new}) deployment failed: tasks failed to start."),
        format!("(service shop) rolling back to deployment {}.", old.id),
    ] {
        assert!(world.events.contains(&text), "{text}: {:#?}", world.events);
    }
}

#[test]
fn a_failed_deployment_is_active_and_failed_while_it_drains() {
    let stays = Fate {
        passes_checks: false,
        draining: 10_000,
        ..Fate::default()
    };
    let mut world = World::steady(guarded(web("old"), 1), only("new", stays));
    let old = world.service.primary().id;
    world.deploy(web("new"));
    world.run_until(30_000, |world| world.status() == Status::RollbackInProgress);
    let shown: Vec<_> = world.service.deployments().collect();
    assert_eq!(
        (shown[0].id, shown[0].rollout_state),
        (old, RolloutState::InProgress)
    );
    assert_eq!(
        shown[0].rollout_state_reason,
        format!("ECS deployment circuit breaker: rolling back to deploymentId {old}.")
    );
    assert_eq!(
        (
            shown[1].status,
            shown[1].rollout_state,
            shown[1].rollout_state_reason.as_str()
        ),
        (
            DeploymentStatus::Active,
            RolloutState::Failed,
            "ECS deployment circuit breaker: tasks failed to start."
        )
    );
    world.run(60_000);
    assert!(world.service.is_steady());
}

#[test]
fn tasks_that_fail_their_checks_trip_the_breaker() {
    let mut world = World::steady(guarded(web("old"), 2), only("new", never_healthy()));
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.status(), Status::RollbackSuccessful);
    assert_eq!(world.running(), ["old"; 2]);
    assert_eq!(world.checker.violations, Vec::<String>::new());
}

#[test]
fn a_checked_task_that_ends_before_it_was_ever_healthy_counts() {
    let dies = Fate {
        crash: Some((20, Exit::Code(1))),
        ..Fate::default()
    };
    let mut world = World::steady(guarded(web("old"), 1), only("new", dies));
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.status(), Status::RollbackSuccessful);
}

#[test]
fn a_worker_that_dies_after_running_does_not_trip_the_breaker() {
    let dies = Fate {
        crash: Some((500, Exit::Code(1))),
        ..Fate::default()
    };
    let mut world = World::steady(guarded(worker("old"), 1), only("new", dies));
    world.deploy(worker("new"));
    world.run(60_000);
    assert_eq!(world.rollout(), RolloutState::InProgress);
    assert_eq!(world.status(), Status::InProgress);
    assert_eq!(world.service.primary().failed_tasks, 0);
    assert!(world.retired.len() > 20, "it is replaced");
    assert!(world.retired.len() < 100, "and not in a tight loop");
    assert!(world.running().contains(&"old"));
}

#[test]
fn fewer_failures_than_the_threshold_do_not_trip_the_breaker() {
    let fates = |definition: &str, nth: u64| match definition {
        "new" if nth <= 3 => broken(),
        _ => Fate::default(),
    };
    let mut world = World::steady(guarded(web("old"), 1), Box::new(fates));
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.status(), Status::Successful);
    assert_eq!(
        world.record().circuit_breaker.status,
        MonitorStatus::MonitoringComplete
    );
}

#[test]
fn each_healthy_task_resets_the_count_unless_configured_otherwise() {
    // Of five tasks, each second launch fails: never three failures without a healthy task.
    let fates = || {
        Box::new(|definition: &str, nth: u64| match definition {
            "new" if nth.is_multiple_of(2) => broken(),
            _ => Fate::default(),
        })
    };
    for (reset, ends) in [
        (true, Status::Successful),
        (false, Status::RollbackSuccessful),
    ] {
        let mut new = guarded(web("old"), 5);
        new.configuration.minimum_healthy.0 = 80;
        new.configuration.maximum.0 = 120;
        new.configuration.circuit_breaker.reset_on_healthy_task = reset;
        let mut world = World::steady(new, fates());
        world.deploy(web("new"));
        world.run(120_000);
        assert_eq!(world.status(), ends, "reset {reset}");
    }
}

#[test]
fn the_threshold_follows_the_latest_desired_count() {
    let mut new = guarded(web("old"), 1);
    let kind = ThresholdKind::UnboundedPercent;
    new.configuration.circuit_breaker.threshold = Threshold { kind, value: 100 };
    let mut world = World::steady(new, only("new", never_healthy()));
    world.scale(8);
    world.run(5_000);
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.record().circuit_breaker.threshold, 8);
    assert_eq!(world.record().circuit_breaker.failure_count, 8);
}

#[test]
fn without_a_breaker_a_bad_deployment_goes_on_for_ever() {
    let mut world = World::steady(service(web("old"), 1), only("new", broken()));
    world.deploy(web("new"));
    world.run(300_000);
    assert_eq!(world.status(), Status::InProgress);
    assert_eq!(
        world.record().circuit_breaker.status,
        MonitorStatus::Disabled
    );
    assert_eq!(world.running(), ["old"]);
    let said = world
        .events
        .iter()
        .filter(|event| event.contains("unable to consistently start"));
    assert_eq!(said.count(), 1, "throttling is announced once");
    assert!(
        (60..120).contains(&world.launches),
        "{} launches",
        world.launches
    );
}

#[test]
fn an_update_ends_throttling() {
    let mut new = service(web("old"), 1);
    new.profile = seaway_scheduler::Profile::aws();
    let mut world = World::start(new.clone(), only("old", broken()), Checker::new(&new));
    world.run(3_600_000);
    let before = world.launches;
    world.run(60_000);
    assert_eq!(world.launches, before, "throttled");
    world.scale(1);
    world.run(1_000);
    assert!(world.launches > before);
}

#[test]
fn without_rollback_a_failed_deployment_stays_and_starts_nothing() {
    let mut world = World::steady(unguarded_way_back(web("old"), 2), only("new", broken()));
    world.deploy(web("new"));
    world.run(30_000);
    let launches = world.launches;
    world.run(300_000);
    assert_eq!(world.launches, launches);
    assert_eq!(world.status(), Status::Stopped);
    assert_eq!(world.rollout(), RolloutState::Failed);
    assert_eq!(world.running(), ["old"; 2], "what served goes on serving");
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_go_back_to() {
    let new = guarded(web("one"), 1);
    let mut world = World::start(new.clone(), only("one", broken()), Checker::new(&new));
    world.run(60_000);
    assert_eq!(world.rollout(), RolloutState::Failed);
    assert_eq!(world.status(), Status::RollbackFailed);
    let reason = "No rollback candidate was found to run the rollback.";
    assert_eq!(world.record().status_reason.as_deref(), Some(reason));
    assert!(world.record().stopped_at.is_some());
    world.scale(0);
    world.run(5_000);
    assert_eq!(world.processes(), 0);
    world.scale(1);
    world.deploy(web("two"));
    world.run(10_000);
    assert!(
        world.service.is_steady(),
        "later deployments are not blocked"
    );
}

#[test]
fn a_candidate_that_has_no_tasks_left_is_restored_all_the_same() {
    let fates = |definition: &str, _| match definition {
        "middle" => Fate {
            flaps: vec![4_000],
            draining: 60_000,
            ..Fate::default()
        },
        "new" => broken(),
        _ => Fate {
            draining: 1,
            ..Fate::default()
        },
    };
    let mut new = guarded(web("old"), 2);
    new.configuration.minimum_healthy.0 = 0;
    new.configuration.maximum.0 = 100;
    let mut world = World::steady(new, Box::new(fates));
    let old = world.service.primary().id;
    world.deploy(web("middle"));
    world.run(150);
    world.deploy(web("new"));
    world.run_until(200_000, |world| {
        world.status() == Status::RollbackInProgress
    });
    assert!(
        world
            .running()
            .iter()
            .all(|definition| *definition != "old")
    );
    world.run(120_000);
    assert_eq!(world.service.primary().id, old);
    assert!(world.service.is_steady());
}

#[test]
fn a_restored_deployment_that_fails_ends_the_rollback() {
    let fates = |definition: &str, nth: u64| match (definition, nth) {
        ("old", 1) => Fate::default(),
        _ => broken(),
    };
    let mut new = guarded(web("old"), 1);
    new.configuration.minimum_healthy.0 = 0;
    new.configuration.maximum.0 = 100;
    let mut world = World::steady(new, Box::new(fates));
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.status(), Status::RollbackFailed);
    assert_eq!(world.rollout(), RolloutState::Failed);
    assert_eq!(world.running(), Vec::<&str>::new());
}

#[test]
fn a_requested_rollback_needs_no_breaker() {
    let slow = Fate {
        check_time: 60_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 2), only("new", slow));
    let old = world.service.primary().id;
    world.deploy(web("new"));
    world.run(2_000);
    let service_deployment = world.record().id.clone();
    let request = Request::RollBack {
        service_deployment: service_deployment.clone(),
    };
    world.request(request.clone()).unwrap();
    assert_eq!(world.status(), Status::RollbackRequested);
    world.run(1);
    assert_eq!(world.status(), Status::RollbackInProgress);
    assert_eq!(
        world.request(request),
        Err(Refused::ServiceDeploymentNotInProgress(service_deployment))
    );
    world.run(10_000);
    assert_eq!(world.status(), Status::RollbackSuccessful);
    assert_eq!(
        (world.service.primary().id, world.running()),
        (old, vec!["old"; 2])
    );
}

#[test]
fn a_requested_rollback_of_a_first_deployment_fails_and_can_be_scaled_to_zero() {
    let new = service(web("one"), 2);
    let slow = Fate {
        check_time: 60_000,
        ..Fate::default()
    };
    let mut world = World::start(new.clone(), only("one", slow), Checker::new(&new));
    world.run(2_000);
    let service_deployment = world.record().id.clone();
    world
        .request(Request::RollBack { service_deployment })
        .unwrap();
    world.run(10);
    assert_eq!(
        (world.status(), world.rollout()),
        (Status::RollbackFailed, RolloutState::Failed)
    );
    world.scale(0);
    world.run(5_000);
    assert_eq!((world.processes(), world.targets()), (0, 0));
}

#[test]
fn a_completed_service_deployment_cannot_be_rolled_back() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    let service_deployment = world.record().id.clone();
    let refused = world.request(Request::RollBack { service_deployment });
    assert!(matches!(
        refused,
        Err(Refused::ServiceDeploymentNotInProgress(_))
    ));
}

#[test]
fn a_restored_deployment_starts_counting_anew() {
    // Three faults of the old revision: two while it came up, one while it comes back.
    let fates = |definition: &str, nth: u64| match (definition, nth) {
        ("old", 1 | 2 | 4) | ("new", _) => broken(),
        _ => Fate::default(),
    };
    let mut new = guarded(web("old"), 1);
    new.configuration.minimum_healthy.0 = 0;
    new.configuration.maximum.0 = 100;
    new.configuration.circuit_breaker.reset_on_healthy_task = false;
    let mut world = World::steady(new, Box::new(fates));
    world.deploy(web("new"));
    world.run(1);
    let service_deployment = world.record().id.clone();
    world
        .request(Request::RollBack { service_deployment })
        .unwrap();
    world.run(60_000);
    assert_eq!(world.launches, 5);
    assert_eq!(world.status(), Status::RollbackSuccessful);
}

#[test]
fn what_a_failed_deployment_has_not_started_stops_at_once() {
    let fates = |definition: &str, nth: u64| match (definition, nth) {
        ("new", 5) => Fate {
            start_time: 600_000,
            ..Fate::default()
        },
        ("new", _) => broken(),
        _ => Fate::default(),
    };
    let mut world = World::steady(unguarded_way_back(web("old"), 4), Box::new(fates));
    world.deploy(web("new"));
    world.run(10_000);
    assert_eq!(
        (world.rollout(), world.status()),
        (RolloutState::Failed, Status::Stopped)
    );
    assert_eq!(world.service.pending_count(), 0);
    assert_eq!(world.service.primary().desired_count, 0);
    assert_eq!(world.processes(), 4);
}

#[test]
fn the_same_reason_is_not_repeated_with_every_attempt() {
    let mut world = World::steady(service(web("old"), 1), only("new", broken()));
    world.deploy(web("new"));
    world.run(300_000);
    let count = |world: &World| world.events.iter().filter(|e| e.contains(PULL)).count();
    assert_eq!(count(&world), 1);
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(count(&world), 2, "an update is another attempt");
    world.run(6 * 3_600_000);
    assert_eq!(count(&world), 3, "after six hours");
}
