//! A health check is part of its service: fresh tasks prove it, and it goes back with them.

use std::time::Duration;

use seaway_core::release::Outcome;
use seaway_engine::{Completed, Resumption, RollbackTarget};
use seaway_ports::{Checks, PortErrorKind};
use seaway_testkit::{Behaviour, CallFault, Failure, Moment, Scene, World};

use crate::command::{
    Command, assert_fair, assert_planned_empty, assert_settled, deployed, outcome, running,
};

const GOOD: &str = "/health";

async fn well() -> (World, Scene) {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_judged(&world, GOOD);
    (world, scene)
}

fn other(scene: &Scene) -> Scene {
    scene.clone().health_path("api", "/other")
}

/// Tasks of `api` are held to that check.
fn assert_judged(world: &World, path: &str) {
    assert_eq!(world.health_path("api").as_deref(), Some(path));
    assert_eq!(world.checks("api"), Some(Checks::Enforced));
}

/// The call comes up, and `later` after it.
fn assert_before(world: &World, call: &str, later: &str) {
    let calls = world.calls();
    let position = |wanted: &str| calls.iter().rposition(|call| call == wanted);
    let (first, second) = (position(call), position(later));
    assert!(first.is_some() && first < second, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn another_check_alone_is_a_rollout_of_fresh_tasks() {
    let (world, scene) = well().await;
    let told = deployed(&world, other(&scene).environment(), Outcome::Succeeded).await;
    assert!(
        told.contains(&"api: rolls to api:1 as api/2".to_owned()),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("web: rolls")),
        "{told:?}"
    );
    assert_judged(&world, "/other");
    assert_before(&world, "update api", "configure api");
    assert_settled(&world, other(&scene).environment()).await;
}

#[tokio::test(start_paused = true)]
async fn tasks_that_never_had_to_pass_it_are_not_ended_by_a_new_check() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::Slow(Duration::from_secs(20)));
    let command = Command::new(&world, other(&scene).environment());
    let looks = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.health_path("api").as_deref(), Some("/other"));
        assert_eq!(world.checks("api"), Some(Checks::Suspended));
    };
    let (completed, ()) = tokio::join!(command.deploy(), looks);
    assert_eq!(
        outcome(&completed.expect("carried out")),
        Some(Outcome::Succeeded)
    );
    assert_judged(&world, "/other");
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_no_fresh_task_passes_goes_with_its_rollout() {
    let (world, scene) = well().await;
    world.behave("api", "v1", Behaviour::NeverHealthy);
    deployed(&world, other(&scene).environment(), Outcome::RolledBack).await;
    assert_before(&world, "request_rollback api", "restore_check api");
    assert_judged(&world, GOOD);
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    let releases = world.releases();
    assert_eq!(releases[1].after(), releases[0].after());
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_gives_way_to_another_gets_its_check_back() {
    let (world, scene) = well().await;
    world.edit("web", "v2");
    world.behave("web", "v2", Behaviour::CrashAtStart);
    deployed(&world, other(&scene).environment(), Outcome::RolledBack).await;
    assert_judged(&world, GOOD);
    assert_settled(&world, {
        world.edit("web", "v1");
        scene.environment()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_independent_service_keeps_its_new_check() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]).independent("api"));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("web", "v2");
    world.behave("web", "v2", Behaviour::CrashAtStart);
    deployed(&world, other(&scene).environment(), Outcome::RolledBack).await;
    assert_judged(&world, "/other");
}

#[tokio::test(start_paused = true)]
async fn one_service_goes_back_to_its_own_check() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    deployed(&world, other(&scene).environment(), Outcome::Succeeded).await;
    let command = Command::new(&world, other(&scene).environment());
    let target = RollbackTarget::Service {
        service: "api".parse().expect("a name"),
        revision: None,
    };
    let completed = command.rollback(target).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert_judged(&world, GOOD);
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_dies_while_checks_are_suspended_leaves_something_to_do() {
    for call in 0..60 {
        let (world, scene) = well().await;
        world.edit("api", "v2");
        let command = Command::new(&world, other(&scene).environment());
        command.client.kill_at(call, Moment::After);
        let ended = tokio::select! {
            made = command.deploy() => made.is_ok(),
            () = command.client.died() => false,
        };
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.forgive();
        let command = Command::new(&world, other(&scene).environment());
        let made = command.deploy().await.expect("carried out");
        let nothing_to_do = matches!(made, Completed::NothingToDo { .. });
        assert!(
            nothing_to_do || outcome(&made) == Some(Outcome::Succeeded),
            "call {call}"
        );
        assert_judged(&world, "/other");
        assert_planned_empty(&world, other(&scene).environment()).await;
        if ended {
            return;
        }
    }
    panic!("a release takes fewer calls than that");
}

#[tokio::test(start_paused = true)]
async fn undo_brings_the_check_back() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::Slow(Duration::from_secs(20)));
    let command = Command::new(&world, other(&scene).environment());
    let press = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        command.interrupter.interrupt();
        std::future::pending::<()>().await
    };
    let completed = tokio::select! {
        completed = command.deploy() => completed.expect("carried out"),
        () = press => unreachable!("pressing never ends"),
    };
    assert!(matches!(completed, Completed::Detached { .. }));
    let command = Command::new(&world, other(&scene).environment());
    command.resume(Resumption::Undo).await.expect("undone");
    assert_judged(&world, GOOD);
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn settings_and_count_go_back_with_a_service() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    let more = scene.clone().max_percent("api", 150).count("api", 3);
    deployed(&world, more.environment(), Outcome::RolledBack).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    world.edit("api", "v1");
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_restored_check_whose_answer_got_lost_is_restored_again() {
    let (world, scene) = well().await;
    world.behave("api", "v1", Behaviour::NeverHealthy);
    world.fail(CallFault::once("restore_check api", Failure::Lost).times(2));
    let told = deployed(&world, other(&scene).environment(), Outcome::RolledBack).await;
    assert!(
        told.iter().any(|line| line.starts_with("api: rolled back")),
        "{told:?}"
    );
    assert_judged(&world, GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_release_of_nothing_but_a_check_can_be_rolled_back() {
    let (world, scene) = well().await;
    deployed(&world, other(&scene).environment(), Outcome::Succeeded).await;
    let command = Command::new(&world, other(&scene).environment());
    let completed = command.rollback(RollbackTarget::Previous).await;
    assert_eq!(
        outcome(&completed.expect("carried out")),
        Some(Outcome::Succeeded)
    );
    assert_judged(&world, GOOD);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_proves_a_check_is_followed_again_and_not_begun_again() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::Slow(Duration::from_secs(20)));
    let first = Command::new(&world, other(&scene).environment());
    let press = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        first.interrupter.interrupt();
        std::future::pending::<()>().await
    };
    tokio::select! {
        completed = first.deploy() => drop(completed.expect("carried out")),
        () = press => unreachable!("pressing never ends"),
    }
    let mut again = Command::new(&world, other(&scene).environment());
    let completed = again.resume(Resumption::GoOn).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    let told = again.told();
    assert!(
        told.contains(&"api: rolls to api:2 as api/2".to_owned()),
        "{told:?}"
    );
    assert_judged(&world, "/other");
    assert_settled(&world, other(&scene).environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_cannot_be_started_leaves_the_old_check() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    // The check was changed, and then the call failed.
    world.fail(CallFault::once("update api", Failure::Lost).times(4));
    world.fail(CallFault::once("update api", Failure::Refused(PortErrorKind::Denied)).after(4));
    deployed(&world, other(&scene).environment(), Outcome::Failed).await;
    assert_judged(&world, GOOD);
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_applied_for_a_while_are_applied_later() {
    let (world, scene) = well().await;
    let silent = Failure::Refused(PortErrorKind::Unavailable);
    world.fail(CallFault::once("configure api", silent).times(9));
    deployed(&world, other(&scene).environment(), Outcome::Succeeded).await;
    assert_judged(&world, "/other");
}
