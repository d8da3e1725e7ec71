//! Whatever goes wrong: intent precedes act, the lock is free at the end, and a success is one.

use std::time::Duration;

use proptest::prelude::*;
use seaway_core::release::Outcome;
use seaway_engine::Completed;
use seaway_ports::PortErrorKind;
use seaway_testkit::{Behaviour, CallFault, Failure, JobBehaviour, Moment, Scene, World};

use crate::command::{Command, assert_settled, outcome};

const SERVICES: [&str; 3] = ["api", "solo", "web"];

/// What one deploy meets.
#[derive(Debug, Clone)]
struct Script {
    behaviours: Vec<Behaviour>,
    job: JobBehaviour,
    faults: Vec<CallFault>,
    interrupt_after: Option<u64>,
    steal_after: Option<u64>,
    /// The call in which the command is killed.
    killed_at: Option<usize>,
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        5 => Just(Behaviour::Healthy),
        1 => (3_u64..300).prop_map(|s| Behaviour::Slow(Duration::from_secs(s))),
        1 => Just(Behaviour::CrashAtStart),
        1 => Just(Behaviour::NeverHealthy),
        1 => Just(Behaviour::WrongPort),
        1 => Just(Behaviour::ImageMissing),
        1 => Just(Behaviour::SecretMissing),
        1 => (0_u64..4).prop_map(|s| Behaviour::Superseded(Duration::from_secs(s))),
        1 => (1_u64..4).prop_map(|s| Behaviour::Vanishes(Duration::from_secs(s))),
    ]
}

fn fault() -> impl Strategy<Value = CallFault> {
    let calls = [
        "progress",
        "create",
        "update",
        "register",
        "push",
        "provision",
        "start",
        "find",
        "state",
        "append",
        "begin",
        "verify",
        "heartbeat",
        "observe",
        "held",
        "newest",
        "request_rollback",
        "scale",
        "list",
        "configure",
        "restore_check",
        "tail",
        "read logs",
    ];
    let how = prop_oneof![
        3 => Just(Failure::Lost),
        2 => Just(Failure::Refused(PortErrorKind::Throttled)),
        1 => Just(Failure::Refused(PortErrorKind::Unavailable)),
        1 => Just(Failure::Refused(PortErrorKind::Denied)),
    ];
    (
        prop::sample::select(calls.to_vec()),
        how,
        0_usize..5,
        1_usize..4,
    )
        .prop_map(|(call, how, skip, times)| CallFault::once(call, how).after(skip).times(times))
}

fn script() -> impl Strategy<Value = Script> {
    let job = prop_oneof![
        4 => Just(JobBehaviour::default()),
        1 => Just(JobBehaviour::FailsAfter(Duration::from_secs(1), 1)),
    ];
    (
        prop::collection::vec(behaviour(), SERVICES.len()),
        job,
        prop::collection::vec(fault(), 0..4),
        prop::option::weighted(0.2, 0_u64..8000),
        prop::option::weighted(0.1, 0_u64..8000),
        prop::option::weighted(0.2, 0_usize..90),
    )
        .prop_map(
            |(behaviours, job, faults, interrupt_after, steal_after, killed_at)| Script {
                behaviours,
                job,
                faults,
                interrupt_after,
                steal_after,
                killed_at,
            },
        )
}

/// Every other version is checked by another path.
fn scene(version: usize) -> Scene {
    let path = ["/health", "/ready"][version % 2];
    Scene::of(&SERVICES)
        .independent("solo")
        .job_before("migrate", "api")
        .health_path("api", path)
        .health_path("solo", path)
}

/// One deploy of a new version of everything, under a script.
async fn one(world: &World, version: usize, script: &Script) {
    let contents = format!("v{version}");
    for (service, behaviour) in SERVICES.iter().zip(&script.behaviours) {
        world.edit(service, &contents);
        world.behave(service, &contents, *behaviour);
    }
    world.job_behaves("migrate", script.job);
    for fault in &script.faults {
        world.fail(fault.clone());
    }
    let command = Command::new(world, scene(version).environment());
    if let Some(call) = script.killed_at {
        command.client.kill_at(call, Moment::After);
    }
    let disturb = async {
        let wait = |after: Option<u64>| async move {
            match after {
                Some(after) => tokio::time::sleep(Duration::from_millis(after)).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(
            async {
                wait(script.interrupt_after).await;
                command.interrupter.interrupt();
            },
            async {
                wait(script.steal_after).await;
                world.steal_lock();
            }
        );
        std::future::pending::<()>().await
    };
    let made = tokio::select! {
        made = command.deploy() => Some(made),
        () = command.client.died() => None,
        () = disturb => unreachable!("disturbing never ends"),
    };
    // What was under way when the future came to its end may still give the lock back.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let acts = world.violations().into_iter();
    let acts = acts.filter(|v| script.steal_after.is_none() || !v.ends_with("without the lock"));
    assert_eq!(acts.collect::<Vec<_>>(), Vec::<String>::new(), "{made:?}");
    world.clear_faults();
    world.forgive();
    if let Some(Ok(completed @ Completed::Ended { .. })) = &made
        && outcome(completed) == Some(Outcome::Succeeded)
    {
        let command = Command::new(world, scene(version).environment());
        let policy = crate::command::policy();
        let plan = seaway_engine::plan_deploy(&command.session, &policy).await;
        assert!(
            plan.as_ref().is_ok_and(|plan| plan.is_empty()),
            "planning again: {plan:?}"
        );
    }
}

async fn many(scripts: Vec<Script>) {
    let world = World::new();
    let count = scripts.len();
    // A dead command's lock stays until somebody takes it over.
    let mut lost = false;
    for (version, script) in scripts.into_iter().enumerate() {
        lost |= script.steal_after.is_some() || script.killed_at.is_some();
        one(&world, version, &script).await;
        if !lost {
            assert!(world.lock_is_free(), "release {version}");
        }
    }
    // Whatever happened before: a good version comes to rest.
    for service in SERVICES {
        world.edit(service, "good");
    }
    world.job_behaves("migrate", JobBehaviour::default());
    let command = Command::new(&world, scene(count).environment());
    let made = command.deploy().await.expect("carried out");
    assert_eq!(
        outcome(&made),
        Some(Outcome::Succeeded),
        "after {count} releases"
    );
    let open = world
        .releases()
        .iter()
        .any(|release| release.outcome().is_none());
    assert!(!open);
    world.forgive();
    assert_settled(&world, scene(count).environment()).await;
    assert!(
        world.running().values().all(|what| what == "good x2"),
        "{:?}",
        world.running()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intent_precedes_act_and_everything_comes_to_rest(scripts in prop::collection::vec(script(), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(many(scripts));
    }
}
