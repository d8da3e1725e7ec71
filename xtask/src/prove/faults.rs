//! Each fault of the shop (examples/shop/README.md): what a rollout can see is named, explained and
//! taken back while the old tasks go on serving; what it cannot see by design does no lasting harm.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use toml::{Table, Value};

use super::bench::api::Api;
use super::bench::event::Event;
use super::bench::figures::span;
use super::bench::load::{Counted, Load, LoadPlan};
use super::bench::run::Finished;
use super::bench::stage::Stage;
use super::bench::{Bench, ProofError, claim, http, note, shop};

/// From the evidence to the named cause.
const NAMED: Duration = Duration::from_secs(2);
/// From the evidence to the request for a rollback.
const REQUESTED: Duration = Duration::from_secs(5);
/// What takes longer by more than this fails; machines differ.
const TOLERANCE: u32 = 3;
/// What the shop runs before and after each fault.
const GOOD: &str = "1.0.0";
/// What is deployed with the fault.
const BAD: &str = "6.6.6";
/// How long a task may need to show a fault that comes after the rollout.
const LATE: Duration = Duration::from_secs(60);
/// The shop's cluster.
const CLUSTER: &str = "shop-local";

/// A fault that a rollout must notice.
struct Seen {
    service: &'static str,
    fault: &'static str,
    /// The kind of cause that must be named.
    cause: &'static str,
    terms: Terms,
}

/// What the manifest says about the service meanwhile.
#[derive(Clone, Copy)]
enum Terms {
    AsEver,
    /// A grace that is over long before the load balancer has made up its mind.
    ShortGrace,
    /// As many tasks as the platform's breaker counts: it goes back with the very evidence.
    ThreeTasks,
}

const SEEN: &[Seen] = &[
    Seen {
        service: "api",
        fault: "crash-at-start",
        cause: "crash_on_start",
        terms: Terms::AsEver,
    },
    Seen {
        service: "api",
        fault: "never-healthy",
        cause: "never_healthy",
        terms: Terms::AsEver,
    },
    Seen {
        service: "api",
        fault: "ignore-port",
        cause: "wrong_port",
        terms: Terms::AsEver,
    },
    Seen {
        service: "api",
        fault: "never-healthy",
        cause: "never_healthy",
        terms: Terms::ShortGrace,
    },
    Seen {
        service: "api",
        fault: "ignore-port",
        cause: "wrong_port",
        terms: Terms::ThreeTasks,
    },
    // Beyond the health check's time-out of 2 s.
    Seen {
        service: "api",
        fault: "slow:4000",
        cause: "never_healthy",
        terms: Terms::AsEver,
    },
    Seen {
        service: "catalog",
        fault: "crash-at-start",
        cause: "crash_on_start",
        terms: Terms::AsEver,
    },
    Seen {
        service: "worker",
        fault: "crash-at-start",
        cause: "crash_on_start",
        terms: Terms::AsEver,
    },
];

/// The slowest of what was measured.
#[derive(Debug, Default)]
struct Slowest {
    named: Duration,
    requested: Duration,
}

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let mut stage = shop::up(bench)?;
    let mut slowest = Slowest::default();
    for seen in SEEN {
        taken_back(&mut stage, seen, &mut slowest)?;
    }
    told_in_words(&mut stage)?;
    failed_migration(&mut stage)?;
    merely_slow(&mut stage)?;
    ignored_sigterm(&mut stage)?;
    out_of_memory(&mut stage)?;
    late_crash(&mut stage)?;
    stage.end()?;
    nothing_to_go_back_to(bench)?;
    Ok(format!(
        "{} faults; cause named after {} at most (target {}), rollback requested after {} (target {})",
        SEEN.len() + 7,
        span(slowest.named),
        span(NAMED),
        span(slowest.requested),
        span(REQUESTED)
    ))
}

/// The fault is named, the service is back, and nobody noticed.
fn taken_back(stage: &mut Stage, seen: &Seen, slowest: &mut Slowest) -> Result<(), ProofError> {
    let Seen {
        service,
        fault,
        cause,
        terms,
    } = *seen;
    terms.set(stage, service)?;
    let (finished, counted) = broken_deploy(stage, service, fault)?;
    let finished = finished.exited(1)?.outcome("rolled_back")?;
    let of_service: Vec<&Event> = finished
        .events
        .iter()
        .filter(|event| event.about() == Some(service))
        .collect();
    let named = of_service.iter().find_map(|event| event.cause_named());
    let requested = of_service
        .iter()
        .find_map(|event| event.rollback_requested());
    note(format!(
        "{service} {fault}{}: {named:?}, rollback requested after {requested:?} ms, back after {}; {}",
        terms.words(),
        span(finished.took),
        counted.words()
    ));
    let Some((kind, after)) = named else {
        return Err(ProofError::Refuted(format!(
            "{service} {fault}: no cause was named"
        )));
    };
    claim!(
        kind == cause,
        "{service} {fault}: {kind} was named instead of {cause}"
    );
    let named = Duration::from_millis(after);
    claim!(
        named <= NAMED * TOLERANCE,
        "{service} {fault}: named only after {}",
        span(named)
    );
    slowest.named = slowest.named.max(named);
    // None: the platform's own breaker was faster.
    if let Some(requested) = requested.map(Duration::from_millis) {
        let limit = REQUESTED * TOLERANCE;
        claim!(
            requested <= limit,
            "{service} {fault}: rolled back after {}",
            span(requested)
        );
        slowest.requested = slowest.requested.max(requested);
    }
    counted.claim_no_loss(1)?;
    claim!(
        counted.with(BAD) == 0,
        "{service} {fault}: a broken task was given requests"
    );
    stage.settled()?;
    stage.claim_version(GOOD)?;
    terms.unset(stage, service)?;
    repair(stage, service)
}

impl Terms {
    fn words(self) -> &'static str {
        match self {
            Self::AsEver => "",
            Self::ShortGrace => " with a grace of 2 s",
            Self::ThreeTasks => " with 3 tasks",
        }
    }

    fn set(self, stage: &mut Stage, service: &str) -> Result<(), ProofError> {
        match self {
            Self::AsEver => Ok(()),
            Self::ShortGrace => stage.manifest.set(service, "health", health("2s")),
            Self::ThreeTasks => stage.manifest.set(service, "count", 3),
        }
    }

    fn unset(self, stage: &mut Stage, service: &str) -> Result<(), ProofError> {
        match self {
            Self::AsEver => Ok(()),
            Self::ShortGrace => stage.manifest.set(service, "health", health("10s")),
            Self::ThreeTasks => stage.manifest.set(service, "count", 2),
        }
    }
}

/// The shop's health check, with a grace.
fn health(grace: &str) -> Table {
    let keys = [
        ("path", "/health"),
        ("interval", "5s"),
        ("timeout", "2s"),
        ("grace", grace),
    ];
    let values = keys.map(|(key, text)| (key.to_owned(), Value::String(text.to_owned())));
    values.into_iter().collect()
}

/// People read the cause and the service's own last words.
fn told_in_words(stage: &mut Stage) -> Result<(), ProofError> {
    stage
        .manifest
        .set_variable("api", "SHOP_FAULT", "crash-at-start")?;
    let told = stage.run(&["deploy", "local", "--yes"])?.exited(1)?.stderr;
    for words in ["exit code 1", "crash, as SHOP_FAULT says", "rolled back"] {
        claim!(
            told.contains(words),
            "crash-at-start: {words:?} is not in the output:\n{told}"
        );
    }
    stage.settled()?;
    stage.claim_version(GOOD)?;
    repair(stage, "api")
}

/// The job fails: no service rolls.
fn failed_migration(stage: &mut Stage) -> Result<(), ProofError> {
    let (finished, counted) = broken_deploy(stage, "api", "fail-migrate")?;
    let finished = finished.exited(1)?;
    claim!(
        finished
            .events
            .iter()
            .any(|event| event.is("job", "failed").is_some()),
        "fail-migrate: no job failed"
    );
    claim!(
        !finished
            .events
            .iter()
            .any(|event| event.is("rollout", "started").is_some()),
        "fail-migrate: a service was rolled out although its job had failed"
    );
    counted.claim_no_loss(1)?;
    stage.settled()?;
    stage.claim_version(GOOD)?;
    note(format!(
        "api fail-migrate: the release stopped after {}",
        span(finished.took)
    ));
    repair(stage, "api")
}

/// Slow below the time-outs is no fault.
fn merely_slow(stage: &mut Stage) -> Result<(), ProofError> {
    let (finished, counted) = broken_deploy(stage, "api", "slow:200")?;
    let finished = finished.exited(0)?.outcome("succeeded")?;
    counted.claim_no_loss(1)?;
    stage.claim_version(BAD)?;
    note(format!("api slow:200: deployed in {}", span(finished.took)));
    repair(stage, "api")
}

/// Tasks that ignore SIGTERM are killed after their stop time-out; the deploy does not hang.
fn ignored_sigterm(stage: &mut Stage) -> Result<(), ProofError> {
    const STOP_TIMEOUT: Duration = Duration::from_secs(3);
    stage.manifest.set("api", "stop_timeout", "3s")?;
    let (finished, _) = broken_deploy(stage, "api", "ignore-sigterm")?;
    finished.exited(0)?.outcome("succeeded")?;
    mend(stage, "api")?;
    let finished = stage.deploy()?.outcome("succeeded")?;
    claim!(
        finished.took >= STOP_TIMEOUT / 2,
        "tasks that ignore SIGTERM were replaced within {}",
        span(finished.took)
    );
    let status = stage.settled()?;
    stage.claim_version(GOOD)?;
    stage.claim_no_orphans(&status)?;
    note(format!(
        "api ignore-sigterm: replaced in {}",
        span(finished.took)
    ));
    Ok(())
}

/// Tasks that outgrow their memory are killed, and the reason can be read.
fn out_of_memory(stage: &mut Stage) -> Result<(), ProofError> {
    let (finished, _) = broken_deploy(stage, "api", "eat-memory:1024")?;
    let named = finished
        .events
        .iter()
        .find_map(Event::cause_named)
        .map(|(kind, _)| kind);
    let told = finished
        .events
        .iter()
        .any(|event| event.words().contains("OutOfMemoryError"));
    match finished.code {
        Some(1) => claim!(
            named == Some("out_of_memory"),
            "eat-memory: {named:?} was named instead of out_of_memory"
        ),
        _ => claim!(
            told || ends_with(stage, "OutOfMemoryError")?,
            "eat-memory: no task was seen to be killed for its memory"
        ),
    }
    note(format!(
        "api eat-memory: exit {:?}, named {named:?}",
        finished.code
    ));
    repair(stage, "api")
}

/// A crash after the start is named while the rollout lasts; afterwards tasks are replaced.
fn late_crash(stage: &mut Stage) -> Result<(), ProofError> {
    let (finished, _) = broken_deploy(stage, "api", "crash-later:3")?;
    let named = finished
        .events
        .iter()
        .find_map(Event::cause_named)
        .map(|(kind, _)| kind);
    match finished.code {
        Some(1) => claim!(
            named == Some("crash_on_start"),
            "crash-later: {named:?} was named instead of crash_on_start"
        ),
        Some(0) => claim!(
            ends_with(stage, "Essential container in task exited")?,
            "crash-later: no task was seen to end"
        ),
        other => return Err(ProofError::Refuted(format!("crash-later: exit {other:?}"))),
    }
    note(format!(
        "api crash-later:3: exit {:?}, named {named:?}",
        finished.code
    ));
    repair(stage, "api")
}

/// A first release that fails has nothing to go back to: it says so and runs nothing.
fn nothing_to_go_back_to(bench: &Bench) -> Result<(), ProofError> {
    let mut stage = shop::set_up(bench)?;
    stage
        .manifest
        .set_variable("api", "SHOP_FAULT", "crash-at-start")?;
    let finished = stage.release(&["deploy"])?.exited(1)?.outcome("failed")?;
    claim!(
        finished
            .events
            .iter()
            .any(|event| event.is("service", "given_up").is_some()),
        "a first release that failed was not given up"
    );
    let status = stage.status()?;
    let api = status.service("api")?;
    claim!(
        api.counts.running == 0,
        "{} tasks of a failed first release run",
        api.counts.running
    );
    note(format!(
        "api crash-at-start as the first release: given up after {}",
        span(finished.took)
    ));
    mend(&mut stage, "api")?;
    stage.deploy()?;
    stage.settled()?;
    stage.end()
}

/// Deploys a service with a fault, under light load on the public route.
fn broken_deploy(
    stage: &mut Stage,
    service: &str,
    fault: &str,
) -> Result<(Finished, Counted), ProofError> {
    let load = Load::start(LoadPlan {
        address: stage.status()?.public()?,
        path: "/version".into(),
        connections: 4,
        pause: Duration::from_millis(20),
    });
    stage.manifest.set_variable(service, "SHOP_VERSION", BAD)?;
    stage.manifest.set_variable(service, "SHOP_FAULT", fault)?;
    let finished = stage.release(&["deploy"])?;
    Ok((finished, load.finish()?))
}

/// The manifest says what it said before the fault.
fn mend(stage: &mut Stage, service: &str) -> Result<(), ProofError> {
    stage.manifest.unset_variable(service, "SHOP_FAULT")?;
    match service {
        "api" => stage.manifest.set_variable(service, "SHOP_VERSION", GOOD),
        _ => stage.manifest.unset_variable(service, "SHOP_VERSION"),
    }
}

/// Deploys without the fault; everything is as it was.
fn repair(stage: &mut Stage, service: &str) -> Result<(), ProofError> {
    mend(stage, service)?;
    stage.deploy()?;
    stage.settled()?;
    stage.claim_version(GOOD)
}

/// Whether a task ends with these words before long: what has stopped can be described for an
/// hour, however short its end was.
fn ends_with(stage: &Stage, words: &str) -> Result<bool, ProofError> {
    let api = Api::of(stage)?;
    let deadline = Instant::now() + LATE;
    while Instant::now() < deadline {
        let stopped = http::block_on(stopped_tasks(&api))??;
        if stopped.iter().any(|task| task.to_string().contains(words)) {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(false)
}

/// Stopped tasks of the bad version's deployments, as DescribeTasks shows them.
async fn stopped_tasks(api: &Api) -> Result<Vec<serde_json::Value>, ProofError> {
    let mut client = api.connect().await?;
    let asked = json!({ "cluster": CLUSTER, "desiredStatus": "STOPPED", "serviceName": "api" });
    let listed = client.ecs("ListTasks", asked).await?;
    let arns = listed["taskArns"].as_array().cloned().unwrap_or_default();
    if arns.is_empty() {
        return Ok(vec![]);
    }
    let asked = json!({ "cluster": CLUSTER, "tasks": arns });
    let described = client.ecs("DescribeTasks", asked).await?;
    let newest = client
        .ecs(
            "DescribeServices",
            json!({ "cluster": CLUSTER, "services": ["api"] }),
        )
        .await?;
    let deployment = &newest["services"][0]["deployments"][0]["id"];
    let tasks = described["tasks"].as_array().cloned().unwrap_or_default();
    Ok(tasks
        .into_iter()
        .filter(|task| task["startedBy"] == *deployment)
        .collect())
}
