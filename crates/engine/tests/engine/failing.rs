//! Rollouts that cannot succeed: named, taken back, and the others with them.

use std::time::Duration;

use seaway_core::release::Outcome;
use seaway_engine::Resumption;
use seaway_ports::PortErrorKind;
use seaway_testkit::{Behaviour, CallFault, Failure, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, outcome, running};

/// Deploys `v1` of everything well, then `v2` of everything, of which `api` behaves badly.
async fn second_fails(scene: &Scene, behaviour: Behaviour) -> (World, Vec<String>) {
    let world = World::new();
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    for service in scene.clone().environment().services.keys() {
        world.edit(service.as_str(), "v2");
    }
    world.behave("api", "v2", behaviour);
    let told = deployed(&world, scene.clone().environment(), Outcome::RolledBack).await;
    (world, told)
}

#[tokio::test(start_paused = true)]
async fn a_crashing_service_is_named_and_goes_back() {
    let (world, told) = second_fails(&Scene::of(&["api"]), Behaviour::CrashAtStart).await;
    assert_eq!(
        told[2..],
        [
            "api: rolls to api:2 as api/2",
            "api: 1 failed: Essential container in task exited (exit code 1) | api: last words",
            "api: 2 failed: Essential container in task exited (exit code 1) | api: last words",
            "api: cause: every task ends soon after its start with exit code 1",
            "api: goes back: every task ends soon after its start with exit code 1",
            "api: 3 failed: Essential container in task exited (exit code 1) | api: last words",
            "api: rolled back to api:1",
            "r2 rolled back",
        ]
    );
    assert_eq!(running(&world), ["api=v1 x2"]);
    let releases = world.releases();
    assert_eq!(releases[1].after(), releases[0].after());
}

#[tokio::test(start_paused = true)]
async fn each_deterministic_failure_is_named() {
    for (behaviour, cause) in [
        (Behaviour::ImageMissing, "the image cannot be pulled"),
        (
            Behaviour::SecretMissing,
            "a secret or registry credential is missing",
        ),
        (
            Behaviour::WrongPort,
            "nothing answers on the service's port 8000",
        ),
        (
            Behaviour::NeverHealthy,
            "no task passed the health check of /health within its grace period",
        ),
        (
            Behaviour::Slow(Duration::from_secs(3600)),
            "the rollout took longer than its time-out",
        ),
    ] {
        let (world, told) = second_fails(&Scene::of(&["api"]), behaviour).await;
        let named = format!("api: cause: {cause}");
        assert!(told.contains(&named), "{behaviour:?}: {told:?}");
        assert_eq!(running(&world), ["api=v1 x2"], "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_of_a_target_is_known_when_the_breaker_has_stopped_its_task() {
    for (behaviour, cause) in [
        (
            Behaviour::WrongPort,
            "nothing answers on the service's port 8000",
        ),
        (
            Behaviour::NeverHealthy,
            "no task passed the health check of /health within its grace period",
        ),
    ] {
        let (world, scene) = (World::new(), Scene::of(&["api"]).count("api", 3));
        deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
        world.edit("api", "v2");
        world.behave("api", "v2", behaviour);
        // Seen refused during the grace, and then not at all until the breaker went back.
        let blind = Failure::Refused(PortErrorKind::Unavailable);
        world.fail(CallFault::once("progress", blind).after(8).times(40));
        let told = deployed(&world, scene.environment(), Outcome::RolledBack).await;
        let named = format!("api: cause: {cause}");
        assert!(told.contains(&named), "{behaviour:?}: {told:?}");
        let asked = |line: &String| line.starts_with("api: goes back");
        assert!(!told.iter().any(asked), "{behaviour:?}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_go_back_too_unless_they_are_independent() {
    let scene = Scene::of(&["api", "solo", "web"]).independent("solo");
    let (world, told) = second_fails(&scene, Behaviour::NeverHealthy).await;
    assert_eq!(running(&world), ["api=v1 x2", "solo=v2 x2", "web=v1 x2"]);
    for line in [
        "solo: succeeded",
        "web: goes back: api failed",
        "web: rolls to web:1 as web/3",
    ] {
        assert!(told.contains(&line.to_owned()), "{line}: {told:?}");
    }
    let after = world.releases()[1].after().cloned().expect("it ended");
    let recorded = |name: &str| after.services[name].revision.short().to_owned();
    assert_eq!(
        ["api", "solo", "web"].map(recorded),
        ["api:1", "solo:2", "web:1"]
    );
}

#[tokio::test(start_paused = true)]
async fn others_that_are_still_rolling_are_taken_back_in_the_middle() {
    let world = World::new();
    let scene = Scene::of(&["api", "web"]);
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    world.behave("web", "v2", Behaviour::Slow(Duration::from_secs(60)));
    let told = deployed(&world, scene.environment(), Outcome::RolledBack).await;
    assert!(
        told.contains(&"web: rolled back to web:1".to_owned()),
        "{told:?}"
    );
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_release_that_fails_is_scaled_to_zero_and_can_be_repaired() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    world.behave("api", "v1", Behaviour::SecretMissing);
    let told = deployed(&world, scene.clone().environment(), Outcome::Failed).await;
    assert_eq!(
        told[5..],
        [
            "api: cause: a secret or registry credential is missing",
            "api: given up",
            "api: failed",
            "r1 failed",
        ]
    );
    assert_eq!(running(&world), ["api=v1 x0"]);

    world.behave("api", "v1", Behaviour::Healthy);
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(running(&world), ["api=v1 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn giving_up_is_no_success_when_its_answer_got_lost() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    world.behave("api", "v1", Behaviour::CrashAtStart);
    world.fail(CallFault::once("configure api", Failure::Lost).times(2));
    deployed(&world, scene.environment(), Outcome::Failed).await;
    assert_eq!(running(&world), ["api=v1 x0"]);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaled_first_release_that_failed_gets_its_count_back() {
    let (world, scene) = (World::new(), Scene::of(&["api"]).autoscaled("api"));
    world.behave("api", "v1", Behaviour::CrashAtStart);
    deployed(&world, scene.clone().environment(), Outcome::Failed).await;
    world.edit("api", "v2");
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(running(&world), ["api=v2 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_request_that_is_refused_for_a_while_is_repeated() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    world.behave("web", "v2", Behaviour::Slow(Duration::from_secs(30)));
    let throttled = Failure::Refused(PortErrorKind::Throttled);
    world.fail(CallFault::once("request_rollback api", throttled).times(3));
    world.fail(CallFault::once("request_rollback web", Failure::Lost));
    deployed(&world, scene.environment(), Outcome::RolledBack).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn superseded_is_neither_a_success_nor_a_rollback() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.behave("api", "v2", Behaviour::Superseded(Duration::from_secs(1)));
    let told = deployed(&world, scene.environment(), Outcome::Superseded).await;
    assert!(told.contains(&"api: superseded".to_owned()), "{told:?}");
    assert!(told.contains(&"web: succeeded".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_vanishes_failed() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::Vanishes(Duration::from_secs(1)));
    let told = deployed(&world, scene.environment(), Outcome::Failed).await;
    assert!(told.contains(&"api: failed".to_owned()), "{told:?}");
    assert!(running(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_even_begin_fails_and_the_others_go_back() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.fail(CallFault::once(
        "update api",
        Failure::Refused(PortErrorKind::Invalid),
    ));
    let told = deployed(&world, scene.environment(), Outcome::Failed).await;
    assert!(told.contains(&"api: failed: could not update api: refused by the test".to_owned()));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_sent_fails_before_anything_rolls() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    world.fail(CallFault::once(
        "push",
        Failure::Refused(PortErrorKind::Denied),
    ));
    deployed(&world, scene.environment(), Outcome::Failed).await;
    assert!(running(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_retreat_that_fails_is_a_failed_release() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.edit("web", "v2");
    world.behave("api", "v2", Behaviour::NeverHealthy);
    world.behave("web", "v1", Behaviour::CrashAtStart);
    let command = Command::new(&world, scene.environment());
    let completed = command.deploy().await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Failed));
    assert_eq!(running(&world), ["api=v1 x2", "web=v2 x2"]);
    let after = world.releases()[1].after().cloned().expect("it ended");
    assert_eq!(after.services["web"].revision.short(), "web:2");
    assert_fair(&world);
}

/// The first release failed and was given up.
async fn given_up(scene: &Scene) -> World {
    let world = World::new();
    world.behave("api", "v1", Behaviour::CrashAtStart);
    deployed(&world, scene.clone().environment(), Outcome::Failed).await;
    assert_eq!(running(&world), ["api=v1 x0"]);
    empties().await;
    world
}

/// Without tasks a rollout counts as completed after a while.
async fn empties() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_nothing_to_go_back_to() {
    let scene = Scene::of(&["api"]);
    let world = given_up(&scene).await;
    // Other contents, the same again, and others that the platform's breaker sees first.
    for (contents, behaviour) in [
        ("v2", Behaviour::CrashAtStart),
        ("v2", Behaviour::CrashAtStart),
        ("v3", Behaviour::NeverHealthy),
    ] {
        world.edit("api", contents);
        world.behave("api", contents, behaviour);
        let told = deployed(&world, scene.clone().environment(), Outcome::Failed).await;
        let end = &told[told.len() - 3..told.len() - 1];
        assert_eq!(end, ["api: given up", "api: failed"], "{told:?}");
        assert_eq!(running(&world), [format!("api={contents} x0")]);
        empties().await;
    }
    world.edit("api", "v4");
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(running(&world), ["api=v4 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_brings_back_after_a_first_release_is_given_up_too() {
    let scene = Scene::of(&["api"]);
    let world = given_up(&scene).await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    // Nobody looks until the breaker has sent the service back to what crashed before.
    let blind = Failure::Refused(PortErrorKind::Unavailable);
    world.fail(CallFault::once("progress", blind).times(8));
    let told = deployed(&world, scene.clone().environment(), Outcome::Failed).await;
    assert!(told.contains(&"api: given up".to_owned()), "{told:?}");
    assert_eq!(world.running()["api"].split(' ').next_back(), Some("x0"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ran_before_the_record_began_is_never_given_up() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.forget_releases();
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    deployed(&world, scene.environment(), Outcome::RolledBack).await;
    assert_eq!(running(&world), ["api=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn going_back_that_never_ends_is_a_failure() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.turn("api", Behaviour::CrashAtStart);
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::CrashAtStart);
    let began = tokio::time::Instant::now();
    deployed(&world, scene.environment(), Outcome::Failed).await;
    let took = began.elapsed();
    let timeout = Duration::from_secs(120);
    assert!(timeout < took && took < 2 * timeout, "{took:?}");
    let last = world.releases().pop().expect("a release");
    let told = format!("{:?}", last.entries);
    assert!(
        told.contains("it was to go back, and did not within"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_service_goes_again_with_those_that_go_back() {
    let world = World::new();
    let scene = Scene::of(&["api", "solo", "web"]).independent("solo");
    let before = scene.clone().without("web").without("solo");
    deployed(&world, before.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::NeverHealthy);
    let told = deployed(&world, scene.environment(), Outcome::RolledBack).await;
    assert_eq!(running(&world), ["api=v1 x2", "solo=v1 x2"]);
    for line in ["web: goes back: api failed", "web: removed"] {
        assert!(told.contains(&line.to_owned()), "{line}: {told:?}");
    }
    let after = world.releases()[1].after().cloned().expect("it ended");
    assert!(!after.services.contains_key("web"));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_answer_for_a_while_is_waited_for_and_told_of() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    let gone = Failure::Refused(PortErrorKind::Unavailable);
    world.fail(CallFault::once("progress", gone).after(1).times(6));
    let told = deployed(&world, scene.environment(), Outcome::Succeeded).await;
    let silent = told.iter().position(|line| line == "unanswered");
    let answers = told.iter().position(|line| line == "answered");
    assert!(silent.is_some() && silent < answers, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_never_answers_again_is_left_and_resumed_later() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    let gone = Failure::Refused(PortErrorKind::Unavailable);
    world.fail(CallFault::once("progress", gone).times(1000));
    let command = Command::new(&world, scene.clone().environment());
    let began = tokio::time::Instant::now();
    let left = command.deploy().await.expect_err("nobody answers");
    assert!(
        began.elapsed() < Duration::from_secs(150),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        left.hints(),
        ["once it answers, `seaway resume local` goes on"]
    );
    assert_fair(&world);
    world.clear_faults();
    let resumed = Command::new(&world, scene.environment());
    let resumed = resumed.resume(Resumption::GoOn).await.expect("carried out");
    assert_eq!(outcome(&resumed), Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn what_succeeded_in_a_first_release_stays() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    world.behave("api", "v1", Behaviour::CrashAtStart);
    deployed(&world, scene.environment(), Outcome::Failed).await;
    assert_eq!(running(&world), ["api=v1 x0", "web=v1 x2"]);
}
