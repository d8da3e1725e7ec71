//! Two commands at once, and a lock that is lost.

use std::time::Duration;

use seaway_core::release::Outcome;
use seaway_engine::{Completed, EngineError, Occasion};
use seaway_ports::{PortError, PortErrorKind};
use seaway_testkit::{Behaviour, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, outcome, running};

#[tokio::test(start_paused = true)]
async fn the_second_of_two_equal_deploys_waits_and_finds_nothing_to_do() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    let first = Command::new(&world, scene.clone().environment());
    let mut second = Command::of("bob", &world, scene.clone().environment());
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        second.deploy().await
    };
    let (one, two) = tokio::join!(first.deploy(), late);
    assert_eq!(outcome(&one.expect("made")), Some(Outcome::Succeeded));
    assert!(matches!(two, Ok(Completed::NothingToDo { .. })), "{two:?}");
    assert_eq!(second.told(), ["waits for ann: deploy", "has the lock"]);
    assert_eq!(second.asked.occasions(), [Occasion::First]);
    assert_eq!(world.releases().len(), 1);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_plan_changed_asks_again() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    let first = Command::new(&world, scene.clone().environment());
    let mut second = Command::of("bob", &world, scene.clone().environment());
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.edit("api", "v3");
        second.deploy().await
    };
    let (one, two) = tokio::join!(first.deploy(), late);
    assert_eq!(outcome(&one.expect("made")), Some(Outcome::Succeeded));
    assert_eq!(outcome(&two.expect("made")), Some(Outcome::Succeeded));
    assert_eq!(
        second.asked.occasions(),
        [Occasion::First, Occasion::Changed]
    );
    let told = second.told();
    assert!(
        told.contains(&"r3 starts: push api, update api".to_owned()),
        "{told:?}"
    );
    assert_eq!(running(&world), ["api=v3 x2", "web=v2 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_can_leave_the_line() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    world.behave("api", "v1", Behaviour::Slow(Duration::from_secs(60)));
    let first = Command::new(&world, scene.clone().environment());
    let second = Command::of("bob", &world, scene.environment());
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        second.deploy().await
    };
    let press = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        second.interrupter.interrupt();
    };
    let (one, two, ()) = tokio::join!(first.deploy(), late, press);
    assert!(matches!(two, Err(EngineError::Interrupted)), "{two:?}");
    assert_eq!(outcome(&one.expect("made")), Some(Outcome::Succeeded));
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_ends_the_command_before_its_next_act() {
    // At different moments: while images are sent, while a job runs, while services roll and fail.
    for milliseconds in [60, 90, 800, 1300, 2500, 5000] {
        let (world, scene) = (
            World::new(),
            Scene::of(&["api", "web"]).job_before("migrate", "api"),
        );
        world.behave("api", "v1", Behaviour::NeverHealthy);
        let command = Command::new(&world, scene.environment());
        let steal = async {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            world.steal_lock();
        };
        let (made, ()) = tokio::join!(command.deploy(), steal);
        let Err(EngineError::Port(PortError {
            kind: PortErrorKind::LockLost,
            ..
        })) = made
        else {
            panic!("after {milliseconds} ms: {made:?}");
        };
        // One act may have been under way when the lock went.
        let late = world.violations();
        assert!(
            late.iter().all(|late| late.ends_with("without the lock")),
            "{late:?}"
        );
        assert!(late.len() <= 2, "after {milliseconds} ms: {late:?}");
        assert_eq!(world.releases()[0].outcome(), None);
    }
}
