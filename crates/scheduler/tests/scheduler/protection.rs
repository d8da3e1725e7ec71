//! Tasks that may not be scaled away.

use std::time::Duration;

use seaway_scheduler::{Refused, Request, RolloutState, TaskId};

use crate::world::{Fate, World, all_well, only, service, web, worker};

fn protect(world: &mut World, task: &TaskId, seconds: u64) {
    let request = Request::Protect {
        task: task.clone(),
        period: Some(Duration::from_secs(seconds)),
    };
    world.request(request).unwrap();
}

fn release(world: &mut World, task: &TaskId) {
    let request = Request::Protect {
        task: task.clone(),
        period: None,
    };
    world.request(request).unwrap();
}

fn first_task(world: &World) -> TaskId {
    world.service.tasks()[0].id.clone()
}

const HELD: &str =
    "(service shop) was unable to scale in due to (reason 1 tasks under protection).";

#[test]
fn a_smaller_count_leaves_protected_tasks_until_their_time_is_over() {
    let mut world = World::steady(service(web("old"), 3), all_well());
    let kept = first_task(&world);
    protect(&mut world, &kept, 60);
    let until = world.service.task(&kept).unwrap().protected_until();
    assert_eq!(until.unwrap().0 - world.now().0, 60_000);
    world.scale(0);
    world.run(30_000);
    let left: Vec<_> = world.service.tasks().iter().map(|task| &task.id).collect();
    assert_eq!(left, [&kept]);
    assert!(!world.service.is_steady());
    let said = world.events.iter().filter(|event| *event == HELD);
    assert_eq!(said.count(), 1, "{:#?}", world.events);
    world.run(40_000);
    assert!(world.service.tasks().is_empty());
    assert!(world.service.is_steady());
}

#[test]
fn the_others_go_first() {
    let mut world = World::steady(service(worker("old"), 3), all_well());
    // The newest goes first, if nothing protects it.
    let kept = world.service.tasks()[2].id.clone();
    protect(&mut world, &kept, 600);
    world.scale(1);
    world.run(10_000);
    let left: Vec<_> = world.service.tasks().iter().map(|task| &task.id).collect();
    assert_eq!(left, [&kept]);
    assert!(world.service.is_steady(), "one is wanted, one is there");
    assert!(!world.said("under protection"));
}

#[test]
fn a_roll_waits_for_protected_tasks_and_says_so() {
    let mut world = World::steady(service(web("old"), 2), all_well());
    let kept = first_task(&world);
    protect(&mut world, &kept, 600);
    world.deploy(web("new"));
    world.run(60_000);
    assert_eq!(world.rollout(), RolloutState::InProgress);
    assert!(world.service.task(&kept).unwrap().is_healthy());
    assert_eq!(world.running(), ["old", "new", "new"]);
    assert!(
        world.events.iter().any(|event| event == HELD),
        "{:#?}",
        world.events
    );
    release(&mut world, &kept);
    world.run(10_000);
    assert!(world.service.is_steady());
    assert_eq!(world.running(), ["new", "new"]);
}

#[test]
fn a_roll_that_waits_already_takes_no_more_protection() {
    let mut world = World::steady(service(web("old"), 2), all_well());
    let kept = first_task(&world);
    protect(&mut world, &kept, 600);
    world.deploy(web("new"));
    world.run(60_000);
    let again = Request::Protect {
        task: kept.clone(),
        period: Some(Duration::from_secs(900)),
    };
    assert_eq!(world.request(again), Err(Refused::DeploymentBlocked(kept)));
    // The new tasks are not in its way.
    let new = world.service.tasks().last().unwrap().id.clone();
    protect(&mut world, &new, 60);
}

#[test]
fn what_fails_its_checks_is_replaced_all_the_same() {
    let flaps = Fate {
        flaps: vec![30_000],
        ..Fate::default()
    };
    let mut world = World::steady(service(web("old"), 1), only("old", flaps));
    let first = first_task(&world);
    protect(&mut world, &first, 6_000);
    world.run(15_000);
    assert!(world.service.task(&first).is_none(), "replaced");
}

#[test]
fn neither_a_stop_by_name_nor_the_end_of_the_service_asks() {
    let mut world = World::steady(service(web("old"), 2), all_well());
    let (one, two) = (first_task(&world), world.service.tasks()[1].id.clone());
    protect(&mut world, &one, 6_000);
    protect(&mut world, &two, 6_000);
    let stop = Request::StopTask {
        task: one.clone(),
        reason: "by hand".into(),
    };
    world.request(stop).unwrap();
    world.run(5_000);
    assert!(world.service.task(&one).is_none());
    world.request(Request::Delete).unwrap();
    world.run(20_000);
    assert!(world.deleted);
}

#[test]
fn a_task_that_is_gone_cannot_be_protected() {
    let mut world = World::steady(service(web("old"), 1), all_well());
    let nobody = TaskId::new("nobody");
    let request = Request::Protect {
        task: nobody.clone(),
        period: None,
    };
    assert_eq!(world.request(request), Err(Refused::TaskNotFound(nobody)));
}
