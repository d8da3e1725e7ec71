//! Restart, scale, and one-off commands.

use std::time::Duration;

use seaway_core::release::Outcome;
use seaway_engine::{EngineError, RunRequest};
use seaway_ports::JobState;
use seaway_testkit::{JobBehaviour, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, named, outcome, running};

#[tokio::test(start_paused = true)]
async fn a_restart_makes_new_tasks_of_the_same_revision() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let mut command = Command::new(&world, scene.clone().environment());
    let only = Some(named(&["api"]));
    let completed = seaway_engine::restart(&command.session, only, &command.asked).await;
    assert_eq!(
        outcome(&completed.expect("carried out")),
        Some(Outcome::Succeeded)
    );
    assert_eq!(
        command.told(),
        [
            "r2 starts: force api",
            "api: rolls to api:1 as api/2",
            "api: succeeded",
            "r2 succeeded"
        ]
    );
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn scaling_waits_for_the_tasks_and_a_deploy_leaves_the_count_alone() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    let command = Command::new(&world, scene.clone().environment());
    let api = "api".parse().expect("a name");
    let before = tokio::time::Instant::now();
    let completed = seaway_engine::scale(&command.session, &api, 5, &command.asked).await;
    assert_eq!(
        outcome(&completed.expect("carried out")),
        Some(Outcome::Succeeded)
    );
    assert!(
        before.elapsed() >= Duration::from_secs(1),
        "it waited for the tasks"
    );
    assert_eq!(running(&world), ["api=v1 x5", "web=v1 x2"]);
    world.edit("api", "v2");
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    assert_eq!(running(&world), ["api=v2 x5", "web=v1 x2"]);
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_or_an_empty_history_is_an_error() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    let command = Command::new(&world, scene.clone().environment());
    let refused = seaway_engine::restart(&command.session, None, &command.asked).await;
    assert!(
        matches!(refused, Err(EngineError::NoRelease { .. })),
        "{refused:?}"
    );
    deployed(&world, scene.environment(), Outcome::Succeeded).await;
    let stranger = "stranger".parse().expect("a name");
    let refused = seaway_engine::scale(&command.session, &stranger, 1, &command.asked).await;
    assert!(
        matches!(refused, Err(EngineError::UnknownService { .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_gives_its_exit_code_and_its_lines() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.job_behaves(
        "report",
        JobBehaviour::FailsAfter(Duration::from_secs(2), 42),
    );
    let mut command = Command::new(&world, scene.environment());
    let request = RunRequest {
        service: "api".parse().expect("a name"),
        command: vec!["report".into()],
    };
    let state = seaway_engine::run(&command.session, &request)
        .await
        .expect("it ran");
    assert!(
        matches!(
            state,
            JobState::Failed {
                exit_code: Some(42),
                ..
            }
        ),
        "{state:?}"
    );
    assert_eq!(
        command.told(),
        [
            "api: started as api/1",
            "api: | api writes a line",
            "api: failed (42): the command failed"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_command_is_stopped() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.job_behaves(
        "report",
        JobBehaviour::SucceedsAfter(Duration::from_secs(60)),
    );
    let command = Command::new(&world, scene.environment());
    let request = RunRequest {
        service: "api".parse().expect("a name"),
        command: vec!["report".into()],
    };
    let press = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        command.interrupter.interrupt();
    };
    let (ran, ()) = tokio::join!(seaway_engine::run(&command.session, &request), press);
    assert!(matches!(ran, Err(EngineError::Interrupted)), "{ran:?}");
    assert!(world.calls().contains(&"stop api/1".to_owned()));
    assert_fair(&world);
}
