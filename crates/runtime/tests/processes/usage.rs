//! What tasks are seen to use: processes and containers alike, and an engine that does not answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seaway_runtime::client::{ContainerUsage, TaskUsage};
use seaway_runtime::containers::Engine;
use seaway_runtime::host::{Host, TaskEventKind};
use seaway_runtime::task::MemoryLimit;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{UnixListener, UnixStream};

use crate::stage::PATIENCE;
use crate::world::{Kind, World, engine_options, run, task_id};

pub(crate) const TESTS: &[crate::harness::Test] = &[
    ("usage::process::what_a_task_uses_is_told", || {
        run(Kind::Process, |world| {
            Box::pin(what_a_task_uses_is_told(world))
        })
    }),
    ("usage::container::what_a_task_uses_is_told", || {
        run(Kind::Container, |world| {
            Box::pin(what_a_task_uses_is_told(world))
        })
    }),
    ("usage::an_engine_that_hangs_costs_a_moment", || {
        run(Kind::Container, |world| {
            Box::pin(an_engine_that_hangs_costs_a_moment(world))
        })
    }),
];

/// Some rounds take a moment of a processor; then it keeps 20 MB and waits.
const BUSY: &str = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; \
    kept=$(head -c 20000000 /dev/zero | tr '\\0' x); echo ready; while :; do sleep 0.05; done";

async fn what_a_task_uses_is_told(world: &mut World) {
    let mut task = world.scripts("busy", &[("main", BUSY), ("idle", "exec sleep 1000")]);
    task.containers[0].memory = Some(MemoryLimit::from_mib(200));
    world.host.start(task).await.unwrap();
    world.stage.line("busy", 0).await;
    let usage = world.host.usage().await;
    let (told, silent) = match world.kind {
        Kind::Process => (usage.processes.unwrap(), usage.containers.unwrap()),
        Kind::Container => (usage.containers.unwrap(), usage.processes.unwrap()),
    };
    assert!(silent.is_empty(), "{silent:?}");
    let [TaskUsage { task, containers }] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(*task, task_id("busy"));
    let of = |name: &str| -> &ContainerUsage {
        let found = containers.iter().find(|one| one.container.as_str() == name);
        found.unwrap_or_else(|| panic!("{name}: {containers:?}"))
    };
    let (busy, idle) = (of("main"), of("idle"));
    assert!(busy.cpu.unwrap().0 > 50_000, "{busy:?}");
    assert!(busy.memory.bytes.unwrap() > 20_000_000, "{busy:?}");
    assert_eq!(busy.memory.limit, Some(MemoryLimit::from_mib(200)));
    assert!(idle.cpu.unwrap() < busy.cpu.unwrap(), "{idle:?}");
    assert!(idle.memory.bytes.unwrap() < 20_000_000, "{idle:?}");
    world.stop("busy", Duration::from_millis(100)).await;
}

async fn an_engine_that_hangs_costs_a_moment(world: &mut World) {
    let mut options = engine_options().unwrap();
    let proxy = Proxy::new(world.stage.path().join("proxy.sock"), &options.socket);
    options.socket = proxy.socket.clone();
    let engine = Engine::connect(options).await.unwrap();
    let mut events = engine.events().unwrap();
    engine
        .start(world.script("alive", "exec sleep 1000"))
        .unwrap();
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap();
    assert_eq!(event.unwrap().kind, TaskEventKind::Started);
    let host = Host::new(world.stage.supervisor().await, Some(engine.clone()));
    let process = world.stage.script("process", "exec sleep 1000");
    host.start(process).await.unwrap();
    proxy.hang(true);
    let begun = Instant::now();
    let usage = host.usage().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{usage:?}");
    let processes = usage.processes.unwrap();
    assert!(processes[0].containers[0].cpu.is_some(), "{processes:?}");
    let containers = usage.containers.unwrap();
    let unknown = &containers[0].containers[0];
    assert_eq!((unknown.cpu, unknown.memory.bytes), (None, None));
    proxy.hang(false);
    engine.shut_down(Duration::from_millis(100)).await.unwrap();
}

/// A socket that passes on what comes to another one, unless it hangs.
struct Proxy {
    socket: PathBuf,
    hangs: Arc<AtomicBool>,
}

impl Proxy {
    fn new(socket: PathBuf, engine: &Path) -> Self {
        let listener = UnixListener::bind(&socket).unwrap();
        let hangs = Arc::new(AtomicBool::new(false));
        let (engine, hung) = (engine.to_owned(), Arc::clone(&hangs));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = UnixStream::connect(&engine).await.unwrap();
                let (near, far) = (tokio::io::split(near), tokio::io::split(far));
                tokio::spawn(pass_on(near.0, far.1, Arc::clone(&hung)));
                tokio::spawn(pass_on(far.0, near.1, Arc::clone(&hung)));
            }
        });
        Self { socket, hangs }
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }
}

async fn pass_on(
    mut from: ReadHalf<UnixStream>,
    mut to: WriteHalf<UnixStream>,
    hangs: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        while hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    // Whoever waits for the rest learns that there is none.
    drop(to.shutdown().await);
}
