//! What is provisioned around the services is part of a release: it comes back with them.

use std::time::Duration;

use seaway_core::release::{Outcome, ReleaseId};
use seaway_engine::{Completed, Resumption, RollbackTarget};
use seaway_ports::PortErrorKind;
use seaway_testkit::{Behaviour, CallFault, Failure, JobBehaviour, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, outcome, running};

const GOOD: &str = "/api/*";

/// Two services; `api` is well.
async fn well() -> (World, Scene) {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]).route("api", GOOD));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    (world, scene)
}

fn wrong(scene: &Scene) -> Scene {
    scene.clone().route("api", "/wrong/*")
}

/// The route to `api` and `api` itself change, and no task passes.
async fn fails(world: &World, scene: &Scene, expected: Outcome) -> Vec<String> {
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::NeverHealthy);
    deployed(world, wrong(scene).environment(), expected).await
}

async fn goes_back(world: &World, scene: Scene, target: RollbackTarget) {
    let command = Command::new(world, scene.environment());
    let completed = command.rollback(target).await.expect("carried out");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert_fair(world);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_alone_brings_the_routes_back_as_the_service_goes_back() {
    let (world, scene) = well().await;
    fails(&world, &scene, Outcome::RolledBack).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    let releases = world.releases();
    assert_eq!(releases[1].after(), releases[0].after());

    // Not when all is over: before the platform is asked again how the way back goes.
    let calls = world.calls();
    let asked = calls.iter().position(|call| call == "request_rollback api");
    let mut later = calls[asked.expect("asked")..].iter();
    let next = later.find(|call| *call == "provision" || *call == "progress");
    assert_eq!(next.map(String::as_str), Some("provision"));

    world.edit("api", "v1");
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn the_routes_are_back_before_the_others_are() {
    let (world, scene) = well().await;
    world.edit("web", "v2");
    fails(&world, &scene, Outcome::RolledBack).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    let calls = world.calls();
    let last = |name: &str| calls.iter().rposition(|call| call == name);
    assert!(last("provision") < last("update web"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_brings_the_routes_back() {
    let world = World::new();
    let scene = Scene::of(&["api"])
        .route("api", GOOD)
        .job_before("migrate", "api");
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.job_behaves("migrate", JobBehaviour::FailsAfter(Duration::ZERO, 1));
    deployed(&world, wrong(&scene).environment(), Outcome::Failed).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    let releases = world.releases();
    assert_eq!(releases[1].after(), releases[0].after());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_brought_back_fails_the_release_and_stays_on_record() {
    let (world, scene) = well().await;
    let refused = Failure::Refused(PortErrorKind::Denied);
    world.fail(CallFault::once("provision", refused).after(1));
    fails(&world, &scene, Outcome::Failed).await;
    assert_eq!(world.route("api").as_deref(), Some("/wrong/*"));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);

    // The way back is still open.
    goes_back(&world, scene, RollbackTarget::Release(ReleaseId(1))).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
}

#[tokio::test(start_paused = true)]
async fn a_release_of_nothing_but_a_route_can_be_rolled_back() {
    let (world, scene) = well().await;
    deployed(&world, wrong(&scene).environment(), Outcome::Succeeded).await;
    assert_eq!(world.route("api").as_deref(), Some("/wrong/*"));
    goes_back(&world, wrong(&scene), RollbackTarget::Previous).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn one_service_goes_back_in_the_infrastructure_of_now() {
    let (world, scene) = well().await;
    world.edit("api", "v2");
    let other = scene.route("web", "/other/*");
    deployed(&world, other.clone().environment(), Outcome::Succeeded).await;
    let target = RollbackTarget::Service {
        service: "api".parse().expect("a name"),
        revision: None,
    };
    goes_back(&world, other, target).await;
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_eq!(world.route("web").as_deref(), Some("/other/*"));
    let after = world.releases()[2].after().cloned().expect("it ended");
    let before = world.releases()[1].after().cloned().expect("it ended");
    assert_eq!(after.infrastructure, before.infrastructure);
}

/// A release with the wrong route is cut off while `api` rolls.
async fn cut_off(world: &World, scene: &Scene) {
    world.edit("api", "v2");
    world.behave("api", "v2", Behaviour::Slow(Duration::from_secs(20)));
    let command = Command::new(world, wrong(scene).environment());
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
    assert_eq!(world.route("api").as_deref(), Some("/wrong/*"));
}

#[tokio::test(start_paused = true)]
async fn undo_brings_the_routes_back() {
    let (world, scene) = well().await;
    cut_off(&world, &scene).await;
    let command = Command::new(&world, wrong(&scene).environment());
    command.resume(Resumption::Undo).await.expect("undone");
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
    assert_eq!(running(&world), ["api=v1 x2", "web=v1 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_off_release_provisioned_is_nothing_to_go_back_to() {
    let (world, scene) = well().await;
    cut_off(&world, &scene).await;
    world.edit("api", "v3");
    world.behave("api", "v3", Behaviour::NeverHealthy);
    deployed(&world, wrong(&scene).environment(), Outcome::RolledBack).await;
    assert_eq!(world.route("api").as_deref(), Some(GOOD));
}
