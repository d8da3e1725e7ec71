//! The rolling update, row by row: bounds, health, replacement, scaling.

use std::time::Duration;

use seaway_scheduler::{
    DeploymentConfiguration, DeploymentStatus, Exit, HealthStatus, Input, NewService, Percent,
    Profile, Request, RolloutState, ServiceUpdate, TargetGroupArn, TargetHealth, TaskReport,
    TaskStatus,
};

use crate::checker::Checker;
use crate::world::{
    Fate, GROUP, World, all_well, checked, exited, failing, only, service, web, worker,
};

fn bounded(new: NewService, minimum: u32, maximum: u32) -> NewService {
    let configuration = DeploymentConfiguration {
        minimum_healthy: Percent(minimum),
        maximum: Percent(maximum),
        ..new.configuration
    };
    NewService {
        configuration,
        ..new
    }
}

/// Plays a deployment of `new` to its end and gives the extremes of tasks and of healthy tasks.
fn extremes(world: &mut World) -> (usize, usize) {
    let (mut most, mut fewest) = (0, usize::MAX);
    for _ in 0..2_000 {
        world.run(10);
        most = most.max(world.service.tasks().len());
        let healthy = world
            .service
            .tasks()
            .iter()
            .filter(|task| task.is_healthy())
            .count();
        fewest = fewest.min(healthy);
    }
    assert!(world.service.is_steady());
    assert_eq!(world.checker.violations, Vec::<String>::new());
    (most, fewest)
}

#[test]
fn with_100_and_200_percent_all_new_tasks_start_before_an_old_one_stops() {
    let mut world = World::steady(service(web("old"), 3), all_well());
    world.deploy(web("new"));
    assert_eq!(extremes(&mut world), (6, 3));
    assert_eq!(world.running(), ["new"; 3]);
}

#[test]
fn with_50_and_100_percent_old_tasks_make_room_down_to_the_floor() {
    let mut world = World::steady(bounded(service(web("old"), 4), 50, 100), all_well());
    world.deploy(web("new"));
    assert_eq!(extremes(&mut world), (4, 2));
}

#[test]
fn with_100_and_150_percent_the_roll_goes_in_steps() {
    let mut world = World::steady(bounded(service(web("old"), 4), 100, 150), all_well());
    world.deploy(web("new"));
    assert_eq!(extremes(&mut world), (6, 4));
}

#[test]
fn where_there_is_room_no_old_task_stops_early() {
    let mut world = World::steady(bounded(service(web("old"), 4), 50, 200), all_well());
    world.deploy(web("new"));
    assert_eq!(extremes(&mut world), (8, 4));
}

#[test]
fn a_singleton_stops_completely_before_its_successor_starts() {
    let mut world = World::steady(bounded(service(worker("old"), 1), 0, 100), all_well());
    world.deploy(worker("new"));
    assert_eq!(extremes(&mut world), (1, 0));
    let old = &world.retired[0];
    let new = &world.service.tasks()[0];
    assert!(old.stopped_at.unwrap() <= new.created_at);
}

#[test]
fn a_deadlocked_roll_says_so_once_and_does_nothing() {
    let mut world = World::steady(bounded(service(web("old"), 2), 100, 100), all_well());
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.running(), ["old"; 2]);
    assert_eq!(world.rollout(), RolloutState::InProgress);
    let said = world
        .events
        .iter()
        .filter(|event| event.contains("was unable to stop or start"));
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            "(service shop) was unable to stop or start tasks during a deployment because of the \
          service deployment configuration. Update the minimumHealthyPercent or maximumPercent \
          value and try again."
        ]
    );
}

#[test]
fn a_deadlocked_roll_goes_on_once_its_bounds_leave_room() {
    let mut world = World::steady(bounded(service(web("old"), 2), 100, 100), all_well());
    world.deploy(web("new"));
    world.run(5_000);
    let update = ServiceUpdate {
        configuration: Some(DeploymentConfiguration::default()),
        ..ServiceUpdate::default()
    };
    world.update(update);
    world.run(10_000);
    assert!(world.service.is_steady());
    assert_eq!(world.running(), ["new"; 2]);
}

#[test]
fn only_a_revision_makes_a_deployment() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    let before = world.service.primary().id;
    world.update(ServiceUpdate {
        desired_count: Some(3),
        configuration: Some(DeploymentConfiguration::default()),
        revision: None,
    });
    world.run(5_000);
    assert_eq!(world.service.primary().id, before);
    assert_eq!(world.service.running_count(), 3);
    world.deploy(web("old"));
    assert_ne!(world.service.primary().id, before, "forceNewDeployment");
}

#[test]
fn an_update_answers_with_the_new_primary_at_desired_count_0() {
    let mut world = World::steady(service(web("old"), 2), all_well());
    let old = world.service.primary().id;
    world.deploy(web("new"));
    let shown: Vec<_> = world
        .service
        .deployments()
        .map(|d| {
            (
                d.status,
                d.rollout_state,
                d.desired_count,
                d.revision.task_definition.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                DeploymentStatus::Primary,
                RolloutState::InProgress,
                0,
                "new"
            ),
            (DeploymentStatus::Active, RolloutState::Completed, 2, "old"),
        ]
    );
    assert_eq!(world.service.running_of(old), 2);
}

#[test]
fn a_task_without_checks_is_healthy_after_the_platforms_time() {
    for (profile, wait) in [(Profile::aws(), 40_000), (Profile::quick(), 1_000)] {
        let new = NewService {
            profile,
            ..service(worker("one"), 1)
        };
        let checker = Checker::new(&new);
        let mut world = World::start(new, all_well(), checker);
        world.run_until(1_000, |world| world.service.running_count() == 1);
        let started = world.time;
        world.run_until(60_000, |world| world.service.tasks()[0].is_healthy());
        assert_eq!(world.time - started, wait);
        assert!(world.service.is_steady());
    }
}

#[test]
fn a_task_with_both_checks_needs_both() {
    let mut revision = checked("one");
    revision.target_groups = web("one").target_groups;
    let new = service(revision, 1);
    let checker = Checker::new(&new);
    let silent = Fate {
        check_time: 1_000_000,
        ..Fate::default()
    };
    let mut world = World::start(new, only("one", silent), checker);
    world.run(10_000);
    let task = world.service.tasks()[0].id.clone();
    let healthy = HealthStatus::Healthy;
    let report = TaskReport::ContainerHealth {
        container: "main".into(),
        health: healthy,
    };
    world.report(&task, report);
    assert!(!world.service.tasks()[0].is_healthy());
    let target_group = TargetGroupArn::new(GROUP);
    world.step(Input::Target {
        task,
        target_group,
        health: TargetHealth::Healthy,
    });
    assert!(world.service.tasks()[0].is_healthy());
}

#[test]
fn an_unhealthy_task_stops_once_its_replacement_is_healthy() {
    let mut world = World::steady(service(web("one"), 2), all_well());
    let bad = world.service.tasks()[0].id.clone();
    let target_group = TargetGroupArn::new(GROUP);
    world.step(Input::Target {
        task: bad.clone(),
        target_group,
        health: failing(),
    });
    assert_eq!(world.service.tasks().len(), 3);
    let old = world.service.task(&bad).unwrap();
    assert_eq!(
        old.status,
        TaskStatus::Running,
        "the replacement starts first"
    );
    world.run(5_000);
    assert!(world.service.task(&bad).is_none());
    assert!(world.service.is_steady());
    assert_eq!(
        world.retired[0].stopped_reason.as_deref(),
        Some("Task failed ELB health checks in (target-group arn:tg/web)")
    );
    assert!(world.said("Amazon ECS replaced 1 tasks due to an unhealthy status."));
    let port = format!(
        "(service shop) (task {bad}) (port 8000) is unhealthy in (target-group arn:tg/web) due to \
         (reason Health checks failed with these codes: [503])."
    );
    assert!(world.events.contains(&port), "{:#?}", world.events);
}

#[test]
fn an_unhealthy_container_is_replaced_by_its_own_name() {
    let mut world = World::steady(service(checked("one"), 1), all_well());
    let bad = world.service.tasks()[0].id.clone();
    let health = HealthStatus::Unhealthy;
    world.report(
        &bad,
        TaskReport::ContainerHealth {
            container: "main".into(),
            health,
        },
    );
    world.run(5_000);
    let reason = world.retired[0].stopped_reason.as_deref();
    assert_eq!(reason, Some("Task failed container health checks"));
    assert!(world.events.contains(&format!(
        "(service shop) (task {bad}) failed container health checks."
    )));
}

#[test]
fn at_the_ceiling_unhealthy_tasks_stop_one_by_one() {
    let mut world = World::steady(bounded(service(web("one"), 4), 50, 100), all_well());
    let tasks: Vec<_> = world
        .service
        .tasks()
        .iter()
        .map(|task| task.id.clone())
        .collect();
    for task in tasks {
        let target_group = TargetGroupArn::new(GROUP);
        world.step(Input::Target {
            task,
            target_group,
            health: failing(),
        });
    }
    let mut fewest = 4;
    for _ in 0..2_000 {
        world.run(10);
        fewest = fewest.min(world.service.running_count());
    }
    assert!(world.service.is_steady());
    assert_eq!(world.retired.len(), 4);
    assert_eq!(fewest, 3);
}

#[test]
fn the_grace_period_ignores_failing_checks() {
    let mut new = service(web("one"), 1);
    new.configuration.health_check_grace = Duration::from_secs(10);
    let checker = Checker::new(&new);
    let late = Fate {
        passes_checks: false,
        flaps: vec![6_000],
        ..Fate::default()
    };
    let mut world = World::start(new, only("one", late), checker);
    world.run(20_000);
    assert_eq!(world.launches, 1);
    assert!(world.service.is_steady());
}

#[test]
fn a_check_that_fails_beyond_the_grace_period_counts() {
    let mut new = service(web("one"), 1);
    new.configuration.health_check_grace = Duration::from_secs(5);
    let checker = Checker::new(&new);
    let never = Fate {
        passes_checks: false,
        ..Fate::default()
    };
    let mut world = World::start(new, only("one", never), checker);
    world.run(5_050);
    assert_eq!(world.service.primary().failed_tasks, 0);
    world.run(200);
    assert_eq!(world.service.primary().failed_tasks, 1);
}

#[test]
fn an_old_task_that_dies_in_a_roll_is_replaced_by_its_own_revision() {
    let slow = Fate {
        check_time: 20_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 2), only("new", slow));
    world.deploy(web("new"));
    world.run(1_000);
    let victim = world.service.tasks()[0].id.clone();
    world.report(&victim, exited(Exit::Code(1)));
    world.run(2_000);
    let mut running = world.running();
    running.sort_unstable();
    assert_eq!(running, ["new", "new", "old", "old"]);
}

#[test]
fn scaling_out_in_a_roll_goes_to_both_revisions() {
    let slow = Fate {
        check_time: 20_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 1), only("new", slow));
    world.deploy(web("new"));
    world.run(1_000);
    world.scale(3);
    world.run(2_000);
    let mut running = world.running();
    running.sort_unstable();
    assert_eq!(running, ["new", "new", "new", "old", "old", "old"]);
    world.run(30_000);
    assert_eq!(world.running(), ["new"; 3]);
    assert!(world.service.is_steady());
}

#[test]
fn scaling_in_stops_what_got_least_far_first() {
    let mut world = World::steady(service(web("one"), 3), all_well());
    world.scale(5);
    world.run(30);
    world.scale(2);
    world.run(5_000);
    assert!(world.service.is_steady());
    let never_ran = world
        .retired
        .iter()
        .filter(|task| task.started_at.is_none())
        .count();
    assert_eq!((world.retired.len(), never_ran), (3, 2));
    let id = world.service.primary().id;
    let reason = format!("Scaling activity initiated by (deployment {id})");
    assert!(
        world
            .retired
            .iter()
            .all(|task| task.stopped_reason.as_ref() == Some(&reason))
    );
    assert!(world.said("(service shop) stopped 2 pending tasks."));
    assert!(world.said("(service shop) has stopped 1 running tasks: (task "));
}

#[test]
fn scaling_to_zero_stops_everything_and_completes() {
    let mut world = World::steady(service(web("one"), 3), all_well());
    world.deploy(web("two"));
    world.scale(0);
    world.run(5_000);
    assert!(world.service.is_steady());
    assert_eq!((world.processes(), world.targets()), (0, 0));
}

#[test]
fn a_newer_deployment_drops_what_the_unfinished_one_had_not_started() {
    let slow = Fate {
        start_time: 60_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 2), only("middle", slow));
    world.deploy(web("middle"));
    world.run(1_000);
    assert_eq!(world.service.pending_count(), 2);
    world.deploy(web("new"));
    world.run(10_000);
    assert!(world.service.is_steady());
    assert_eq!(world.running(), ["new"; 2]);
}

#[test]
fn one_rolling_update_logs_its_events_in_order() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    world.events.clear();
    let old = world.service.primary().id;
    world.deploy(web("new"));
    let new = world.service.primary().id;
    world.run(10_000);
    let (stopped, started) = (&world.retired[0].id, &world.service.tasks()[0].id);
    assert_eq!(
        world.events,
        [
            format!("(service shop) has started 1 tasks: (task {started})."),
            format!("(service shop) registered 1 targets in (target-group {GROUP})"),
            format!("(service shop) has stopped 1 running tasks: (task {stopped})."),
            format!("(service shop) deregistered 1 targets in (target-group {GROUP})"),
            format!("(service shop, taskSet {old}) has begun draining connections on 1 tasks."),
            format!("(service shop) (deployment {new}) deployment completed."),
            "(service shop) has reached a steady state.".to_owned(),
        ]
    );
}

#[test]
fn a_steady_state_is_reported_again_after_six_hours() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let steady = |world: &World| world.events.iter().filter(|e| e.contains("steady")).count();
    assert_eq!(steady(&world), 1);
    world.run(5 * 3_600_000);
    assert_eq!(steady(&world), 1);
    world.run(3_600_000);
    assert_eq!(steady(&world), 2);
}

#[test]
fn the_deployment_waits_for_old_tasks_that_drain() {
    let draining = Fate {
        draining: 30_000,
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 1), only("old", draining));
    world.deploy(web("new"));
    world.run(20_000);
    assert_eq!(world.rollout(), RolloutState::InProgress);
    assert_eq!(world.service.tasks()[0].status, TaskStatus::Deactivating);
    world.run(20_000);
    assert!(world.service.is_steady());
}

#[test]
fn a_stopped_task_is_replaced() {
    let mut world = World::steady(service(web("one"), 2), all_well());
    let task = world.service.tasks()[0].id.clone();
    world
        .request(Request::StopTask {
            task,
            reason: "by hand".into(),
        })
        .unwrap();
    world.run(5_000);
    assert!(world.service.is_steady());
    assert_eq!(world.retired[0].stopped_reason.as_deref(), Some("by hand"));
    assert_eq!(world.service.primary().failed_tasks, 0);
}
