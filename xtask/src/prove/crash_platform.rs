//! The platform, its supervisor, or both are killed in the middle of a deploy. Deploying again
//! completes, every service is there, and nothing runs that the supervisor does not own.

use std::time::Duration;

use super::bench::event::Event;
use super::bench::figures::span;
use super::bench::process;
use super::bench::stage::{COMMAND, Stage};
use super::bench::{Bench, ProofError, claim, note, shop};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Platform,
    Supervisor,
    Both,
}

/// How long the first new task may need to run.
const FIRST_TASK: Duration = Duration::from_secs(60);

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let mut stage = shop::up(bench)?;
    let mut times = Vec::new();
    let victims = [Victim::Platform, Victim::Supervisor, Victim::Both];
    for (round, victim) in (1..).zip(victims) {
        let again = crash(&mut stage, victim, &format!("1.{round}.0"))?;
        times.push(format!("{victim:?} {}", span(again)));
    }
    stage.end()?;
    Ok(format!(
        "3 crashes, no orphan, no lost service; deploy again: {}",
        times.join(", ")
    ))
}

/// One crash; returns how long the next deploy took.
fn crash(stage: &mut Stage, victim: Victim, version: &str) -> Result<Duration, ProofError> {
    let before = stage.status()?;
    let platform = stage.platform()?;
    stage
        .manifest
        .set_variable("api", "SHOP_VERSION", version)?;
    let mut deploy = stage.start_release(&["deploy"])?;
    let under_way = |events: &[Event]| events.iter().any(|event| event.new_running() > Some(0));
    claim!(
        deploy.wait_for(FIRST_TASK, under_way)?,
        "the deploy ended before a new task ran"
    );
    if victim != Victim::Supervisor {
        process::kill_now(platform.pid);
    }
    if victim != Victim::Platform {
        process::kill_now(platform.supervisor_pid);
    }
    // The next command starts the platform again, and waits in line while the first one lives.
    let again = stage.deploy()?;
    let crashed = deploy.wait(COMMAND)?;
    note(format!(
        "{victim:?} killed: the command that was under way ended with {:?} after {}",
        crashed.code,
        span(crashed.took)
    ));
    let status = stage.settled()?;
    stage.claim_version(version)?;
    for service in &before.services {
        let after = status.service(&service.name)?;
        claim!(
            after.counts.desired == service.counts.desired,
            "{} had {} tasks and now wants {}",
            service.name,
            service.counts.desired,
            after.counts.desired
        );
    }
    stage.claim_no_orphans(&status)?;
    note(format!(
        "{victim:?}: the next deploy took {}",
        span(again.took)
    ));
    Ok(again.took)
}
