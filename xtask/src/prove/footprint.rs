//! What the platform costs when nothing happens: the time to start, memory, and the time of a look
//! at it.

use std::fmt::Display;
use std::time::Duration;

use super::bench::figures::{median, megabytes, span};
use super::bench::{Bench, During as _, ProofError, claim, note, process, shop};

/// Times that each thing is measured.
const RUNS: usize = 9;
/// From the command to the first answer of the platform.
const START: Duration = Duration::from_millis(100);
/// Of `seaway status`.
const STATUS: Duration = Duration::from_millis(100);
/// Of platform and supervisor, in KiB.
const MEMORY: u64 = 40_000_000 / 1024;
/// Of the stripped binary, in bytes.
const BINARY: u64 = 40_000_000;
/// What is out of line by more than this fails; machines differ.
const TOLERANCE: u32 = 3;

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let stage = shop::set_up(bench)?;
    // The first start makes keys and a store; the ones that follow are what people wait for.
    let first = stage.run(&["local", "start"])?.exited(0)?.took;
    let (pid, supervisor) = (stage.platform()?.pid, stage.platform()?.supervisor_pid);
    std::thread::sleep(Duration::from_secs(2));
    let pair = [pid, supervisor];
    let idle: u64 = pair.iter().map(|pid| process::memory(*pid, "VmRSS")).sum();
    let own: u64 = pair
        .iter()
        .map(|pid| process::proportional_memory(*pid))
        .sum();
    note(format!(
        "idle: {} resident, {} in proportion",
        megabytes(idle),
        megabytes(own)
    ));

    let mut starts = Vec::new();
    for _ in 0..RUNS {
        stage.run(&["local", "stop"])?.exited(0)?;
        // It ends once the platform has answered it.
        starts.push(stage.run(&["local", "start"])?.exited(0)?.took);
    }
    let start = median(&starts);
    note(format!(
        "start: first {}, then {}",
        span(first),
        span(start)
    ));

    stage.deploy()?;
    stage.settled()?;
    let mut looks = Vec::new();
    for _ in 0..RUNS {
        looks.push(stage.run(&["status", "local"])?.exited(0)?.took);
    }
    let status = median(&looks);
    let platform = stage.platform()?;
    let busy: u64 = [platform.pid, platform.supervisor_pid]
        .iter()
        .map(|pid| process::memory(*pid, "VmRSS"))
        .sum();
    note(format!(
        "with the shop: {} resident; memory limits: {}",
        megabytes(busy),
        platform.memory
    ));
    stage.end()?;

    within("start to the first answer", start, START, START * TOLERANCE)?;
    within("seaway status", status, STATUS, STATUS * TOLERANCE)?;
    claim!(
        idle <= MEMORY * u64::from(TOLERANCE),
        "platform and supervisor take {}; the target is {}",
        megabytes(idle),
        megabytes(MEMORY)
    );
    let binary = std::fs::metadata(&bench.seaway)
        .during("look at the binary")?
        .len();
    claim!(
        binary <= BINARY * u64::from(TOLERANCE),
        "the binary has {}; the target is {}",
        megabytes(binary / 1024),
        megabytes(BINARY / 1024)
    );
    Ok(format!(
        "start to first answer {} (target {}), idle {} resident (target {}), status {} (target {}), \
         binary {} (target {})",
        span(start),
        span(START),
        megabytes(idle),
        megabytes(MEMORY),
        span(status),
        span(STATUS),
        megabytes(binary / 1024),
        megabytes(BINARY / 1024)
    ))
}

fn within(
    what: impl Display,
    measured: Duration,
    target: Duration,
    limit: Duration,
) -> Result<(), ProofError> {
    claim!(
        measured <= limit,
        "{what} takes {}; the target is {}",
        span(measured),
        span(target)
    );
    Ok(())
}
