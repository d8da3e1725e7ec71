//! A command that is killed at any of its calls: the next one completes what it left.

use std::time::Duration;

use seaway_core::release::Outcome;
use seaway_engine::{Completed, Resumption};
use seaway_testkit::{Moment, Scene, World};

use crate::command::{Command, assert_fair, assert_planned_empty, outcome, running};

fn scene() -> Scene {
    Scene::of(&["api", "web"]).job_before("migrate", "api")
}

/// A world with `v1` everywhere and `v2` in the working tree; `web` is new.
async fn world() -> World {
    let world = World::new();
    let before = scene().without("web").environment();
    Command::new(&world, before).deploy().await.expect("made");
    world.edit("api", "v2");
    world
}

/// Kills a deploy in its call number `call`; false: it needed fewer calls.
async fn killed(world: &World, call: usize, moment: Moment) -> bool {
    let command = Command::new(world, scene().environment());
    command.client.kill_at(call, moment);
    tokio::select! {
        made = command.deploy() => {
            made.expect("made");
            false
        }
        () = command.client.died() => true,
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_deploy_completes_wherever_the_last_one_was_killed() {
    for moment in [Moment::Before, Moment::After] {
        for call in 0.. {
            let world = world().await;
            if !killed(&world, call, moment).await {
                assert!(call > 30, "only {call} calls");
                break;
            }
            let at = format!("killed {moment:?} call {call}: {:?}", world.calls().last());
            let mut command = Command::of("bob", &world, scene().environment());
            let completed = command.deploy().await;
            let told = command.told();
            match completed {
                Ok(Completed::NothingToDo { .. }) => {}
                Ok(other) => {
                    assert_eq!(outcome(&other), Some(Outcome::Succeeded), "{at}: {told:?}")
                }
                Err(error) => panic!("{at}: {error}: {told:?}"),
            }
            assert_eq!(running(&world), ["api=v2 x2", "web=v1 x2"], "{at}");
            let open = world
                .releases()
                .iter()
                .any(|release| release.outcome().is_none());
            assert!(!open, "{at}: {told:?}");
            assert!(
                world.violations().is_empty(),
                "{at}: {:?}",
                world.violations()
            );
            assert_planned_empty(&world, scene().environment()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn resume_completes_or_takes_back_wherever_it_was_killed() {
    for (resumption, expected) in [
        (Resumption::GoOn, vec!["api=v2 x2", "web=v1 x2"]),
        (Resumption::Undo, vec!["api=v1 x2"]),
    ] {
        for call in (0..).step_by(2) {
            let world = world().await;
            if !killed(&world, call, Moment::After).await {
                break;
            }
            let cut_off = world
                .releases()
                .last()
                .is_some_and(|release| release.outcome().is_none());
            if !cut_off {
                continue;
            }
            let at = format!(
                "{resumption:?} after call {call}: {:?}",
                world.calls().last()
            );
            let command = Command::of("bob", &world, scene().environment());
            let resumed = command.resume(resumption).await;
            let resumed = resumed.unwrap_or_else(|error| panic!("{at}: {error}"));
            assert!(!matches!(resumed, Completed::Detached { .. }), "{at}");
            assert_eq!(running(&world), expected, "{at}");
            let open = world
                .releases()
                .iter()
                .any(|release| release.outcome().is_none());
            assert!(!open, "{at}");
            assert_fair(&world);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_killed_command_is_taken_over_and_said_so() {
    let world = world().await;
    let command = Command::new(&world, scene().environment());
    command.client.kill_at(40, Moment::After);
    tokio::select! {
        _made = command.deploy() => panic!("it was to be killed"),
        () = command.client.died() => {}
    }
    let mut next = Command::of("bob", &world, scene().environment());
    let before = tokio::time::Instant::now();
    next.deploy().await.expect("made");
    assert!(
        before.elapsed() >= Duration::from_secs(10),
        "it watched the heartbeat first"
    );
    let told = next.told();
    assert_eq!(told[0], "waits for ann: deploy");
    assert_eq!(told[1], "takes the lock over from ann: deploy");
}
