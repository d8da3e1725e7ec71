//! Service deployments: what they show while they last, and how they end.

use seaway_scheduler::{
    CircuitBreaker, Command, Input, MonitorStatus, Profile, Refused, Request, RolloutState,
    Service, ServiceDeploymentId, ServiceDeploymentStatus as Status, ServiceStatus,
};

use crate::world::{Fate, Start, World, all_well, only, service, web};

#[test]
fn a_service_deployment_counts_both_sides() {
    let slow = Fate {
        check_time: 20_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 2), only("new", slow));
    let old = world.service.primary().id;
    world.deploy(web("new"));
    let new = world.service.primary().id;
    assert_eq!(world.status(), Status::Pending);
    world.run(50);
    let record = world.record();
    assert_eq!(record.status, Status::InProgress);
    assert!(record.started_at.is_some());
    let side = |side: &seaway_scheduler::RevisionCounts| {
        (side.revision, side.requested, side.running, side.pending)
    };
    assert_eq!(
        record.sources.iter().map(side).collect::<Vec<_>>(),
        [(old, 2, 2, 0)]
    );
    assert_eq!(side(&record.target), (new, 2, 0, 2));
    world.run(60_000);
    let record = world.record();
    assert_eq!(record.status, Status::Successful);
    assert_eq!(side(&record.target), (new, 2, 2, 0));
    assert_eq!(side(&record.sources[0]), (old, 0, 0, 0));
}

#[test]
fn a_superseded_one_is_stopped_and_neither_failed_nor_rolled_back() {
    let broken = Fate {
        start: Start::Exits(1),
        start_time: 3_000,
        ..Fate::default()
    };
    let mut new = service(web("old"), 1);
    new.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: true,
        ..CircuitBreaker::default()
    };
    let mut world = World::steady(new, only("middle", broken));
    world.deploy(web("middle"));
    let middle = world.service.primary().id;
    let superseded = world.record().id.clone();
    world.run(5_000);
    assert_eq!(world.service.primary().failed_tasks, 1);
    world.deploy(web("new"));
    let record = world
        .service
        .service_deployments()
        .iter()
        .find(|r| r.id == superseded)
        .unwrap();
    assert_eq!(record.status, Status::StopRequested);
    world.run(10_000);
    assert!(world.service.is_steady());
    let record = world
        .archived
        .iter()
        .find(|record| record.id == superseded)
        .unwrap();
    assert_eq!(
        (record.status, record.target.revision),
        (Status::Stopped, middle)
    );
    assert!(record.rollback.is_none() && record.stopped_at.is_some());
    assert_eq!(
        record.circuit_breaker.status,
        MonitorStatus::MonitoringComplete
    );
    assert!(!world.said("deployment failed"));
}

#[test]
fn a_rollback_that_is_superseded_leaves_the_completed_deployment_a_candidate() {
    let bad = Fate {
        passes_checks: false,
        draining: 20_000,
        ..Fate::default()
    };
    let mut new = service(web("old"), 1);
    new.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: true,
        ..CircuitBreaker::default()
    };
    let mut world = World::steady(new, only("bad", bad));
    let old = world.service.primary().id;
    world.deploy(web("bad"));
    world.run_until(60_000, |world| world.status() == Status::RollbackInProgress);
    let superseded = world.record().id.clone();
    world.deploy(web("bad"));
    let state = |d: &seaway_scheduler::Deployment| (d.id == old, d.rollout_state);
    let states: Vec<_> = world.service.deployments().map(state).collect();
    use RolloutState::{Completed, Failed, InProgress};
    assert_eq!(
        states,
        [(false, InProgress), (false, Failed), (true, Completed)]
    );
    world.run(200_000);
    assert_eq!(world.service.primary().id, old);
    assert_eq!(world.status(), Status::RollbackSuccessful);
    let record = world
        .archived
        .iter()
        .find(|record| record.id == superseded)
        .unwrap();
    assert_eq!(record.status, Status::RollbackFailed);
}

#[test]
fn only_the_latest_finished_one_stays_in_the_state() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    for _ in 0..5 {
        world.deploy(web("one"));
        world.run(5_000);
    }
    assert_eq!(world.service.service_deployments().len(), 1);
    assert_eq!(world.archived.len(), 5);
    assert_eq!(world.service.deployments().count(), 1);
}

#[test]
fn a_deleted_service_stops_its_tasks_and_is_inactive() {
    let slow = Fate {
        check_time: 60_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 2), only("new", slow));
    world.deploy(web("new"));
    world.run(1_000);
    world.request(Request::Delete).unwrap();
    assert_eq!(world.service.status(), ServiceStatus::Draining);
    assert_eq!(
        world.request(Request::Delete),
        Err(Refused::ServiceNotActive)
    );
    world.run(5_000);
    assert!(world.deleted);
    assert_eq!(world.service.status(), ServiceStatus::Inactive);
    assert_eq!((world.processes(), world.targets()), (0, 0));
    assert_eq!(world.status(), Status::Stopped);
}

#[test]
fn an_unknown_service_deployment_is_refused_and_nothing_changes() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    let before = world.service.clone();
    let service_deployment = ServiceDeploymentId::new("unknown");
    let refused = world.request(Request::RollBack { service_deployment });
    assert!(matches!(
        refused,
        Err(Refused::ServiceDeploymentNotFound(_))
    ));
    assert_eq!(world.service, before);
}

#[test]
fn documented_transitions_are_the_only_ones() {
    let all = [
        Status::Pending,
        Status::InProgress,
        Status::Successful,
        Status::StopRequested,
        Status::Stopped,
        Status::RollbackRequested,
        Status::RollbackInProgress,
        Status::RollbackSuccessful,
        Status::RollbackFailed,
    ];
    for from in all {
        let ways = all.iter().filter(|to| from.may_become(**to)).count();
        assert_eq!(from.is_final(), ways == 0, "{from:?}");
    }
    assert!(!Status::StopRequested.may_become(Status::Successful));
}

#[test]
fn a_requested_rollback_that_is_superseded_at_once_is_stopped() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    world.deploy(web("middle"));
    world.run(20);
    let service_deployment = world.record().id.clone();
    world
        .request(Request::RollBack {
            service_deployment: service_deployment.clone(),
        })
        .unwrap();
    world.deploy(web("new"));
    world.run(10_000);
    assert!(world.service.is_steady());
    let record = world
        .archived
        .iter()
        .find(|record| record.id == service_deployment)
        .unwrap();
    assert_eq!(record.status, Status::Stopped);
    assert!(record.rollback.is_none());
}

#[test]
fn what_an_older_version_stored_is_read() {
    let world = World::steady(service(web("old"), 1), all_well());
    let mut stored = serde_json::to_value(&world.service).unwrap();
    let newer = [
        ("", "in_alarm"),
        ("/configuration", "alarms"),
        ("/configuration", "bake_time"),
        ("/configuration", "early_success"),
        ("/profile", "bake_time"),
        ("/deployments/0", "baking_since"),
        ("/tasks/0", "protection"),
        ("/service_deployments/0", "alarms"),
    ];
    for (place, name) in newer {
        let object = stored.pointer_mut(place).unwrap().as_object_mut();
        assert!(object.unwrap().remove(name).is_some(), "{place}/{name}");
    }
    let mut read: Service = serde_json::from_value(stored).unwrap();
    read.set_profile(Profile::quick());
    assert!(read.is_steady());
    let commands = read.step(world.now(), Input::Tick);
    let acts = |command: &&Command| !matches!(command, Command::WakeAfter(_));
    assert_eq!(commands.iter().find(acts), None, "nothing is left to do");
}
