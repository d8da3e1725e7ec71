//! The `seaway deploy` command is killed at ten points of a deploy, and once each before `resume`
//! and `resume --undo`. The next command takes the lock over and comes to a good end.

use std::time::Duration;

use super::bench::figures::span;
use super::bench::stage::Stage;
use super::bench::{Bench, ProofError, claim, note, shop};

/// Points at which the command is killed, spread evenly over its events.
const POINTS: usize = 10;
/// How long a deploy may need to get to its point.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let mut stage = shop::up(bench)?;
    stage
        .manifest
        .set_variable("api", "SHOP_VERSION", "1.0.1")?;
    let whole = stage.deploy()?.outcome("succeeded")?.events.len();
    let mut slowest = Duration::ZERO;
    let mut killed = 0;
    for point in 1..=POINTS {
        let version = format!("2.{point}.0");
        let events = (whole * point / (POINTS + 1)).max(1);
        killed += usize::from(killed_after(&mut stage, &version, events)?);
        let again = stage.deploy()?;
        check(&stage, &version)?;
        note(format!(
            "killed after {events} of {whole} events: deploy again {}",
            span(again.took)
        ));
        slowest = slowest.max(again.took);
    }
    claim!(
        killed > POINTS / 2,
        "only {killed} of {POINTS} deploys were there to be killed"
    );

    let middle = whole / 2;
    claim!(
        killed_after(&mut stage, "3.0.0", middle)?,
        "the deploy ended before it was killed"
    );
    stage
        .release(&["resume"])?
        .exited(0)?
        .outcome("succeeded")?;
    check(&stage, "3.0.0")?;
    note("resume: went on to the end");

    claim!(
        killed_after(&mut stage, "4.0.0", middle)?,
        "the deploy ended before it was killed"
    );
    stage.release(&["resume", "--undo"])?.exited(0)?;
    check(&stage, "3.0.0")?;
    note("resume --undo: back on what ran before");

    stage.end()?;
    Ok(format!(
        "{killed} of {POINTS} deploys killed, each completed by the next, the slowest in {}; \
         resume and resume --undo, too",
        span(slowest)
    ))
}

/// Deploys a version and kills the command after so many events; false: it ended before.
fn killed_after(stage: &mut Stage, version: &str, events: usize) -> Result<bool, ProofError> {
    stage
        .manifest
        .set_variable("api", "SHOP_VERSION", version)?;
    let mut deploy = stage.start_release(&["deploy"])?;
    let there = deploy.wait_for(LIMIT, |seen| seen.len() >= events)?;
    Ok(deploy.kill()?.code.is_none() && there)
}

/// Everything is well and of this version, and nothing is left that waits for a lock.
fn check(stage: &Stage, version: &str) -> Result<(), ProofError> {
    let status = stage.settled()?;
    stage.claim_version(version)?;
    stage.claim_no_orphans(&status)
}
