//! Deploys that go well, and what keeps one from beginning.

use std::time::Duration;

use seaway_core::plan::{Block, Orphans, Policy};
use seaway_core::release::Outcome;
use seaway_engine::{Completed, EngineError};
use seaway_ports::PortErrorKind;
use seaway_testkit::{Behaviour, CallFault, Failure, JobBehaviour, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, outcome, policy, running};

#[tokio::test(start_paused = true)]
async fn a_first_deploy_pushes_provisions_and_creates() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    let told = deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(
        told,
        [
            "r1 starts: push api, push web, provision, create api, create web",
            "api: pushed",
            "web: pushed",
            "ready: load balancer",
            "api: rolls to api:1 as api/1",
            "web: rolls to web:1 as web/1",
            "api: succeeded",
            "web: succeeded",
            "r1 succeeded",
        ]
    );
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_moves_only_what_changed() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    let told = deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(
        told,
        [
            "r2 starts: push api, update api",
            "api: pushed",
            "api: rolls to api:2 as api/2",
            "api: succeeded",
            "r2 succeeded",
        ]
    );
    assert_eq!(running(&world), ["api=v2 x2", "web=v1 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn settings_and_count_are_applied_without_a_rollout_and_recorded() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let scene = scene.count("api", 3).max_percent("api", 150);
    let told = deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(
        told,
        [
            "r2 starts: configure api",
            "api: configured",
            "api: succeeded",
            "r2 succeeded"
        ]
    );
    assert_eq!(running(&world), ["api=v1 x3"]);
    let after = world.releases()[1].after().cloned().expect("it ended");
    assert_eq!(after.services["api"].service.count, 3);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn jobs_run_first_and_their_lines_are_passed_on() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    let told = deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(
        told,
        [
            "r1 starts: push api, provision, run migrate, create api",
            "api: pushed",
            "ready: load balancer",
            "migrate: started as job-migrate/1",
            "migrate: | job-migrate writes a line",
            "migrate: succeeded",
            "api: rolls to api:1 as api/1",
            "api: succeeded",
            "r1 succeeded",
        ]
    );
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_job_stops_the_release_and_nothing_rolls() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.job_behaves(
        "migrate",
        JobBehaviour::FailsAfter(Duration::from_secs(1), 3),
    );
    let told = deployed(&world, scene.environment(), Outcome::Failed).await;
    assert_eq!(
        told,
        [
            "r2 starts: push api, run migrate, update api",
            "api: pushed",
            "migrate: started as job-migrate/2",
            "migrate: | job-migrate writes a line",
            "migrate: failed (3): the command failed",
            "r2 failed",
        ]
    );
    assert_eq!(running(&world), ["api=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long_is_stopped() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    world.job_behaves(
        "migrate",
        JobBehaviour::SucceedsAfter(Duration::from_secs(600)),
    );
    let told = deployed(&world, scene.environment(), Outcome::Failed).await;
    assert!(
        told.contains(&"migrate: failed: not done after 1m".to_owned()),
        "{told:?}"
    );
    assert!(world.calls().contains(&"stop job-migrate/1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_is_waited_for() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    world.behave("api", "v1", Behaviour::Slow(Duration::from_secs(90)));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn passing_errors_while_following_are_survived() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    let throttled = Failure::Refused(PortErrorKind::Throttled);
    world.fail(CallFault::once("progress", throttled).times(4));
    world.fail(CallFault::once("progress", Failure::Lost).after(1));
    world.fail(CallFault::once("state job-migrate", throttled).times(2));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_got_lost_is_repeated() {
    for call in ["register", "create", "push", "provision", "start migrate"] {
        let (world, scene) = (
            World::new(),
            Scene::of(&["api"]).job_before("migrate", "api"),
        );
        world.fail(CallFault::once(call, Failure::Lost));
        deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
        assert_eq!(running(&world), ["api=v1 x2"], "{call}");
        assert_settled(&world, scene.environment()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_left_the_manifest_stays_until_it_is_pruned() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let scene = scene.without("web");
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);

    let mut command = Command::new(&world, scene.clone().environment());
    let prune = Policy {
        orphans: Orphans::Remove,
        ..policy()
    };
    let completed = command.deploy_with(&prune).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert_eq!(
        command.told(),
        ["r3 starts: remove web", "web: removed", "r3 succeeded"]
    );
    assert_eq!(running(&world), ["api=v1 x2"]);
    let after = world.releases()[2].after().cloned().expect("it ended");
    assert_eq!(after.services.len(), 1);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_refused_fails_the_release_and_ends_it() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.fail(CallFault::once(
        "remove web",
        Failure::Refused(PortErrorKind::Denied),
    ));
    let mut command = Command::new(&world, scene.without("web").environment());
    let prune = Policy {
        orphans: Orphans::Remove,
        ..policy()
    };
    let completed = command.deploy_with(&prune).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Failed));
    assert_eq!(command.told().last().map(String::as_str), Some("r2 failed"));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_not_touched() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.hide("api");
    let refused = Command::new(&world, scene.environment()).deploy().await;
    let Err(EngineError::Blocked {
        block: Block::Unknown { .. },
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(world.releases().len(), 1);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_is_no_release() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let command = Command::new(&world, scene.environment());
    let completed = command.deploy().await.expect("planned");
    assert!(
        matches!(completed, Completed::NothingToDo { .. }),
        "{completed:?}"
    );
    assert!(command.asked.occasions().is_empty());
    assert_eq!(world.releases().len(), 1);
}
