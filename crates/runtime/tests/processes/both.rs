//! What holds for a task whether it runs as a process or as a container.

use std::time::{Duration, Instant};

use seaway_runtime::event::{Exit, StartFailureReason};
use seaway_runtime::host::{ContainerPhase, HostError, TaskEventKind};
use seaway_runtime::logs::Stream;
use seaway_runtime::task::{Environment, MemoryLimit, StopSignal, Volume};

use crate::stage::{PATIENCE, eventually};
use crate::world::{Kind, World, exit_of, first_of, next, run, task_id};

/// Each test twice: once for each kind of task.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::harness::Test] = &[$(
            (
                concat!(module_path!(), "::process::", stringify!($name)),
                || run(Kind::Process, |world| Box::pin($name(world))),
            ),
            (
                concat!(module_path!(), "::container::", stringify!($name)),
                || run(Kind::Container, |world| Box::pin($name(world))),
            ),
        )*];
    };
}

on_both![
    a_task_starts_and_ends_with_its_exit_code,
    starting_twice_starts_once,
    the_given_signal_is_sent,
    what_ignores_the_signal_is_killed_after_the_timeout,
    a_command_that_is_not_there_is_explained,
    a_task_without_containers_is_refused,
    several_containers_live_side_by_side,
    a_task_is_forgotten_only_when_it_has_ended,
    the_declared_variables_and_the_port_arrive,
    both_streams_are_in_the_log_to_the_last_byte,
    a_long_line_stays_one_line,
    too_much_memory_is_killed_and_named,
    a_volume_outlives_its_task,
    tasks_run_on_without_a_platform_and_are_adopted,
    what_ended_without_a_platform_is_known,
    a_task_that_was_stopped_is_not_out_of_memory,
    shut_down_stops_every_task,
];

/// Ends when it is asked to. The first process of a container has to say so: the kernel gives it no
/// signal that it does not handle.
const SLEEPER: &str = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";

async fn a_task_starts_and_ends_with_its_exit_code(world: &mut World) {
    let mut events = world.events().await;
    world
        .host
        .start(world.script("one", "exit 7"))
        .await
        .unwrap();
    assert_eq!(next(&mut events).await.kind, TaskEventKind::Started);
    let exit = exit_of(&mut events, &task_id("one"), "main").await;
    assert_eq!((exit.code(), exit.oom), (Some(7), false));
    assert_eq!(world.phases("one").await, [ContainerPhase::Exited(exit)]);
}

async fn starting_twice_starts_once(world: &mut World) {
    let mut events = world.events().await;
    let task = world.script("twice", "echo ran; sleep 0.3");
    world.host.start(task.clone()).await.unwrap();
    world.host.start(task.clone()).await.unwrap();
    exit_of(&mut events, &task.id, "main").await;
    world.host.start(task).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.stage.stdout("twice"), ["ran"]);
}

async fn the_given_signal_is_sent(world: &mut World) {
    let mut events = world.events().await;
    let script = "trap 'echo quit; exit 9' QUIT; echo ready; while :; do sleep 0.05; done";
    world
        .host
        .start(world.script("quit", script))
        .await
        .unwrap();
    world.stage.line("quit", 0).await;
    let (id, signal) = (task_id("quit"), "SIGQUIT".parse().unwrap());
    world.host.stop(&id, signal, PATIENCE).await.unwrap();
    assert_eq!(exit_of(&mut events, &id, "main").await.code(), Some(9));
    assert_eq!(world.stage.stdout("quit"), ["ready", "quit"]);
    // Asked again, it stays as it is.
    world.host.stop(&id, signal, PATIENCE).await.unwrap();
}

async fn what_ignores_the_signal_is_killed_after_the_timeout(world: &mut World) {
    let mut events = world.events().await;
    let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    world
        .host
        .start(world.script("deaf", script))
        .await
        .unwrap();
    world.stage.line("deaf", 0).await;
    let begun = Instant::now();
    world.stop("deaf", Duration::from_millis(400)).await;
    let exit = exit_of(&mut events, &task_id("deaf"), "main").await;
    assert_eq!((exit.code(), exit.oom), (Some(137), false));
    assert!(
        begun.elapsed() >= Duration::from_millis(400),
        "it had its time"
    );
    assert!(begun.elapsed() < PATIENCE / 2);
}

async fn a_command_that_is_not_there_is_explained(world: &mut World) {
    let mut events = world.events().await;
    let task = world.task("absent", &["/no/such/program"]);
    world.host.start(task.clone()).await.unwrap();
    let TaskEventKind::StartFailed(failure) = first_of(&mut events, &task.id, "main").await else {
        panic!("it cannot have started");
    };
    assert_eq!(failure.reason, StartFailureReason::CommandNotFound);
    assert!(failure.message.contains("/no/such/program"), "{failure:?}");
    let failed = ContainerPhase::StartFailed(failure);
    assert_eq!(world.phases("absent").await, [failed]);
    world.reconnect().await;
    let [ContainerPhase::StartFailed(again)] = &world.phases("absent").await[..] else {
        panic!("it is known after a restart, too");
    };
    assert_eq!(again.reason, StartFailureReason::CommandNotFound);
    world.host.forget(&task.id).await.unwrap();
}

async fn a_task_without_containers_is_refused(world: &mut World) {
    let mut task = world.script("empty", "exit 0");
    let container = task.containers.pop().unwrap();
    if world.kind == Kind::Container {
        assert!(world.engine().start(task).is_err());
    } else {
        assert!(world.host.start(task).await.is_err());
    }
    drop(container);
    assert!(world.host.list().await.unwrap().is_empty());
}

async fn several_containers_live_side_by_side(world: &mut World) {
    let mut events = world.events().await;
    let scripts = [("first", "exit 3"), ("second", "sleep 0.5; exit 4")];
    let task = world.scripts("pair", &scripts);
    world.host.start(task.clone()).await.unwrap();
    assert_eq!(
        exit_of(&mut events, &task.id, "first").await.code(),
        Some(3)
    );
    let second = &world.phases("pair").await[1];
    assert!(matches!(
        second,
        ContainerPhase::Starting | ContainerPhase::Running
    ));
    assert_eq!(
        exit_of(&mut events, &task.id, "second").await.code(),
        Some(4)
    );
}

async fn a_task_is_forgotten_only_when_it_has_ended(world: &mut World) {
    let mut events = world.events().await;
    let task = world.script("kept", SLEEPER);
    world.host.start(task.clone()).await.unwrap();
    world.stage.line("kept", 0).await;
    assert!(world.host.forget(&task.id).await.is_err());
    world.stop("kept", PATIENCE).await;
    exit_of(&mut events, &task.id, "main").await;
    world.host.forget(&task.id).await.unwrap();
    assert!(world.host.list().await.unwrap().is_empty());
    let again = world
        .host
        .stop(&task.id, StopSignal::default(), PATIENCE)
        .await;
    assert!(
        matches!(again, Err(HostError::Supervisor(_))),
        "nobody knows it: {again:?}"
    );
}

async fn the_declared_variables_and_the_port_arrive(world: &mut World) {
    let mut task = world.script("env", "echo \"$WORD $PORT ${HOME:+home}\"");
    let variables = vec![("WORD".to_owned(), "a b\"c".to_owned())];
    task.containers[0].env = Environment::new(variables);
    task.containers[0].port = Some(8123);
    world.run_to_end(task).await;
    assert_eq!(world.stage.stdout("env"), ["a b\"c 8123 home"]);
}

async fn both_streams_are_in_the_log_to_the_last_byte(world: &mut World) {
    let script = "echo out; printf 'bad \\377 byte\\n'; echo err >&2; printf 'no end'";
    world.run_to_end(world.script("log", script)).await;
    let out = world.stage.printed("log", Stream::Stdout);
    assert_eq!(out[0], b"out");
    assert_eq!(out[2], b"no end", "also without an end of line");
    // Docker keeps text: what is none is marked as such.
    let marked = "bad \u{fffd} byte".as_bytes();
    let is_kept = out[1] == b"bad \xff byte";
    assert!(
        is_kept || (world.kind == Kind::Container && out[1] == marked),
        "{out:?}"
    );
    assert_eq!(world.stage.printed("log", Stream::Stderr), [b"err"]);
}

async fn a_long_line_stays_one_line(world: &mut World) {
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo after";
    world.run_to_end(world.script("long", script)).await;
    let lines = world.stage.stdout("long");
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0].len(), lines[1].as_str()), (100_000, "after"));
}

async fn too_much_memory_is_killed_and_named(world: &mut World) {
    let mut task = world.script("greedy", "exec tail /dev/zero");
    task.containers[0].memory = Some(MemoryLimit(64 << 20));
    let exit = world.run_to_end(task).await;
    assert!(exit.oom, "{exit:?}");
    assert_eq!(exit.code(), Some(137));
    assert!(Exit::OUT_OF_MEMORY_REASON.starts_with("OutOfMemoryError: "));
}

async fn a_task_that_was_stopped_is_not_out_of_memory(world: &mut World) {
    let mut events = world.events().await;
    let mut task = world.script(
        "modest",
        "trap '' TERM; echo ready; while :; do sleep 0.1; done",
    );
    task.containers[0].memory = Some(MemoryLimit(64 << 20));
    world.host.start(task.clone()).await.unwrap();
    world.stage.line("modest", 0).await;
    world.stop("modest", Duration::from_millis(50)).await;
    let exit = exit_of(&mut events, &task.id, "main").await;
    assert_eq!((exit.code(), exit.oom), (Some(137), false));
}

async fn a_volume_outlives_its_task(world: &mut World) {
    let volume = Volume {
        name: "data".into(),
        host_path: world.stage.path().join("volumes/data"),
        container_path: "/data".into(),
        access: seaway_runtime::task::Access::Write,
    };
    let place = "place=${SEAWAY_VOLUME_DATA:-/data}";
    for (id, script) in [
        ("write", format!("{place}; echo kept > $place/file")),
        ("read", format!("{place}; cat $place/file")),
    ] {
        let mut task = world.script(id, &script);
        task.containers[0].volumes = vec![volume.clone()];
        assert_eq!(world.run_to_end(task).await.code(), Some(0));
    }
    assert_eq!(world.stage.stdout("read"), ["kept"]);
}

async fn tasks_run_on_without_a_platform_and_are_adopted(world: &mut World) {
    let script = "trap 'exit 0' TERM; n=0; while :; do echo $n; n=$((n+1)); sleep 0.02; done";
    world
        .host
        .start(world.script("adopted", script))
        .await
        .unwrap();
    world.stage.line("adopted", 5).await;
    world.reconnect().await;
    assert_eq!(world.phases("adopted").await, [ContainerPhase::Running]);
    let before = world.stage.stdout("adopted").len();
    world.stage.line("adopted", before + 10).await;
    let mut events = world.events().await;
    world.stop("adopted", PATIENCE).await;
    exit_of(&mut events, &task_id("adopted"), "main").await;
    let lines = world.stage.stdout("adopted");
    let expected: Vec<String> = (0..lines.len()).map(|n| n.to_string()).collect();
    assert_eq!(lines, expected, "no line is missing and none came twice");
}

async fn what_ended_without_a_platform_is_known(world: &mut World) {
    let file = world.stage.path().join("volume/go");
    let mut task = world.script(
        "away",
        "d=${SEAWAY_VOLUME_V:-/v}; touch $d/ready; \
        while [ ! -e $d/go ]; do sleep 0.02; done; echo done; exit 3",
    );
    task.containers[0].volumes = vec![Volume {
        name: "v".into(),
        host_path: world.stage.path().join("volume"),
        container_path: "/v".into(),
        access: seaway_runtime::task::Access::Write,
    }];
    world.host.start(task).await.unwrap();
    let ready = file.with_file_name("ready");
    eventually(|| ready.exists().then_some(())).await;
    world.host.close();
    std::fs::write(&file, "").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.reconnect().await;
    let [ContainerPhase::Exited(exit)] = &world.phases("away").await[..] else {
        panic!("{:?}", world.phases("away").await);
    };
    assert_eq!((exit.code(), exit.oom), (Some(3), false));
    eventually(|| (world.stage.stdout("away") == ["done"]).then_some(())).await;
}

async fn shut_down_stops_every_task(world: &mut World) {
    for id in ["a", "b", "c"] {
        let script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        world.host.start(world.script(id, script)).await.unwrap();
    }
    for id in ["a", "b", "c"] {
        world.stage.line(id, 0).await;
    }
    world.host.shut_down(PATIENCE).await.unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(world.stage.stdout(id), ["ready", "asked"]);
    }
    world.reconnect().await;
    if world.kind == Kind::Container {
        assert!(
            world.host.list().await.unwrap().is_empty(),
            "no container is left"
        );
    }
}
