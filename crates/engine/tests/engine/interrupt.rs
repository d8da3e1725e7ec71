//! Ctrl-C, and what can be done after it.

use std::time::Duration;

use async_trait::async_trait;
use seaway_core::plan::Plan;
use seaway_core::release::Outcome;
use seaway_engine::{Answer, Completed, Confirm, EngineError, Interrupter, Occasion, Resumption};
use seaway_testkit::{Behaviour, JobBehaviour, Moment, Scene, World};

use crate::command::{Command, assert_fair, assert_settled, deployed, outcome, policy, running};

const MOMENT: Duration = Duration::from_millis(1500);

/// Presses Ctrl-C a moment after `command` began to deploy.
async fn detached(command: &mut Command) -> Vec<String> {
    let press = async {
        tokio::time::sleep(MOMENT).await;
        command.interrupter.interrupt();
        std::future::pending::<()>().await
    };
    let completed = tokio::select! {
        completed = command.deploy() => completed.expect("carried out"),
        () = press => unreachable!("pressing never ends"),
    };
    assert!(
        matches!(completed, Completed::Detached { .. }),
        "{completed:?}"
    );
    command.told()
}

fn slow(world: &World) {
    world.behave("api", "v2", Behaviour::Slow(Duration::from_secs(20)));
    world.edit("api", "v2");
    world.edit("web", "v2");
}

#[tokio::test(start_paused = true)]
async fn it_stops_following_and_resume_goes_on() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    slow(&world);
    let told = detached(&mut Command::new(&world, scene.clone().environment())).await;
    assert_eq!(told.last().map(String::as_str), Some("interrupted"));
    assert_eq!(world.releases()[1].outcome(), None);
    assert_fair(&world);

    // The working tree moved on; resuming doesn't look at it.
    world.edit("api", "v3");
    let mut command = Command::new(&world, scene.clone().environment());
    let completed = command.resume(Resumption::GoOn).await.expect("resumed");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert_eq!(command.told()[0], "r2 goes on");
    assert_eq!(running(&world), ["api=v2 x2", "web=v2 x2"]);
    assert_eq!(world.releases()[1].outcome(), Some(Outcome::Succeeded));
    world.edit("api", "v2");
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn undo_takes_back_and_removes_what_was_created() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.environment(), Outcome::Succeeded).await;
    slow(&world);
    let scene = Scene::of(&["api", "web"]);
    detached(&mut Command::new(&world, scene.clone().environment())).await;
    let command = Command::new(&world, scene.environment());
    let before = world.calls().len();
    let completed = command.resume(Resumption::Undo).await.expect("undone");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    let calls = world.calls().split_off(before);
    let locked = calls.iter().filter(|call| *call == "try_acquire").count();
    assert_eq!(locked, 1, "nobody comes in between");
    assert_eq!(running(&world), ["api=v1 x2"]);
    assert_eq!(world.releases()[1].outcome(), Some(Outcome::Undone));
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn undo_of_a_release_that_changed_nothing_only_closes_it() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    world.edit("api", "v2");
    world.job_behaves(
        "migrate",
        JobBehaviour::SucceedsAfter(Duration::from_secs(20)),
    );
    detached(&mut Command::new(&world, scene.clone().environment())).await;
    let command = Command::new(&world, scene.environment());
    let completed = command.resume(Resumption::Undo).await.expect("undone");
    assert!(
        matches!(completed, Completed::NothingToDo { .. }),
        "{completed:?}"
    );
    assert_eq!(world.releases()[1].outcome(), Some(Outcome::Undone));
    assert_eq!(running(&world), ["api=v1 x2"]);
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_not_started_again_by_resume() {
    let (world, scene) = (
        World::new(),
        Scene::of(&["api"]).job_before("migrate", "api"),
    );
    world.job_behaves(
        "migrate",
        JobBehaviour::SucceedsAfter(Duration::from_secs(20)),
    );
    detached(&mut Command::new(&world, scene.clone().environment())).await;
    let command = Command::new(&world, scene.clone().environment());
    let completed = command.resume(Resumption::GoOn).await.expect("resumed");
    assert_eq!(outcome(&completed), Some(Outcome::Succeeded));
    assert!(
        !world
            .calls()
            .iter()
            .any(|call| call.contains("job-migrate/2"))
    );
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_not_reached_is_not_started_by_the_next_deploy() {
    let scene = Scene::of(&["api"])
        .job_before("first", "api")
        .job_before("second", "api");
    let world = World::new();
    world.job_behaves(
        "first",
        JobBehaviour::SucceedsAfter(Duration::from_secs(20)),
    );
    detached(&mut Command::new(&world, scene.clone().environment())).await;
    deployed(&world, scene.environment(), Outcome::Succeeded).await;
    let seconds = world
        .calls()
        .iter()
        .filter(|call| *call == "start second")
        .count();
    assert_eq!(seconds, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_cut_off_is_nothing_to_resume() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    deployed(&world, scene.clone().environment(), Outcome::Succeeded).await;
    for resumption in [Resumption::GoOn, Resumption::Undo] {
        let refused = Command::new(&world, scene.clone().environment())
            .resume(resumption)
            .await;
        assert!(
            matches!(refused, Err(EngineError::NothingToResume { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn resume_waits_for_a_release_that_is_still_made_and_then_leaves_it_alone() {
    let (world, scene) = (World::new(), Scene::of(&["api"]));
    let (first, second) = (
        Command::new(&world, scene.clone().environment()),
        Command::of("bob", &world, scene.environment()),
    );
    let late = async {
        tokio::time::sleep(MOMENT).await;
        second.resume(Resumption::GoOn).await
    };
    let (made, resumed) = tokio::join!(first.deploy(), late);
    assert_eq!(outcome(&made.expect("made")), Some(Outcome::Succeeded));
    assert!(
        matches!(resumed, Err(EngineError::NothingToResume { .. })),
        "{resumed:?}"
    );
    assert_fair(&world);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_stops_the_following_and_not_the_release() {
    let (world, scene) = (World::new(), Scene::of(&["api", "web"]));
    let command = Command::new(&world, scene.clone().environment());
    let dropped = tokio::time::timeout(MOMENT, command.deploy()).await;
    assert!(dropped.is_err(), "it was still under way");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.releases()[0].outcome(), Some(Outcome::Succeeded));
    assert_settled(&world, scene.environment()).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_at_any_time_frees_the_lock() {
    for milliseconds in (0..120).step_by(3) {
        let (world, scene) = (World::new(), Scene::of(&["api"]));
        let command = Command::new(&world, scene.clone().environment());
        let time = Duration::from_millis(milliseconds);
        let _dropped = tokio::time::timeout(time, command.deploy()).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(world.lock_is_free(), "after {milliseconds} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_cut_off_release_left_running_is_waited_for() {
    let world = World::new();
    world.job_behaves(
        "migrate",
        JobBehaviour::SucceedsAfter(Duration::from_secs(20)),
    );
    let scene = Scene::of(&["api"]).job_before("migrate", "api");
    detached(&mut Command::new(&world, scene.environment())).await;
    let began = tokio::time::Instant::now();
    let told = deployed(
        &world,
        Scene::of(&["api"]).environment(),
        Outcome::Succeeded,
    )
    .await;
    assert_eq!(
        told[..2],
        ["migrate: awaits job-migrate/1 of r1", "migrate: succeeded"]
    );
    assert!(told[2].starts_with("r2 starts"), "{told:?}");
    assert!(began.elapsed() > Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_cut_off_release_never_started_is_not_started_for_it() {
    let started = |world: &World| world.calls().iter().any(|call| call == "start migrate");
    let scene = Scene::of(&["api"]).job_before("migrate", "api");
    let mut cut_off_before_it = 0;
    for call in 0.. {
        let world = World::new();
        let command = Command::new(&world, scene.clone().environment());
        command.client.kill_at(call, Moment::Before);
        tokio::select! {
            _made = command.deploy() => panic!("it was to be killed"),
            () = command.client.died() => {}
        }
        if started(&world) {
            break;
        }
        cut_off_before_it += usize::from(!world.releases().is_empty());
        // The manifest no longer has the job.
        let next = Command::of("bob", &world, Scene::of(&["api"]).environment());
        next.deploy().await.expect("made");
        assert!(!started(&world), "killed before call {call}");
    }
    assert!(cut_off_before_it > 1, "its intent was on record");
}

/// Ctrl-C before anything was changed: the command ends soon, and nothing is on record.
async fn leaves_no_trace(
    world: &World,
    made: impl Future<Output = Result<Completed, EngineError>>,
) {
    let made = tokio::time::timeout(Duration::from_secs(5), made).await;
    let made = made.expect("it ends soon");
    assert!(matches!(made, Err(EngineError::Interrupted)), "{made:?}");
    assert!(world.releases().is_empty());
    assert!(running(world).is_empty());
    assert_fair(world);
}

#[tokio::test(start_paused = true)]
async fn during_a_build_it_ends_the_command() {
    let world = World::new();
    world.builds_take(Duration::from_secs(600));
    let command = Command::new(&world, Scene::of(&["api", "web"]).environment());
    let press = async {
        tokio::time::sleep(MOMENT).await;
        command.interrupter.interrupt();
        std::future::pending::<()>().await
    };
    let made = async {
        tokio::select! {
            made = command.deploy() => made,
            () = press => unreachable!("pressing never ends"),
        }
    };
    leaves_no_trace(&world, made).await;
}

/// Presses Ctrl-C when asked, and gives the answer then, if any.
struct Pressing<'a>(&'a Interrupter, Option<Answer>);

#[async_trait]
impl Confirm for Pressing<'_> {
    async fn confirm(&self, _plan: &Plan, _occasion: Occasion) -> Answer {
        self.0.interrupt();
        match self.1 {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_question_it_ends_the_command_whatever_is_answered() {
    for answer in [None, Some(Answer::Confirmed)] {
        let world = World::new();
        let command = Command::new(&world, Scene::of(&["api"]).environment());
        let pressing = Pressing(&command.interrupter, answer);
        let policy = policy();
        let made = seaway_engine::deploy(&command.session, &policy, &pressing);
        leaves_no_trace(&world, made).await;
    }
}
