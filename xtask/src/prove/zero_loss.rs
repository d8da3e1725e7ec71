//! No request is lost while services change: every change happens under steady load from a client
//! that repeats nothing, and with requests in flight all the time.

use std::time::Duration;

use super::bench::load::{Counted, Load, LoadPlan};
use super::bench::run::Finished;
use super::bench::stage::Stage;
use super::bench::{Bench, ProofError, claim, note, shop};

/// Requests of each change, at least.
const LEAST: u64 = 5_000;
/// Answers before a change begins.
const BEFORE: u64 = 500;
/// Answers after it has ended.
const AFTER: u64 = 500;
/// How long the requests may take altogether.
const LIMIT: Duration = Duration::from_secs(120);
/// Each answer takes 20 ms, so that whatever stops has requests in flight.
const SLOW: &str = "slow:20";

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let mut stage = shop::set_up(bench)?;
    for service in ["api", "catalog"] {
        stage.manifest.set_variable(service, "SHOP_FAULT", SLOW)?;
    }
    stage.deploy()?;
    stage.settled()?;
    let mut requests = 0;

    stage
        .manifest
        .set_variable("api", "SHOP_VERSION", "1.1.0")?;
    let counted = under_load(&stage, "deploy", "/version", |stage| {
        stage.release(&["deploy"])
    })?;
    claim_moved(&counted, "1.0.0", "1.1.0")?;
    stage.claim_version("1.1.0")?;
    requests += counted.good;

    let counted = under_load(&stage, "rollback", "/version", |stage| {
        stage.release(&["rollback"])
    })?;
    claim_moved(&counted, "1.1.0", "1.0.0")?;
    stage.claim_version("1.0.0")?;
    requests += counted.good;

    let counted = under_load(&stage, "restart", "/version", |stage| {
        make(stage, &["restart", "local", "api"])
    })?;
    // Each process answers with its own number: two before, two after.
    claim!(
        counted.bodies.len() >= 4,
        "only {:?} answered",
        counted.bodies
    );
    requests += counted.good;

    make(&stage, &["scale", "local", "api", "4"])?.exited(0)?;
    stage.settled()?;
    let counted = under_load(&stage, "scale 4 to 1", "/version", |stage| {
        make(stage, &["scale", "local", "api", "1"])
    })?;
    let status = stage.settled()?;
    claim!(
        status.service("api")?.counts.running == 1,
        "the API was not scaled down"
    );
    requests += counted.good;

    stage
        .manifest
        .set_variable("catalog", "SHOP_VERSION", "2.0.0")?;
    let before = stage.status()?.service("catalog")?.revision.clone();
    let counted = under_load(
        &stage,
        "deploy of the internal catalog",
        "/api/products",
        |stage| stage.release(&["deploy", "--service", "catalog"]),
    )?;
    let after = stage.settled()?.service("catalog")?.revision.clone();
    claim!(before != after, "the catalog did not change");
    requests += counted.good;

    stage.end()?;
    Ok(format!(
        "0 of {requests} requests failed in 5 changes, at least {LEAST} in each"
    ))
}

/// A release by a command that takes more than the environment.
fn make(stage: &Stage, arguments: &[&str]) -> Result<Finished, ProofError> {
    let mut all = arguments.to_vec();
    all.extend(["--yes", "--output", "json"]);
    stage.run(&all)
}

/// Makes a change, which must succeed, under load, which must not notice.
fn under_load(
    stage: &Stage,
    name: &str,
    path: &str,
    change: impl FnOnce(&Stage) -> Result<Finished, ProofError>,
) -> Result<Counted, ProofError> {
    let load = Load::start(LoadPlan {
        address: stage.status()?.public()?,
        path: path.into(),
        connections: 24,
        pause: Duration::from_millis(2),
    });
    load.wait_for(BEFORE, LIMIT)?;
    let finished = change(stage)?.exited(0)?.outcome("succeeded")?;
    load.wait_for(LEAST.max(load.answered() + AFTER), LIMIT)?;
    let counted = load.finish()?;
    note(format!(
        "{name}: {} ms, {}",
        finished.took.as_millis(),
        counted.words()
    ));
    counted.claim_no_loss(LEAST)?;
    Ok(counted)
}

/// Both versions answered, and one took the other's place.
fn claim_moved(counted: &Counted, from: &str, to: &str) -> Result<(), ProofError> {
    let with = |version: &str| counted.with(&format!("\"{version}\""));
    claim!(
        with(from) > 0 && with(to) > 0,
        "of the answers under load {} came from {from} and {} from {to}",
        with(from),
        with(to)
    );
    Ok(())
}
