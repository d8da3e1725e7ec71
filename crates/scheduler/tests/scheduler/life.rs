//! The life of a task, from report to report.

use std::time::Duration;

use seaway_scheduler::{
    Command, Container, DesiredStatus, Exit, HealthStatus, Input, Millis, NewTask, Profile,
    Service, StandaloneTask, StopCode, TargetGroupArn, TargetHealth, TargetState, TaskId,
    TaskReport, TaskStatus,
};

use crate::checker::Checker;
use crate::world::{Fate, GROUP, World, all_well, exited, only, service, web, worker};

/// A service with one task, and each of its commands in hand.
fn one_task(revision: seaway_scheduler::Revision) -> (Service, TaskId) {
    let (mut service, _) = Service::create(Millis(0), service(revision, 1));
    let commands = service.step(Millis(1), Input::Tick);
    let launch = commands.iter().find_map(|command| match command {
        Command::Launch { task, .. } => Some(task.clone()),
        _ => None,
    });
    (service, launch.unwrap())
}

fn report(service: &mut Service, task: &TaskId, report: TaskReport) -> Vec<Command> {
    service.step(
        Millis(10),
        Input::Task {
            task: task.clone(),
            report,
        },
    )
}

fn target(service: &mut Service, task: &TaskId, health: TargetHealth) -> Vec<Command> {
    let target_group = TargetGroupArn::new(GROUP);
    service.step(
        Millis(10),
        Input::Target {
            task: task.clone(),
            target_group,
            health,
        },
    )
}

fn status(service: &Service, task: &TaskId) -> TaskStatus {
    service.task(task).unwrap().status
}

#[test]
fn a_task_behind_a_load_balancer_passes_every_status() {
    let (mut service, id) = one_task(web("one"));
    assert_eq!(status(&service, &id), TaskStatus::Provisioning);
    report(&mut service, &id, TaskReport::Provisioned);
    report(&mut service, &id, TaskReport::PullStarted);
    assert_eq!(status(&service, &id), TaskStatus::Pending);
    let commands = report(&mut service, &id, TaskReport::Started);
    assert_eq!(status(&service, &id), TaskStatus::Activating);
    assert!(
        commands
            .iter()
            .any(|c| matches!(c, Command::RegisterTarget { port: 8_000, .. }))
    );
    assert_eq!(service.task(&id).unwrap().started_at, None);
    target(&mut service, &id, TargetHealth::Initial);
    assert_eq!(status(&service, &id), TaskStatus::Running);
    target(&mut service, &id, TargetHealth::Healthy);
    assert!(service.is_steady());

    let zero = seaway_scheduler::ServiceUpdate {
        desired_count: Some(0),
        ..Default::default()
    };
    service
        .request(Millis(20), seaway_scheduler::Request::Update(zero))
        .unwrap();
    let commands = service.step(Millis(21), Input::Tick);
    assert_eq!(status(&service, &id), TaskStatus::Deactivating);
    assert!(
        !commands.iter().any(|c| matches!(c, Command::Stop { .. })),
        "it drains first"
    );
    target(&mut service, &id, TargetHealth::Draining);
    assert_eq!(status(&service, &id), TaskStatus::Deactivating);
    let commands = target(&mut service, &id, TargetHealth::Unused);
    assert_eq!(status(&service, &id), TaskStatus::Stopping);
    let stop = Command::Stop {
        task: id.clone(),
        timeout: Duration::from_secs(30),
    };
    assert!(commands.contains(&stop));
    report(&mut service, &id, exited(Exit::Code(143)));
    assert_eq!(status(&service, &id), TaskStatus::Deprovisioning);
    let commands = report(&mut service, &id, TaskReport::Stopped);
    let retired = commands.iter().find_map(|command| match command {
        Command::Retire(task) => Some(task),
        _ => None,
    });
    let task = retired.unwrap();
    assert_eq!(
        (task.status, task.desired),
        (TaskStatus::Stopped, DesiredStatus::Stopped)
    );
    assert_eq!(task.stop_code, Some(StopCode::ServiceSchedulerInitiated));
    assert_eq!(task.containers[0].exit_code, Some(143));
    assert_eq!(task.targets[0].state, TargetState::Unused);
    assert!(service.tasks().is_empty());
}

#[test]
fn a_router_that_says_nothing_does_not_keep_a_task_for_ever() {
    let (mut service, id) = one_task(web("one"));
    report(&mut service, &id, TaskReport::Started);
    let zero = seaway_scheduler::ServiceUpdate {
        desired_count: Some(0),
        ..Default::default()
    };
    service
        .request(Millis(20), seaway_scheduler::Request::Update(zero))
        .unwrap();
    let wake = |commands: &[Command]| {
        commands.iter().find_map(|command| match command {
            Command::WakeAfter(wait) => Some(wait.as_millis() as i64),
            _ => None,
        })
    };
    let mut now = 21;
    loop {
        let commands = service.step(Millis(now), Input::Tick);
        let wait = wake(&commands).unwrap();
        if status(&service, &id) == TaskStatus::Stopping {
            assert!(wait > 3_600_000, "the timer is over");
            break;
        }
        now += wait;
        assert!(now < 3_700_000, "it waits longer than the limit");
    }
    assert!(now > 3_600_000);
}

#[test]
fn a_task_that_ends_by_itself_waits_for_nothing() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let id = world.service.tasks()[0].id.clone();
    world.report(&id, exited(Exit::Code(7)));
    assert_eq!(status(&world.service, &id), TaskStatus::Deprovisioning);
    world.run(10_000);
    let task = &world.retired[0];
    assert_eq!(task.stop_code, Some(StopCode::EssentialContainerExited));
    assert_eq!(
        task.stopped_reason.as_deref(),
        Some("Essential container in task exited")
    );
    assert_eq!(task.containers[0].exit_code, Some(7));
    assert_eq!((world.processes(), world.targets()), (1, 1));
    assert!(world.service.is_steady());
}

#[test]
fn a_container_killed_for_its_memory_says_so() {
    let hungry = Fate {
        crash: Some((5_000, Exit::OutOfMemory)),
        ..Fate::default()
    };
    let new = service(worker("hungry"), 1);
    let checker = Checker::new(&new);
    let mut world = World::start(new, only("hungry", hungry), checker);
    world.run_until(10_000, |world| !world.retired.is_empty());
    let container = &world.retired[0].containers[0];
    assert_eq!(container.exit_code, Some(137));
    let reason = "OutOfMemoryError: Container killed due to memory usage";
    assert_eq!(container.reason.as_deref(), Some(reason));
}

#[test]
fn a_task_that_cannot_start_keeps_the_reason() {
    let (mut service, id) = one_task(worker("one"));
    let reason = "CannotPullContainerError: no such image".to_owned();
    let container = service.task(&id).unwrap().containers[0].name.clone();
    let commands = report(
        &mut service,
        &id,
        TaskReport::FailedToStart {
            container: Some(container),
            reason: reason.clone(),
        },
    );
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Stop { .. }))
    );
    let task = service.task(&id).unwrap();
    assert_eq!(task.stop_code, Some(StopCode::TaskFailedToStart));
    assert_eq!(task.containers[0].reason.as_ref(), Some(&reason));
    assert_eq!(task.stopped_reason, Some(reason));
    assert_eq!(service.primary().failed_tasks, 1);
}

#[test]
fn a_lost_task_is_replaced_and_no_failure() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let id = world.service.tasks()[0].id.clone();
    world.lose(&id);
    assert_eq!(
        world.retired[0].stop_code,
        Some(StopCode::InfrastructureHealth)
    );
    assert_eq!(world.service.primary().failed_tasks, 0);
    world.run(5_000);
    assert!(world.service.is_steady());
    assert_eq!(world.targets(), 1);
}

#[test]
fn a_task_that_went_with_its_host_is_replaced_and_no_failure() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let id = world.service.tasks()[0].id.clone();
    world.report(&id, exited(Exit::Unknown));
    world.run(5_000);
    assert_eq!(
        world.retired[0].stop_code,
        Some(StopCode::InfrastructureHealth)
    );
    assert_eq!(world.service.primary().failed_tasks, 0);
    assert!(world.service.is_steady());
}

#[test]
fn a_pending_task_that_is_lost_is_no_failure() {
    let (mut service, id) = one_task(web("one"));
    report(&mut service, &id, TaskReport::Provisioned);
    let commands = report(&mut service, &id, TaskReport::Stopped);
    assert_eq!(service.primary().failed_tasks, 0);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Launch { .. }))
    );
}

#[test]
fn a_container_that_is_not_essential_may_end() {
    let mut revision = worker("one");
    let sidecar = Container {
        name: "setup".into(),
        essential: false,
        ..revision.containers[0].clone()
    };
    revision.containers.push(sidecar);
    let mut world = World::steady(service(revision, 1), all_well());
    let id = world.service.tasks()[0].id.clone();
    let exit = TaskReport::ContainerExited {
        container: "setup".into(),
        exit: Exit::Code(0),
    };
    world.report(&id, exit);
    assert!(world.service.is_steady());
    assert_eq!(world.service.tasks()[0].status, TaskStatus::Running);
}

#[test]
fn health_is_the_worst_of_the_essential_checked_containers() {
    let mut revision = worker("one");
    let container = |name: &str, essential, health_check| Container {
        name: name.into(),
        essential,
        health_check,
        stop_timeout: Duration::ZERO,
    };
    revision.containers = vec![
        container("main", true, true),
        container("second", true, true),
        container("helper", false, true),
    ];
    let (mut service, id) = one_task(revision);
    let mut tell = |name: &str, health| {
        report(
            &mut service,
            &id,
            TaskReport::ContainerHealth {
                container: name.into(),
                health,
            },
        );
        service.task(&id).unwrap().health()
    };
    assert_eq!(
        tell("helper", HealthStatus::Unhealthy),
        HealthStatus::Unknown
    );
    assert_eq!(tell("main", HealthStatus::Healthy), HealthStatus::Unknown);
    assert_eq!(tell("second", HealthStatus::Healthy), HealthStatus::Healthy);
    assert_eq!(
        tell("main", HealthStatus::Unhealthy),
        HealthStatus::Unhealthy
    );
}

#[test]
fn late_and_repeated_reports_change_nothing() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let before = world.service.clone();
    let id = world.service.tasks()[0].id.clone();
    for late in [
        TaskReport::Provisioned,
        TaskReport::PullStarted,
        TaskReport::Started,
    ] {
        world.report(&id, late);
    }
    world.report(&TaskId::new("unknown"), TaskReport::Stopped);
    assert_eq!(world.service.tasks(), before.tasks());
    assert_eq!(world.launches, 1);
}

#[test]
fn a_target_that_left_does_not_come_back() {
    let mut world = World::steady(service(web("one"), 1), all_well());
    let id = world.service.tasks()[0].id.clone();
    world.scale(0);
    world.run(1);
    let target_group = TargetGroupArn::new(GROUP);
    world.step(Input::Target {
        task: id.clone(),
        target_group,
        health: TargetHealth::Healthy,
    });
    assert_eq!(
        world.service.task(&id).unwrap().targets[0].state,
        TargetState::Draining
    );
}

#[test]
fn what_the_state_waits_for_is_repeated_after_a_restart() {
    let (mut service, id) = one_task(web("one"));
    let deployment = Some(service.primary().id);
    assert_eq!(
        service.outstanding(),
        [Command::Launch {
            task: id.clone(),
            deployment
        }]
    );
    report(&mut service, &id, TaskReport::Started);
    let again = service.outstanding();
    assert!(
        matches!(again[..], [Command::RegisterTarget { .. }]),
        "{again:?}"
    );
    report(&mut service, &id, exited(Exit::Code(1)));
    let again = service.outstanding();
    assert!(
        matches!(
            again[..2],
            [Command::DeregisterTarget { .. }, Command::Stop { .. }]
        ),
        "{again:?}"
    );
}

#[test]
fn a_standalone_task_runs_once() {
    let new = NewTask {
        seed: 1,
        revision: web("migrate"),
        profile: Profile::quick(),
    };
    let (mut task, commands) = StandaloneTask::launch(Millis(0), new);
    assert!(matches!(
        commands[..],
        [Command::Launch {
            deployment: None,
            ..
        }]
    ));
    assert!(task.task().targets.is_empty());
    task.step(Millis(1), TaskReport::Provisioned);
    task.step(Millis(2), TaskReport::Started);
    assert_eq!(task.task().status, TaskStatus::Running);
    let commands = task.step(Millis(3), exited(Exit::Code(0)));
    assert!(matches!(commands[..], [Command::Stop { .. }]));
    let commands = task.step(Millis(4), TaskReport::Stopped);
    let [Command::Retire(retired)] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(retired.stop_code, Some(StopCode::EssentialContainerExited));
    assert_eq!(retired.containers[0].exit_code, Some(0));
    assert!(task.outstanding().is_empty());
    assert!(task.step(Millis(5), TaskReport::Stopped).is_empty());
}

#[test]
fn a_standalone_task_can_be_stopped_and_stored() {
    let new = NewTask {
        seed: 1,
        revision: worker("migrate"),
        profile: Profile::quick(),
    };
    let (task, _) = StandaloneTask::launch(Millis(0), new);
    let stored = serde_json::to_string(&task).unwrap();
    let mut task: StandaloneTask = serde_json::from_str(&stored).unwrap();
    let commands = task.stop(Millis(1), "by hand");
    assert!(matches!(commands[..], [Command::Stop { .. }]));
    assert!(task.stop(Millis(2), "again").is_empty());
    assert_eq!(task.task().stop_code, Some(StopCode::UserInitiated));
    assert_eq!(task.task().stopped_reason.as_deref(), Some("by hand"));
}
