//! Deployment alarms, the bake time and early success.

use std::time::Duration;

use seaway_scheduler::{
    AlarmConfiguration, DeploymentStatus, EarlySuccess, Input, MonitorStatus, NewService, Percent,
    RolloutState, ServiceDeploymentStatus as Status, ServiceUpdate, SourceCleanup,
};

use crate::world::{Fate, World, all_well, only, service, web, worker};

const ERRORS: &str = "shop-errors";

/// A service whose deployments are watched for three seconds after they are in place.
fn watched(desired: u32) -> NewService {
    let mut new = service(web("old"), desired);
    new.configuration.alarms = AlarmConfiguration {
        enable: true,
        rollback: true,
        names: vec![ERRORS.into()],
    };
    new.configuration.bake_time = Duration::from_secs(3);
    new
}

fn early(desired: u32, healthy: u32, cleanup: SourceCleanup) -> NewService {
    let mut new = service(web("old"), desired);
    new.configuration.early_success = Some(EarlySuccess {
        healthy: Percent(healthy),
        cleanup,
    });
    new
}

fn alarm(world: &mut World, names: &[&str]) {
    world.step(Input::Alarms(
        names.iter().map(ToString::to_string).collect(),
    ));
}

/// In place: the new tasks are healthy and the old ones gone.
fn in_place(world: &World) -> bool {
    let new = world.service.primary().id;
    let mut tasks = world.service.tasks().iter();
    tasks.all(|task| task.deployment == Some(new) && task.is_healthy())
}

#[test]
fn a_deployment_completes_after_its_bake_time() {
    let mut world = World::steady(watched(1), all_well());
    world.deploy(web("new"));
    world.run_until(10_000, in_place);
    let in_place_at = world.time;
    assert_eq!(world.status(), Status::InProgress);
    let monitor = world.record().alarms.clone();
    assert_eq!(monitor.status, MonitorStatus::Monitoring);
    assert_eq!(monitor.names, [ERRORS]);
    world.run_until(10_000, |world| world.status() == Status::Successful);
    assert_eq!(world.time - in_place_at, 3_000);
    assert_eq!(
        world.record().alarms.status,
        MonitorStatus::MonitoringComplete
    );
    assert!(world.service.is_steady());
}

#[test]
fn a_service_that_names_no_bake_time_is_watched_for_the_platforms() {
    let mut new = watched(1);
    new.configuration.bake_time = Duration::ZERO;
    let bake = u64::try_from(new.profile.bake_time.as_millis()).unwrap();
    let mut world = World::steady(new, all_well());
    world.deploy(web("new"));
    world.run_until(10_000, in_place);
    let in_place_at = world.time;
    world.run_until(20_000, |world| world.status() == Status::Successful);
    assert_eq!(world.time - in_place_at, bake);
}

#[test]
fn an_alarm_while_it_rolls_or_bakes_brings_the_old_revision_back() {
    for waits_for in [|_: &World| true, in_place] {
        let mut world = World::steady(watched(2), all_well());
        let old = world.service.primary().id;
        world.events.clear();
        world.deploy(web("new"));
        let new = world.service.primary().id;
        world.run(60);
        world.run_until(10_000, waits_for);
        alarm(&mut world, &[ERRORS, "somebody-elses"]);
        assert_eq!(world.status(), Status::RollbackInProgress);
        let primary = world.service.primary();
        assert_eq!(primary.id, old);
        let why = format!("ECS deployment alarms: rolling back to deploymentId {old}.");
        assert_eq!(primary.rollout_state_reason, why);
        world.run(30_000);
        assert!(world.service.is_steady());
        let record = world.record();
        assert_eq!(record.status, Status::RollbackSuccessful);
        let reason = "Service deployment rolled back because of one or more active alarms.";
        assert_eq!(record.status_reason.as_deref(), Some(reason));
        assert_eq!(record.alarms.status, MonitorStatus::Triggered);
        assert_eq!(record.alarms.triggered, [ERRORS]);
        for text in [
            format!("(service shop) (deployment {new}) deployment failed: alarm detected."),
            format!("(service shop) rolling back to deployment {old}."),
        ] {
            assert!(world.events.contains(&text), "{text}: {:#?}", world.events);
        }
    }
}

#[test]
fn an_alarm_without_rollback_stops_the_deployment() {
    let mut new = watched(1);
    new.configuration.alarms.rollback = false;
    let mut world = World::steady(new, all_well());
    world.deploy(web("new"));
    world.run(60);
    alarm(&mut world, &[ERRORS]);
    world.run(10);
    assert_eq!(world.status(), Status::Stopped);
    assert_eq!(world.rollout(), RolloutState::Failed);
    let reason = "Service deployment stopped because of one or more active alarms.";
    assert_eq!(world.record().status_reason.as_deref(), Some(reason));
}

#[test]
fn an_alarm_that_was_there_before_is_ignored_for_the_whole_deployment() {
    let mut world = World::steady(watched(1), all_well());
    alarm(&mut world, &[ERRORS]);
    world.deploy(web("new"));
    world.run(60);
    alarm(&mut world, &[]);
    alarm(&mut world, &[ERRORS]);
    world.run(30_000);
    assert_eq!(world.status(), Status::Successful);
    assert_eq!(world.service.primary().revision.task_definition, "new");
    // The next deployment looks at it again.
    alarm(&mut world, &[]);
    world.deploy(web("newer"));
    world.run(60);
    alarm(&mut world, &[ERRORS]);
    assert_eq!(world.status(), Status::RollbackInProgress);
}

#[test]
fn alarms_that_are_not_enabled_end_nothing() {
    let mut new = watched(1);
    new.configuration.alarms.enable = false;
    let mut world = World::steady(new, all_well());
    world.deploy(web("new"));
    world.run(60);
    alarm(&mut world, &[ERRORS]);
    world.run(30_000);
    assert_eq!(world.status(), Status::Successful);
    assert_eq!(world.record().alarms.status, MonitorStatus::Disabled);
}

#[test]
fn a_restart_forgets_neither_alarms_nor_the_bake_time() {
    let mut world = World::steady(watched(1), all_well());
    world.deploy(web("new"));
    world.run_until(10_000, in_place);
    world.run(2_000);
    world.restart();
    world.run(900);
    assert_eq!(world.status(), Status::InProgress);
    world.run(200);
    assert_eq!(world.status(), Status::Successful);
}

#[test]
fn enough_healthy_tasks_are_a_success_and_the_old_ones_go_afterwards() {
    let slow = Fate {
        draining: 20_000,
        ..Fate::default()
    };
    let world = World::steady(early(4, 50, SourceCleanup::Deferred), only("old", slow));
    let mut world = world;
    let old = world.service.primary().id;
    world.deploy(web("new"));
    world.run_until(10_000, |world| world.status() == Status::Successful);
    let healthy = world
        .service
        .tasks()
        .iter()
        .filter(|task| task.deployment != Some(old) && task.is_healthy());
    assert!(healthy.count() >= 2);
    assert_eq!(world.rollout(), RolloutState::Completed);
    assert!(!world.service.is_steady(), "old tasks are left");
    assert!(world.service.deployments().any(|d| d.id == old));
    world.run(60_000);
    assert!(world.service.is_steady());
    assert_eq!(world.running(), ["new"; 4]);
}

#[test]
fn a_blocking_cleanup_waits_for_the_old_tasks_alone() {
    // One of the new tasks never becomes healthy; three of four are enough.
    let fates = Box::new(|definition: &str, nth: u64| Fate {
        passes_checks: definition != "new" || nth != 5,
        ..Fate::default()
    });
    let mut new = early(4, 75, SourceCleanup::Blocking);
    new.configuration.minimum_healthy = Percent(50);
    let mut world = World::steady(new, fates);
    let old = world.service.primary().id;
    world.deploy(web("new"));
    world.run_until(60_000, |world| world.status() == Status::Successful);
    let of_old = |d: &seaway_scheduler::Deployment| d.id == old;
    let mut shown = world.service.deployments();
    assert!(!shown.any(|d| of_old(d) && d.status == DeploymentStatus::Active));
}

#[test]
fn after_an_early_success_there_is_no_way_back() {
    let mut new = early(4, 0, SourceCleanup::Deferred);
    new.configuration.circuit_breaker.enable = true;
    new.configuration.circuit_breaker.rollback = true;
    let bad = Fate {
        passes_checks: false,
        ..Fate::default()
    };
    let mut world = World::steady(new, only("new", bad));
    world.deploy(web("new"));
    let id = world.service.primary().id;
    world.run(60_000);
    assert_eq!(world.status(), Status::Successful);
    assert_eq!(world.service.primary().id, id);
}

#[test]
fn a_bake_time_is_kept_without_any_alarm() {
    let mut new = service(worker("old"), 1);
    new.configuration.bake_time = Duration::from_secs(60);
    let mut world = World::start(new.clone(), all_well(), crate::checker::Checker::new(&new));
    world.run(30_000);
    assert_eq!(world.status(), Status::InProgress);
    let shorter = seaway_scheduler::DeploymentConfiguration {
        bake_time: Duration::ZERO,
        ..new.configuration
    };
    world.update(ServiceUpdate {
        configuration: Some(shorter),
        ..ServiceUpdate::default()
    });
    world.run(10);
    assert_eq!(world.status(), Status::Successful);
}
