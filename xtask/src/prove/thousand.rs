//! A thousand services with two tasks each: all steady, and then what the platform costs and how
//! fast it answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bench::api::{Api, Client};
use super::bench::figures::{megabytes, microspan, percentile, span};
use super::bench::process::{self, TICKS_PER_SECOND};
use super::bench::services::{Documents, create, documents};
use super::bench::stage::Stage;
use super::bench::{Bench, ProofError, claim, http, note, program};

const SERVICES: usize = 1_000;
const TASKS_EACH: u32 = 2;
/// After the last service is steady, before the platform counts as idle.
const SETTLE: Duration = Duration::from_secs(5);
/// How long the idle platform is watched.
const IDLE: Duration = Duration::from_secs(60);
/// CPU of platform and supervisor when nothing happens, in tenths of a percent of a core.
const IDLE_CPU: u64 = 50;
/// The 99th percentile of describe calls.
const DESCRIBE: Duration = Duration::from_millis(50);
/// Calls of each operation.
const CALLS: usize = 300;
/// Services that one call names.
const NAMES: usize = 10;
/// What is out of line by more than this fails; machines differ.
const TOLERANCE: u32 = 3;

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let stage = Stage::new(bench, |project| program::project(project, 1))?;
    // Image, cluster and log group; and the service that the thousand are like.
    stage.deploy()?;
    let api = Api::of(&stage)?;
    let platform = stage.platform()?;
    let pair = [platform.pid, platform.supervisor_pid];

    let before = cpu(pair);
    let began = Instant::now();
    let documents = http::block_on(bring_up(&api))??;
    let steady = began.elapsed();
    note(format!(
        "{SERVICES} services with {} tasks: steady after {}, which took {} of CPU",
        SERVICES * TASKS_EACH as usize,
        span(steady),
        span(cpu(pair) - before)
    ));

    std::thread::sleep(SETTLE);
    let idle = watch(pair);
    let memory: u64 = pair.iter().map(|pid| process::memory(*pid, "VmRSS")).sum();
    note(format!("idle: {idle}, {}", megabytes(memory)));
    let (worst, calls) = http::block_on(describe(&api, &documents))??;
    note(format!("p99 {calls}"));

    let running = http::block_on(running(&api, &documents))??;
    let end = Instant::now();
    stage.end()?;
    note(format!("stopped within {}", span(end.elapsed())));

    let wanted = SERVICES as u64 * u64::from(TASKS_EACH);
    claim!(
        running == wanted,
        "{running} of {wanted} tasks still run at the end"
    );
    claim!(
        idle.total() <= IDLE_CPU * u64::from(TOLERANCE),
        "the idle platform takes {idle} of a core; the target is {} %",
        tenths(IDLE_CPU)
    );
    claim!(
        worst <= DESCRIBE * TOLERANCE,
        "describe calls take {calls} (p99); the target is {}",
        span(DESCRIBE)
    );
    Ok(format!(
        "{SERVICES} services with {wanted} tasks steady after {}, {}; idle {idle} of a core \
         (target {} %); p99 {calls} (target {})",
        span(steady),
        megabytes(memory),
        tenths(IDLE_CPU),
        span(DESCRIBE)
    ))
}

/// Creates the thousand services and waits until each has completed its rollout.
async fn bring_up(api: &Api) -> Result<Documents, ProofError> {
    let template = documents(api).await?;
    let [(definition, service)] = template.pairs.as_slice() else {
        return Err(ProofError::Refuted(format!(
            "{} services are deployed instead of the one",
            template.pairs.len()
        )));
    };
    let pairs = (0..SERVICES).map(|number| {
        let name = format!("tiny-{number:04}");
        let (mut definition, mut service) = (definition.clone(), service.clone());
        definition["family"] = name.as_str().into();
        service["serviceName"] = name.into();
        service["desiredCount"] = TASKS_EACH.into();
        (definition, service)
    });
    let documents = Documents {
        cluster: template.cluster,
        pairs: pairs.collect(),
    };
    create(api, &documents).await?;
    Ok(documents)
}

/// Tasks of the thousand services that run.
async fn running(api: &Api, documents: &Documents) -> Result<u64, ProofError> {
    let mut client = api.connect().await?;
    let mut running = 0;
    for names in documents.names().chunks(NAMES) {
        let ask = json!({ "cluster": documents.cluster, "services": names });
        let answer = client.ecs("DescribeServices", ask).await?;
        let services = answer["services"].as_array().into_iter().flatten();
        running += services
            .filter_map(|service| service["runningCount"].as_u64())
            .sum::<u64>();
    }
    Ok(running)
}

/// The slowest operation's 99th percentile, and each operation's in words.
async fn describe(api: &Api, documents: &Documents) -> Result<(Duration, String), ProofError> {
    let mut client = api.connect().await?;
    let (names, cluster) = (documents.names(), &documents.cluster);
    let mut measured = [const { Vec::new() }; 3];
    for call in 0..CALLS {
        // Neighbours in the list are neighbours in the store; these are not.
        let chosen: Vec<&str> = (0..NAMES)
            .map(|one| names[(call * 37 + one * 101) % names.len()])
            .collect();
        let ask = json!({ "cluster": cluster, "services": chosen });
        measured[0].push(timed(&mut client, "DescribeServices", ask).await?.0);
        let ask = json!({ "cluster": cluster });
        let (took, listed) = timed(&mut client, "ListTasks", ask).await?;
        measured[1].push(took);
        let ask = json!({ "cluster": cluster, "tasks": listed["taskArns"] });
        let (took, described) = timed(&mut client, "DescribeTasks", ask).await?;
        measured[2].push(took);
        let found = described["tasks"].as_array().map_or(0, Vec::len);
        claim!(found == 100, "{found} of a page's 100 tasks are described");
    }
    let operations = [
        format!("DescribeServices of {NAMES}"),
        "ListTasks".into(),
        "DescribeTasks of 100".into(),
    ];
    let mut worst = Duration::ZERO;
    let mut words = Vec::new();
    for (operation, mut measured) in operations.into_iter().zip(measured) {
        measured.sort_unstable();
        let slow = percentile(&measured, 99);
        worst = worst.max(slow);
        words.push(format!("{operation} {}", microspan(slow)));
    }
    Ok((worst, words.join(", ")))
}

async fn timed(
    client: &mut Client,
    operation: &str,
    ask: Value,
) -> Result<(Duration, Value), ProofError> {
    let began = Instant::now();
    let answer = client.ecs(operation, ask).await?;
    Ok((began.elapsed(), answer))
}

/// CPU in tenths of a percent of a core.
#[derive(Debug, Clone, Copy)]
struct Idle {
    platform: u64,
    supervisor: u64,
}

impl Idle {
    fn total(self) -> u64 {
        self.platform + self.supervisor
    }
}

impl std::fmt::Display for Idle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} % (platform {} %, supervisor {} %)",
            tenths(self.total()),
            tenths(self.platform),
            tenths(self.supervisor)
        )
    }
}

/// What platform and supervisor use while nothing is asked of them.
fn watch(pair: [i32; 2]) -> Idle {
    let before = pair.map(process::ticks);
    let began = Instant::now();
    std::thread::sleep(IDLE);
    let used = |index: usize| {
        let ticks: u64 = process::ticks(pair[index]).saturating_sub(before[index]);
        (ticks as f64 / TICKS_PER_SECOND as f64 / began.elapsed().as_secs_f64() * 1_000.0).ceil()
            as u64
    };
    Idle {
        platform: used(0),
        supervisor: used(1),
    }
}

/// CPU time of all of them so far.
fn cpu(pair: [i32; 2]) -> Duration {
    let ticks: u64 = pair.into_iter().map(process::ticks).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// `4.2` of 42.
fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_told_in_percent() {
        let idle = Idle {
            platform: 42,
            supervisor: 8,
        };
        assert_eq!(idle.to_string(), "5.0 % (platform 4.2 %, supervisor 0.8 %)");
    }
}
