//! The registry beside docker-registry: images of ten layers, pushed and pulled.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Extent;
use super::peer::{DOCKER_REGISTRY, Peer, free_address};
use super::registry_client::{Image, Registry, RegistryClient};
use super::row::Row;
use crate::prove::bench::api::Api;
use crate::prove::bench::figures::megabytes;
use crate::prove::bench::manifest::Manifest;
use crate::prove::bench::stage::Stage;
use crate::prove::bench::{Bench, During as _, ProofError, http, note, process};

const LAYERS: usize = 10;
/// Bytes of a layer.
const LAYER: usize = 64 * 1024;
/// Images that are moved side by side, each over a connection of its own.
const SIDE_BY_SIDE: usize = 4;
/// Images of one turn, before it is the other registry's.
const TURN: usize = 20;
/// At least as fast.
const SPEED: f64 = 1.0;
/// At half the memory.
const MEMORY: f64 = 2.0;

/// Which way images go.
#[derive(Debug, Clone, Copy)]
enum Way {
    Push,
    Pull,
}

pub(super) fn measure(bench: &Bench, extent: Extent) -> Result<Vec<Row>, ProofError> {
    let stage = Stage::new(bench, |project| {
        let manifest = toml::toml! {
            [project]
            name = "images"
            [environments.local]
            platform = "local"
        };
        Manifest::create(&project.join("seaway.toml"), manifest)
    })?;
    stage.run(&["local", "start"])?.exited(0)?;
    let api = Api::of(&stage)?;
    let peer = start(&stage)?;
    let registries = [
        Registry {
            address: api.address(),
            authorization: Some(api.basic()),
        },
        Registry {
            address: peer.address,
            authorization: None,
        },
    ];
    let images: Vec<Arc<Image>> = (0..extent.images)
        .map(|number| Arc::new(Image::new(number, LAYERS, LAYER)))
        .collect();
    let mut rows = Vec::new();
    for (way, what) in [(Way::Push, "push"), (Way::Pull, "pull")] {
        let mut took = [Duration::ZERO; 2];
        for images in images.chunks(TURN) {
            for (took, registry) in took.iter_mut().zip(&registries) {
                *took += http::block_on(carry(registry, images, way))??;
            }
        }
        let speed = took.map(|took| extent.images as f64 / took.as_secs_f64());
        let title = format!("{what} of {} images, images/s", extent.images);
        let row = Row::more(&title, speed, |speed| format!("{speed:.1}")).target(SPEED);
        note(row.to_string());
        rows.push(row);
    }
    let platform = stage.platform()?;
    let most = [platform.pid, peer.pid()].map(|pid| process::memory(pid, "VmHWM") as f64);
    let memory = Row::less("  most memory", most, |kib| megabytes(kib as u64));
    rows.push(memory.target(MEMORY));
    drop(peer);
    stage.end()?;
    Ok(rows)
}

fn start(stage: &Stage) -> Result<Peer, ProofError> {
    let directory = stage.root().join("registry");
    fs::create_dir_all(&directory).during("make a directory")?;
    let address = free_address()?;
    let text = format!(
        "version: 0.1
log: {{ level: error, accesslog: {{ disabled: true }} }}
storage:
  cache: {{ blobdescriptor: inmemory }}
  filesystem: {{ rootdirectory: {}/data }}
http: {{ addr: \"{address}\" }}
",
        directory.display()
    );
    let file = directory.join("config.yml");
    fs::write(&file, text).during("write docker-registry's configuration")?;
    let file = file.display().to_string();
    Peer::start(DOCKER_REGISTRY, &["serve", &file], &directory, address)
}

/// Pushes or pulls images, some side by side.
async fn carry(
    registry: &Registry,
    images: &[Arc<Image>],
    way: Way,
) -> Result<Duration, ProofError> {
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for share in images.chunks(images.len().div_ceil(SIDE_BY_SIDE).max(1)) {
        let (registry, share) = (registry.clone(), share.to_vec());
        workers.spawn(async move {
            let mut client = RegistryClient::connect(&registry).await?;
            for image in &share {
                match way {
                    Way::Push => client.push(image).await?,
                    Way::Pull => client.pull(image).await?,
                }
            }
            Ok::<(), ProofError>(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.during("carry images")??;
    }
    Ok(began.elapsed())
}
