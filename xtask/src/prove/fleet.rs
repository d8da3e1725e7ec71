//! Many services at once, created by `seaway deploy` and by bare API calls on the same platform in
//! turn. What the command adds to the calls is what it costs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::bench::api::Api;
use super::bench::figures::{megabytes, span};
use super::bench::manifest::Manifest;
use super::bench::process::{self, TICKS_PER_SECOND};
use super::bench::services::{create, documents, remove};
use super::bench::stage::{COMMAND, Stage};
use super::bench::{Bench, During as _, ProofError, claim, http, note, program, shop};

/// Times that each way is measured; the best counts.
const ROUNDS: u32 = 3;
/// The command may take this much longer than bare calls, in percent.
const MARGIN: u32 = 20;
/// Reading the manifest, observing and recording take their time however few services there are.
const NOISE: Duration = Duration::from_millis(300);

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let count = bench.options.fleet_services;
    let stage = Stage::new(bench, |project| fleet(bench, project, count))?;
    stage.run(&["local", "start"])?.exited(0)?;
    let pid = stage.platform()?.pid;
    let before = process::ticks(pid);
    let first = stage.deploy()?;
    let status = stage.settled()?;
    claim!(
        u32::try_from(status.services.len()) == Ok(count),
        "{} of {count} services are there",
        status.services.len()
    );
    stage.claim_no_orphans(&status)?;
    let platform = format!(
        "platform {} ms of CPU, {}",
        (process::ticks(pid) - before) * 1000 / TICKS_PER_SECOND,
        megabytes(process::memory(pid, "VmHWM"))
    );
    note(format!(
        "first deploy of {count}: {}, {platform}",
        span(first.took)
    ));

    let api = Api::of(&stage)?;
    let documents = http::block_on(documents(&api))??;
    let (mut command, mut calls) = (Duration::MAX, Duration::MAX);
    let mut memory = 0;
    for round in 1..=ROUNDS {
        http::block_on(remove(&api, &documents))??;
        let used = http::block_on(create(&api, &documents))??;
        calls = calls.min(used);
        http::block_on(remove(&api, &documents))??;
        let deploy = stage.start_release(&["deploy"])?.wait(COMMAND)?.exited(0)?;
        note(format!(
            "round {round}: calls {}, command {}",
            span(used),
            span(deploy.took)
        ));
        command = command.min(deploy.took);
        memory = memory.max(deploy.memory);
    }
    stage.settled()?;
    stage.end()?;
    let limit = calls * (100 + MARGIN) / 100 + NOISE;
    claim!(
        command <= limit,
        "the command takes {} where bare calls take {}: more than {MARGIN} % and {} on top",
        span(command),
        span(calls),
        span(NOISE)
    );
    Ok(format!(
        "{count} services: first deploy {}, {platform}; again: bare calls {}, command {} with {}",
        span(first.took),
        span(calls),
        span(command),
        megabytes(memory)
    ))
}

/// A project of `count` services, one small process each.
fn fleet(bench: &Bench, project: &Path, count: u32) -> Result<Manifest, ProofError> {
    let program = project.join("program");
    if bench.options.fleet_ports {
        shop::build(&bench.root)?;
        fs::copy(
            bench.root.join("examples/shop/target/release/catalog"),
            &program,
        )
        .during("copy the program")?;
    } else {
        program::write(&program)?;
    }
    let mut services = toml::Table::new();
    for number in 0..count {
        let name = format!("unit-{number:03}");
        let mut service: toml::Table = toml::toml! {
            path = "."
            image = { bundle = ["program"] }
            command = ["./program"]
            cpu = 256
            memory = 512
            count = 1
        };
        if bench.options.fleet_ports {
            service.insert("port".into(), 8000.into());
            let health = toml::toml! { path = "/health" interval = "5s" timeout = "2s" };
            service.insert("health".into(), health.into());
        }
        services.insert(name, service.into());
    }
    let mut manifest = toml::toml! {
        [project]
        name = "fleet"
        [environments.local]
        platform = "local"
    };
    manifest.insert("services".into(), services.into());
    Manifest::create(&project.join("seaway.toml"), manifest)
}
