//! Rollbacks: to the previous release, to a named one, of one service; without a build.

use seaway_core::plan::Block;
use seaway_core::release::{Outcome, ReleaseId};
use seaway_engine::{EngineError, RollbackTarget};
use seaway_testkit::{Scene, World};

use crate::command::{Command, assert_fair, deployed, outcome, running};

/// Releases r1 with `v1`, r2 with `v2` of api, r3 with `v2` of web.
async fn three_releases() -> (World, Scene) {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    for service in ["api", "web"] {
        world.edit(service, "v2");
        deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    }
    (world, scene)
}

async fn goes_back(world: &World, scene: Scene, target: RollbackTarget) -> Vec<String> {
    let mut command = Command::new(world, scene.environment());
    let completed = command.rollback(target).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert_fair(world);
    command.told()
}

#[tokio::test(start_paused = true)]
async fn a_plain_rollback_goes_to_the_release_before() {
    let (world, scene) = three_releases().await;
    let told = goes_back(&world, scene, RollbackTarget::Previous).await;
    assert_eq!(
        told,
        [
            "r4 starts: update web",
            "web: rolls to web:1 as web/3",
            "web: succeeded",
            "r4 succeeded"
        ]
    );
    assert_eq!(running(&world), ["api=v2 x2", "web=v1 x2"]);
    assert!(
        !world
            .calls()
            .iter()
            .rev()
            .take(30)
            .any(|call| call.starts_with("build"))
    );
    let releases = world.releases();
    assert_eq!(
        releases[3]
            .after()
            .map(|after| after.services["web"].revision.short().to_owned()),
        Some("web:1".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_named_release_comes_back_whole() {
    let (world, scene) = three_releases().await;
    goes_back(&world, scene, RollbackTarget::Release(ReleaseId(1))).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn one_service_goes_back_alone() {
    let (world, scene) = three_releases().await;
    let service = "api".parse().expect("a name");
    let target = RollbackTarget::Service {
        service,
        revision: Some("1".into()),
    };
    goes_back(&world, scene.clone(), target).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v2 x2"]);
    let service = "api".parse().expect("a name");
    let target = RollbackTarget::Service {
        service,
        revision: None,
    };
    goes_back(&world, scene, target).await;
    assert_eq!(running(&world), ["api=v2 x2", "web=v2 x2"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_added_since_is_left_alone() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    let scene = Scene::of(&["api", "web"]);
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    goes_back(&world, scene, RollbackTarget::Previous).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_gone_blocks() {
    let (world, scene) = three_releases().await;
    world.forget_image("api", "v1");
    let command = Command::new(&world, scene.environment());
    let refused = command
        .rollback(RollbackTarget::Release(ReleaseId(1)))
        .await;
    let Err(EngineError::Blocked {
        block: Block::ImageGone { .. },
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(running(&world), ["api=v2 x2", "web=v2 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_on_record_is_refused() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let command = Command::new(&world, scene.environment());
    let refused = command.rollback(RollbackTarget::Previous).await;
    assert!(
        matches!(refused, Err(EngineError::NothingBefore)),
        "{refused:?}"
    );
    let refused = command
        .rollback(RollbackTarget::Release(ReleaseId(7)))
        .await;
    assert!(
        matches!(refused, Err(EngineError::UnknownRelease { .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_named_release_is_found_however_old_it_is() {
    let (world, scene) = three_releases().await;
    world.repeat_release(100);
    goes_back(&world, scene, RollbackTarget::Release(ReleaseId(1))).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
}
