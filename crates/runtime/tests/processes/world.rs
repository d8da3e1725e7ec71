//! A place where the same task runs as a process and as a container.

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seaway_runtime::client::Supervisor;
use seaway_runtime::containers::{
    ArchiveLayer, Engine, EngineOptions, ImageArchive, Namespace, find_socket,
};
use seaway_runtime::event::Exit;
use seaway_runtime::host::{ContainerPhase, Host, HostEvents, TaskEvent, TaskEventKind};
use seaway_runtime::task::{ImageRoot, Root, StopSignal, TaskId, TaskSpec};
use sha2::{Digest, Sha256};

use crate::stage::{PATIENCE, Stage, block_on};

/// What runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Process,
    Container,
}

/// The programs of the test image that scripts use.
const APPLETS: [&str; 16] = [
    "sh", "sleep", "cat", "head", "tail", "tr", "id", "touch", "rm", "nc", "printf", "true",
    "mkdir", "test", "ls", "env",
];
const IMAGE: &str = "seaway.internal/test:1";

pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) host: Host,
    pub(crate) kind: Kind,
    options: Option<EngineOptions>,
}

/// Runs a test in a world of this kind, or says why it cannot.
pub(crate) fn run<T>(kind: Kind, test: T)
where
    T: for<'a> FnOnce(&'a mut World) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
{
    block_on(async {
        let Some(mut world) = World::new(kind).await else {
            return;
        };
        test(&mut world).await;
        world.host.shut_down(Duration::from_secs(2)).await.unwrap();
    });
}

impl World {
    async fn new(kind: Kind) -> Option<Self> {
        let options = match kind {
            Kind::Process => None,
            Kind::Container => Some(engine_options()?),
        };
        let stage = Stage::new();
        let engine = match &options {
            Some(options) => Some(engine(options).await?),
            None => None,
        };
        let host = Host::new(stage.supervisor().await, engine);
        Some(Self {
            stage,
            host,
            kind,
            options,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.host.engine().unwrap()
    }

    /// Lets go of everything and connects again, as a platform does after it was killed.
    pub(crate) async fn reconnect(&mut self) {
        self.host.close();
        let supervisor: Supervisor = self.stage.supervisor().await;
        let engine = match &self.options {
            Some(options) => Some(Engine::connect(options.clone()).await.unwrap()),
            None => None,
        };
        self.host = Host::new(supervisor, engine);
    }

    /// A task of one container that runs a shell script.
    pub(crate) fn script(&self, id: &str, script: &str) -> TaskSpec {
        self.task(id, &["/bin/sh", "-c", script])
    }

    pub(crate) fn task(&self, id: &str, argv: &[&str]) -> TaskSpec {
        let mut task = self.stage.task(id, argv);
        if self.kind == Kind::Container {
            let container = &mut task.containers[0];
            container.workdir = "/".into();
            container.root = Root::Image(Box::new(ImageRoot {
                image: IMAGE.into(),
                ..ImageRoot::default()
            }));
        }
        task
    }

    /// A task of several containers, each with its script.
    pub(crate) fn scripts(&self, id: &str, scripts: &[(&str, &str)]) -> TaskSpec {
        let mut task = self.script(id, "");
        let model = task.containers.remove(0);
        for (name, script) in scripts {
            let mut container = model.clone();
            container.name = (*name).to_owned().try_into().unwrap();
            container.argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            task.containers.push(container);
        }
        task
    }

    pub(crate) async fn events(&self) -> HostEvents {
        self.host.events().await.unwrap()
    }

    pub(crate) async fn run_to_end(&self, task: TaskSpec) -> Exit {
        let mut events = self.events().await;
        let id = task.id.clone();
        self.host.start(task).await.unwrap();
        exit_of(&mut events, &id, "main").await
    }

    pub(crate) async fn stop(&self, id: &str, timeout: Duration) {
        let signal = StopSignal::default();
        self.host.stop(&task_id(id), signal, timeout).await.unwrap();
    }

    /// How far the containers of a task are, in their order.
    pub(crate) async fn phases(&self, id: &str) -> Vec<ContainerPhase> {
        let tasks = self.host.list().await.unwrap();
        let task = tasks.into_iter().find(|task| task.id == task_id(id));
        let containers = task.into_iter().flat_map(|task| task.containers);
        containers.map(|container| container.phase).collect()
    }

    /// Another connection to the engine, for another platform.
    pub(crate) async fn another_engine(&self) -> Engine {
        Engine::connect(engine_options().unwrap()).await.unwrap()
    }
}

pub(crate) fn task_id(id: &str) -> TaskId {
    TaskId::new(id).unwrap()
}

/// What a container of an engine has besides.
pub(crate) fn image_root(task: &mut TaskSpec, index: usize) -> &mut ImageRoot {
    match &mut task.containers[index].root {
        Root::Image(root) => root,
        Root::Directory(_) => panic!("a process"),
    }
}

pub(crate) async fn next(events: &mut HostEvents) -> TaskEvent {
    let next = tokio::time::timeout(PATIENCE, events.next()).await;
    next.expect("an event in time").unwrap()
}

/// Waits for the end of a container that has started.
pub(crate) async fn exit_of(events: &mut HostEvents, task: &TaskId, container: &str) -> Exit {
    loop {
        let event = next(events).await;
        if event.task != *task || event.container.as_str() != container {
            continue;
        }
        match event.kind {
            TaskEventKind::Exited(exit) => return exit,
            TaskEventKind::Started | TaskEventKind::Health(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Waits for what happens to a container first.
pub(crate) async fn first_of(
    events: &mut HostEvents,
    task: &TaskId,
    container: &str,
) -> TaskEventKind {
    loop {
        let event = next(events).await;
        if event.task == *task && event.container.as_str() == container {
            return event.kind;
        }
    }
}

pub(crate) fn engine_options() -> Option<EngineOptions> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Some(socket) = find_socket(|name| std::env::var_os(name)) else {
        println!("skipped: no container engine answers, docker for one");
        return None;
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("test-{}-{number}", std::process::id());
    Some(EngineOptions {
        socket,
        namespace: Namespace::new(namespace).unwrap(),
    })
}

async fn engine(options: &EngineOptions) -> Option<Engine> {
    let engine = match Engine::connect(options.clone()).await {
        Ok(engine) => engine,
        Err(error) => {
            println!("skipped: no container engine answers, docker for one: {error}");
            return None;
        }
    };
    let Some(busybox) = static_busybox() else {
        println!("skipped: there is no static busybox to make an image of");
        return None;
    };
    let temp = tempfile::tempdir().unwrap();
    engine
        .load(test_image(temp.path(), &busybox))
        .await
        .unwrap();
    Some(engine)
}

fn static_busybox() -> Option<PathBuf> {
    let is_static = |path: &PathBuf| {
        let program = std::fs::read(path).unwrap_or_default();
        let interpreter = b"/ld-linux";
        !program.is_empty()
            && !program
                .windows(interpreter.len())
                .any(|text| text == interpreter)
    };
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    places.into_iter().find(is_static)
}

/// An image of one layer: a shell and what it calls.
fn test_image(directory: &Path, busybox: &Path) -> ImageArchive {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let program = std::fs::read(busybox).unwrap();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    layer
        .append_data(&mut header, "bin/busybox", &program[..])
        .unwrap();
    for name in APPLETS {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        layer
            .append_link(&mut header, format!("bin/{name}"), "busybox")
            .unwrap();
    }
    let layer = layer.into_inner().unwrap();
    let path = directory.join("layer.tar");
    std::fs::write(&path, &layer).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let diff_id = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
    let config = serde_json::json!({
        "architecture": match std::env::consts::ARCH { "aarch64" => "arm64", _ => "amd64" },
        "os": "linux",
        "config": { "Env": ["PATH=/bin", "FROM_IMAGE=yes"], "Cmd": ["/bin/true"] },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    ImageArchive {
        name: IMAGE.into(),
        config: config.to_string().into_bytes(),
        layers: vec![ArchiveLayer::file(path, layer.len() as u64)],
    }
}
