//! What containers have and processes do not: order, health, a network and a user of their own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use seaway_runtime::containers::Health;
use seaway_runtime::event::StartFailureReason;
use seaway_runtime::host::{ContainerPhase, TaskEventKind};
use seaway_runtime::task::{
    Condition, CpuUnits, Dependency, HealthCheck, Protocol, PublishedPort, Role, Root, RootFiles,
    TaskSpec,
};

use crate::stage::{PATIENCE, eventually};
use crate::world::{Kind, World, exit_of, first_of, image_root, next, run, task_id};

macro_rules! with_an_engine {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::harness::Test] = &[$((
            concat!(module_path!(), "::", stringify!($name)),
            || run(Kind::Container, |world| Box::pin($name(world))),
        )),*];
    };
}

with_an_engine![
    containers_wait_for_those_they_depend_on,
    a_dependency_that_fails_ends_the_task,
    a_helper_whose_dependency_fails_is_left_out,
    a_dependency_that_takes_too_long_is_given_up,
    what_others_depend_on_stops_last,
    a_health_check_tells_and_is_waited_for,
    a_check_of_the_shell_can_fail,
    containers_of_a_task_share_their_network,
    a_published_port_answers_on_this_machine,
    the_user_and_the_read_only_root_are_as_declared,
    limits_reach_the_kernel,
    a_waiting_container_starts_after_an_adoption,
    tasks_of_another_platform_are_not_touched,
    half_a_task_is_removed,
    an_image_that_nobody_has_is_explained,
    a_taken_port_is_explained,
    the_image_of_the_engine_is_found_by_name,
    a_container_reaches_this_machine_at_the_gateway,
];

fn depend(task: &mut TaskSpec, index: usize, on: &str, condition: Condition) {
    let container = on.to_owned().try_into().unwrap();
    let dependency = Dependency {
        container,
        condition,
    };
    image_root(task, index).depends_on.push(dependency);
}

fn check(command: &[&str]) -> Option<HealthCheck> {
    Some(HealthCheck {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        interval: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
        retries: 2,
        start_period: None,
    })
}

async fn containers_wait_for_those_they_depend_on(world: &mut World) {
    let mut events = world.events().await;
    let scripts = [
        ("last", "exit 0"),
        ("setup", "sleep 0.2; exit 0"),
        ("cleanup", "sleep 0.2; exit 5"),
        ("side", "exec sleep 1000"),
    ];
    let mut task = world.scripts("order", &scripts);
    depend(&mut task, 0, "setup", Condition::Success);
    depend(&mut task, 0, "cleanup", Condition::Complete);
    depend(&mut task, 0, "side", Condition::Start);
    depend(&mut task, 2, "setup", Condition::Success);
    world.host.start(task.clone()).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let event = next(&mut events).await;
        let exit = matches!(event.kind, TaskEventKind::Exited(_));
        seen.push((event.container.to_string(), exit));
        if exit && event.container.as_str() == "last" {
            break;
        }
    }
    let at = |name: &str, exit: bool| {
        let found = seen.iter().position(|one| *one == (name.to_owned(), exit));
        found.unwrap_or_else(|| panic!("{name} {exit} {seen:?}"))
    };
    assert!(at("setup", true) < at("cleanup", false), "{seen:?}");
    assert!(at("cleanup", true) < at("last", false), "{seen:?}");
    assert!(at("side", false) < at("last", false), "{seen:?}");
}

async fn a_dependency_that_fails_ends_the_task(world: &mut World) {
    let mut events = world.events().await;
    let mut task = world.scripts("hopeless", &[("main", "echo ran"), ("setup", "exit 2")]);
    depend(&mut task, 0, "setup", Condition::Success);
    world.host.start(task.clone()).await.unwrap();
    let TaskEventKind::StartFailed(failure) = first_of(&mut events, &task.id, "main").await else {
        panic!("it must not start");
    };
    assert_eq!(failure.reason, StartFailureReason::Dependency);
    assert!(
        failure.message.contains("did not exit successfully"),
        "{failure:?}"
    );
    assert!(world.stage.stdout("hopeless").is_empty());
}

async fn a_helper_whose_dependency_fails_is_left_out(world: &mut World) {
    let mut events = world.events().await;
    let scripts = [
        ("main", "exec sleep 1000"),
        ("helper", "echo"),
        ("setup", "exit 2"),
    ];
    let mut task = world.scripts("helped", &scripts);
    depend(&mut task, 1, "setup", Condition::Success);
    image_root(&mut task, 1).role = Role::Helper;
    world.host.start(task.clone()).await.unwrap();
    assert_eq!(
        first_of(&mut events, &task.id, "helper").await,
        TaskEventKind::Skipped
    );
    assert_eq!(world.phases("helped").await[0], ContainerPhase::Running);
}

async fn a_dependency_that_takes_too_long_is_given_up(world: &mut World) {
    let mut events = world.events().await;
    let mut task = world.scripts("slow", &[("main", "echo"), ("setup", "exec sleep 1000")]);
    depend(&mut task, 0, "setup", Condition::Complete);
    image_root(&mut task, 1).start_timeout = Some(Duration::from_millis(300));
    world.host.start(task.clone()).await.unwrap();
    let TaskEventKind::StartFailed(failure) = first_of(&mut events, &task.id, "main").await else {
        panic!("it must not start");
    };
    assert!(failure.message.contains("has timed out"), "{failure:?}");
}

async fn what_others_depend_on_stops_last(world: &mut World) {
    let mut events = world.events().await;
    let script = "trap 'sleep 0.2; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let mut task = world.scripts("reverse", &[("db", script), ("main", script)]);
    depend(&mut task, 1, "db", Condition::Start);
    world.host.start(task.clone()).await.unwrap();
    world.stage.line("reverse", 0).await;
    world.stop("reverse", PATIENCE).await;
    let mut ended = Vec::new();
    while ended.len() < 2 {
        let event = next(&mut events).await;
        if matches!(event.kind, TaskEventKind::Exited(exit) if exit.code() == Some(0)) {
            ended.push(event.container.to_string());
        }
    }
    assert_eq!(ended, ["main", "db"]);
}

async fn a_health_check_tells_and_is_waited_for(world: &mut World) {
    let mut events = world.events().await;
    let scripts = [
        ("db", "sleep 0.5; touch /ready; exec sleep 1000"),
        ("main", "exit 0"),
    ];
    let mut task = world.scripts("healthy", &scripts);
    image_root(&mut task, 0).health_check = check(&["CMD", "/bin/test", "-e", "/ready"]);
    image_root(&mut task, 0)
        .health_check
        .as_mut()
        .unwrap()
        .retries = 100;
    depend(&mut task, 1, "db", Condition::Healthy);
    world.host.start(task.clone()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = next(&mut events).await;
        seen.push((event.container.to_string(), event.kind));
    }
    let expected = [
        ("db".to_owned(), TaskEventKind::Started),
        ("db".to_owned(), TaskEventKind::Health(Health::Healthy)),
        ("main".to_owned(), TaskEventKind::Started),
    ];
    assert_eq!(seen, expected);
    exit_of(&mut events, &task.id, "main").await;
    world.reconnect().await;
    let tasks = world.host.list().await.unwrap();
    assert_eq!(
        tasks[0].containers[0].health,
        Some(Health::Healthy),
        "also when adopted"
    );
}

async fn a_check_of_the_shell_can_fail(world: &mut World) {
    let mut events = world.events().await;
    let mut task = world.script("sick", "exec sleep 1000");
    image_root(&mut task, 0).health_check = check(&["CMD-SHELL", "test -e /nothing || exit 1"]);
    world.host.start(task.clone()).await.unwrap();
    assert_eq!(
        first_of(&mut events, &task.id, "main").await,
        TaskEventKind::Started
    );
    let health = first_of(&mut events, &task.id, "main").await;
    assert_eq!(health, TaskEventKind::Health(Health::Unhealthy));
}

async fn containers_of_a_task_share_their_network(world: &mut World) {
    let mut events = world.events().await;
    let server = "echo hello | nc -l -p 4321";
    let client = "until nc 127.0.0.1 4321; do sleep 0.05; done";
    let task = world.scripts("network", &[("server", server), ("main", client)]);
    world.host.start(task.clone()).await.unwrap();
    assert_eq!(exit_of(&mut events, &task.id, "main").await.code(), Some(0));
    assert_eq!(world.stage.stdout("network"), ["hello"]);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn publish(task: &mut TaskSpec, container: u16, host: u16) {
    image_root(task, 0).publish = vec![PublishedPort {
        container,
        host,
        protocol: Protocol::Tcp,
    }];
}

async fn a_published_port_answers_on_this_machine(world: &mut World) {
    let mut events = world.events().await;
    let mut task = world.script("server", "echo ready; exec nc -l -p 8000 -e /bin/cat");
    let port = free_port();
    publish(&mut task, 8000, port);
    world.host.start(task.clone()).await.unwrap();
    world.stage.line("server", 0).await;
    let answer = eventually(|| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(b"echo").ok()?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).ok()?;
        Some(answer)
    });
    assert_eq!(&answer.await, b"echo");
    exit_of(&mut events, &task.id, "main").await;
    // The port is free again when the last container has ended.
    eventually(|| TcpListener::bind(("127.0.0.1", port)).ok()).await;
}

async fn the_user_and_the_read_only_root_are_as_declared(world: &mut World) {
    let script = "id -u; id -g; touch /file || echo refused; echo $FROM_IMAGE";
    let mut task = world.script("user", script);
    let root = image_root(&mut task, 0);
    root.user = Some("1234:5678".into());
    root.files = RootFiles::ReadOnly;
    world.run_to_end(task).await;
    assert_eq!(
        world.stage.stdout("user"),
        ["1234", "5678", "refused", "yes"]
    );
}

async fn limits_reach_the_kernel(world: &mut World) {
    let script = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.shares \
        cpu/cpu.cfs_quota_us 2>/dev/null || cat memory.max cpu.weight cpu.max";
    let mut task = world.script("limits", script);
    task.containers[0].memory = Some(seaway_runtime::task::MemoryLimit(64 << 20));
    task.containers[0].cpu = Some(CpuUnits(256));
    image_root(&mut task, 0).cpu_ceiling = Some(CpuUnits(512));
    world.run_to_end(task).await;
    let lines = world.stage.stdout("limits");
    assert_eq!(lines[0], (64 << 20).to_string());
    assert!(
        lines[1] == "256" || lines[1].parse::<u32>().unwrap() < 100,
        "{lines:?}"
    );
    assert!(lines[2].starts_with("50000"), "{lines:?}");
}

async fn a_waiting_container_starts_after_an_adoption(world: &mut World) {
    let script = "while [ ! -e /data/go ]; do sleep 0.02; done";
    let mut task = world.scripts("later", &[("setup", script), ("main", "echo ran")]);
    let directory = world.stage.path().join("shared");
    task.containers[0].volumes = vec![seaway_runtime::task::Volume {
        name: "data".into(),
        host_path: directory.clone(),
        container_path: "/data".into(),
        access: seaway_runtime::task::Access::Write,
    }];
    depend(&mut task, 1, "setup", Condition::Success);
    let mut events = world.events().await;
    world.host.start(task.clone()).await.unwrap();
    first_of(&mut events, &task.id, "setup").await;
    world.reconnect().await;
    let phases = world.phases("later").await;
    assert_eq!(phases, [ContainerPhase::Running, ContainerPhase::Starting]);
    let mut events = world.events().await;
    std::fs::write(directory.join("go"), "").unwrap();
    assert_eq!(exit_of(&mut events, &task.id, "main").await.code(), Some(0));
    assert_eq!(world.stage.stdout("later"), ["ran"]);
}

async fn tasks_of_another_platform_are_not_touched(world: &mut World) {
    let other = world.another_engine().await;
    let mut events = other.events().unwrap();
    other
        .start(world.script("theirs", "exec sleep 1000"))
        .unwrap();
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap();
    assert_eq!(event.unwrap().kind, TaskEventKind::Started);
    assert!(world.host.list().await.unwrap().is_empty());
    world.engine().shut_down(PATIENCE).await.unwrap();
    let tasks = other.list().unwrap();
    assert_eq!(tasks[0].containers[0].phase, ContainerPhase::Running);
    other.shut_down(Duration::from_millis(100)).await.unwrap();
}

async fn half_a_task_is_removed(world: &mut World) {
    // The second container cannot be made, because its image is missing: as if the platform had
    // been killed before it.
    let mut task = world.scripts("half", &[("main", "exec sleep 1000"), ("other", "echo")]);
    image_root(&mut task, 1).image = "seaway.internal/nothing:1".into();
    let mut events = world.events().await;
    world.host.start(task.clone()).await.unwrap();
    let kind = first_of(&mut events, &task.id, "main").await;
    assert!(matches!(kind, TaskEventKind::StartFailed(_)), "{kind:?}");
    world.reconnect().await;
    assert!(world.host.list().await.unwrap().is_empty());
    // Its names are free: the whole task can be started.
    let whole = world.scripts("half", &[("main", "exit 0"), ("other", "exit 0")]);
    let mut events = world.events().await;
    world.host.start(whole).await.unwrap();
    exit_of(&mut events, &task_id("half"), "main").await;
}

async fn an_image_that_nobody_has_is_explained(world: &mut World) {
    let error = world
        .engine()
        .pull("127.0.0.1:1/nobody/nothing:v1")
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Error response from daemon: "), "{text}");
}

async fn a_taken_port_is_explained(world: &mut World) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut task = world.script("taken", "exec sleep 1000");
    publish(&mut task, 8000, listener.local_addr().unwrap().port());
    let mut events = world.events().await;
    world.host.start(task.clone()).await.unwrap();
    let kind = first_of(&mut events, &task.id, "main").await;
    let TaskEventKind::StartFailed(failure) = kind else {
        panic!("{kind:?}");
    };
    assert!(
        failure.message.contains("address already in use"),
        "{failure:?}"
    );
}

async fn the_image_of_the_engine_is_found_by_name(world: &mut World) {
    let task = world.script("any", "");
    let Root::Image(root) = &task.containers[0].root else {
        panic!("a process");
    };
    let image = world.engine().pull(&root.image).await.unwrap();
    assert_eq!(image.command, ["/bin/true"]);
    assert!(image.environment.contains(&"FROM_IMAGE=yes".to_owned()));
    assert!(image.digest.starts_with("sha256:"), "{image:?}");
    assert_eq!(
        world
            .engine()
            .image("seaway.internal/nothing:1")
            .await
            .unwrap(),
        None
    );
}

async fn a_container_reaches_this_machine_at_the_gateway(world: &mut World) {
    let gateway = world.engine().gateway().await.unwrap().unwrap();
    let listener = TcpListener::bind((gateway, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"here\n").unwrap();
    });
    let task = world.script("caller", &format!("nc {gateway} {port} </dev/null"));
    assert_eq!(world.run_to_end(task).await.code(), Some(0));
    assert_eq!(world.stage.stdout("caller"), ["here"]);
    answering.join().unwrap();
}
