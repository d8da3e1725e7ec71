//! A command that is killed at any of its calls: the next one completes what it left.

use std::time::Duration;

use seaway_core::release::{Outcome, Release};
use seaway_engine::{Completed, Resumption};
use seaway_testkit::{Behaviour, Moment, Scene, World};

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

/// `v2` of both is in the working tree, and `api` crashes in it.
async fn failing_world() -> World {
    let world = World::new();
    let environment = scene().environment();
    Command::new(&world, environment)
        .deploy()
        .await
        .expect("made");
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    world
}

#[tokio::test(start_paused = true)]
async fn resume_goes_on_with_the_way_back_wherever_it_was_cut_off() {
    let mut on_the_way_back = 0;
    for resumption in [Resumption::GoOn, Resumption::Undo] {
        for call in 30.. {
            let world = failing_world().await;
            if !killed(&world, call, Moment::After).await {
                break;
            }
            let release = world.releases().pop().expect("there are some");
            if release.outcome().is_some() {
                continue;
            }
            let at = format!(
                "{resumption:?} after call {call}: {:?}",
                world.calls().last()
            );
            let rolled = world.calls().len();
            let mut command = Command::of("bob", &world, scene().environment());
            let resumed = command.resume(resumption).await;
            let resumed = resumed.unwrap_or_else(|error| panic!("{at}: {error}"));
            let told = command.told();
            if resumption == Resumption::GoOn {
                assert_eq!(
                    outcome(&resumed),
                    Some(Outcome::RolledBack),
                    "{at}: {told:#?}"
                );
            }
            assert_eq!(
                running(&world),
                ["api=v1 x2", "web=v1 x2"],
                "{at}: {told:#?}"
            );
            let open = world
                .releases()
                .iter()
                .any(|release| release.outcome().is_none());
            assert!(!open, "{at}");
            assert_fair(&world);
            if release.going_back().contains("api") && resumption == Resumption::GoOn {
                on_the_way_back += 1;
                // What is known to crash is not rolled out once more.
                let calls = world.calls().split_off(rolled);
                assert!(
                    !calls.iter().any(|call| call.starts_with("register")),
                    "{at}: {calls:?}"
                );
            }
        }
    }
    assert!(on_the_way_back > 3, "{on_the_way_back}");
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_cut_off_is_gone_on_with_and_closes_both() {
    let mut cut_off = 0;
    for resumption in [Resumption::GoOn, Resumption::Undo] {
        for call in 0.. {
            let world = world().await;
            assert!(killed(&world, 40, Moment::After).await);
            let undo = Command::of("bob", &world, scene().environment());
            undo.client.kill_at(call, Moment::After);
            tokio::select! {
                undone = undo.resume(Resumption::Undo) => {
                    undone.expect("carried out");
                    break;
                }
                () = undo.client.died() => {}
            }
            let is_open = |release: &&Release| release.outcome().is_none();
            if world.releases().iter().filter(is_open).count() < 2 {
                continue;
            }
            cut_off += 1;
            let again = Command::of("eve", &world, scene().environment());
            again.resume(resumption).await.expect("carried out");
            assert_eq!(running(&world), ["api=v1 x2"]);
            let ends: Vec<_> = world.releases().iter().map(Release::outcome).collect();
            let expected = [Some(Outcome::Undone), Some(Outcome::Succeeded)];
            assert_eq!(ends[1..], expected, "{resumption:?} after call {call}");
            assert_fair(&world);
        }
    }
    assert!(cut_off > 4, "{cut_off}");
}

#[tokio::test(start_paused = true)]
async fn a_new_service_goes_again_wherever_the_way_back_was_cut_off() {
    for call in 30.. {
        let world = world().await;
        world.behave("api", "v2", Behaviour::CrashAtStart);
        if !killed(&world, call, Moment::After).await {
            break;
        }
        let is_open = |release: &Release| release.outcome().is_none();
        if !world.releases().last().is_some_and(is_open) {
            continue;
        }
        let at = format!("after call {call}: {:?}", world.calls().last());
        let command = Command::of("bob", &world, scene().environment());
        let resumed = command.resume(Resumption::GoOn).await;
        let resumed = resumed.unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(outcome(&resumed), Some(Outcome::RolledBack), "{at}");
        assert_eq!(running(&world), ["api=v1 x2"], "{at}");
        assert_fair(&world);
    }
}
