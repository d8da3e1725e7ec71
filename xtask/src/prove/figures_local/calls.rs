//! The platform's API beside `moto_server`: the same signed requests to both.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Extent;
use super::peer::{MOTO, Peer, free_address};
use super::row::Row;
use super::wrk::{Pressed, Pressure};
use crate::prove::bench::api::{Api, ECS, Service};
use crate::prove::bench::figures::{megabytes, microspan, span};
use crate::prove::bench::services::{Documents, documents};
use crate::prove::bench::stage::Stage;
use crate::prove::bench::{Bench, During as _, ProofError, http, note, process, program};

const LOGS: Service = Service {
    name: "logs",
    target: "Logs_20140328",
};
const SECRETS: Service = Service {
    name: "secretsmanager",
    target: "secretsmanager",
};

/// Services that one DescribeServices names.
const SERVICES: u32 = 10;
/// Log events of one PutLogEvents.
const EVENTS: u32 = 10;
/// Connections that call at the same time.
const CONNECTIONS: u32 = 8;
/// How many times as many calls are to be answered.
const THROUGHPUT: f64 = 20.0;
/// What a server is left alone for before it is idle.
const IDLE: Duration = Duration::from_secs(2);
/// Times that each side is started; the best counts.
const STARTS: u32 = 3;

/// A call that is repeated.
struct Call {
    service: Service,
    operation: &'static str,
    what: String,
    body: Value,
}

pub(super) fn measure(bench: &Bench, extent: Extent) -> Result<Vec<Row>, ProofError> {
    let stage = Stage::new(bench, |project| program::project(project, SERVICES))?;
    // The first start makes keys and a store; the ones that follow are what people wait for.
    stage.run(&["local", "start"])?.exited(0)?;
    let ours = Api::of(&stage)?;
    let (seaway_start, moto_start, moto) = starts(&stage, &ours)?;
    let theirs = ours.at(moto.address);
    std::thread::sleep(IDLE);
    let platform = stage.platform()?;
    let resident = |pid| process::memory(pid, "VmRSS");
    let memory = resident(platform.pid) + resident(platform.supervisor_pid);
    let seconds = |time: Duration| time.as_secs_f64();
    let mut rows = vec![
        Row::less(
            "start to first answer",
            [seaway_start, moto_start].map(seconds),
            |time| span(Duration::from_secs_f64(time)),
        ),
        Row::less(
            "idle memory",
            [memory, resident(moto.pid())].map(|kib| kib as f64),
            |kib| megabytes(kib as u64),
        ),
    ];
    rows.iter().for_each(|row| note(row.to_string()));

    stage.deploy()?;
    stage.settled()?;
    let documents = http::block_on(documents(&ours))??;
    http::block_on(equip(&theirs, &documents))??;
    for api in [&ours, &theirs] {
        http::block_on(store(api))??;
    }
    for call in calls(&documents)? {
        let [seaway, moto] = compare(&stage, [&ours, &theirs], &call, extent)?;
        let speed = [seaway.per_second, moto.per_second];
        let slow = [seaway.p99, moto.p99].map(seconds);
        let what = format!("{}, calls/s", call.what);
        rows.push(Row::more(&what, speed, |speed| format!("{speed:.0}")).target(THROUGHPUT));
        rows.push(Row::less("  p99", slow, |time| {
            microspan(Duration::from_secs_f64(time))
        }));
    }
    drop(moto);
    stage.end()?;
    Ok(rows)
}

/// The best times from a start to the first answered call, and moto as it runs after the last.
fn starts(stage: &Stage, ours: &Api) -> Result<(Duration, Duration, Peer), ProofError> {
    let mut seaway = Duration::MAX;
    for _ in 0..STARTS {
        stage.run(&["local", "stop"])?.exited(0)?;
        let began = Instant::now();
        stage.run(&["local", "start"])?.exited(0)?;
        http::block_on(first_answer(ours))??;
        seaway = seaway.min(began.elapsed());
    }
    let (mut peer, mut moto) = (start_moto(stage)?, Duration::MAX);
    for round in 1..=STARTS {
        http::block_on(first_answer(&ours.at(peer.address)))??;
        moto = moto.min(peer.began.elapsed());
        if round < STARTS {
            drop(peer);
            peer = start_moto(stage)?;
        }
    }
    Ok((seaway, moto, peer))
}

fn start_moto(stage: &Stage) -> Result<Peer, ProofError> {
    let address = free_address()?;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let arguments = ["--host", &host, "--port", &port];
    Peer::start(MOTO, &arguments, stage.root(), address)
}

async fn first_answer(api: &Api) -> Result<(), ProofError> {
    let mut client = api.connect().await?;
    client.ecs("ListClusters", json!({})).await.map(drop)
}

/// Makes the cluster and the services that the platform has.
async fn equip(api: &Api, documents: &Documents) -> Result<(), ProofError> {
    let name = documents.cluster.rsplit('/').next().unwrap_or_default();
    call(api, ECS, "CreateCluster", json!({ "clusterName": name })).await?;
    for (definition, service) in &documents.pairs {
        let registered = call(api, ECS, "RegisterTaskDefinition", definition.clone()).await?;
        let mut service = service.clone();
        service["taskDefinition"] = registered["taskDefinition"]["taskDefinitionArn"].clone();
        service["cluster"] = name.into();
        // It would have to be told of subnets first, and would not use them.
        service["networkConfiguration"] = Value::Null;
        call(api, ECS, "CreateService", service).await?;
    }
    Ok(())
}

/// Makes a secret and a place for log events.
async fn store(api: &Api) -> Result<(), ProofError> {
    let group = json!({ "logGroupName": "figures" });
    call(api, LOGS, "CreateLogGroup", group).await?;
    let stream = json!({ "logGroupName": "figures", "logStreamName": "one" });
    call(api, LOGS, "CreateLogStream", stream).await?;
    let secret = json!({ "Name": "figures", "SecretString": "a password",
        "ClientRequestToken": "0e1b4b63-55a4-4a4a-9d27-0a3b0c4f6a10" });
    call(api, SECRETS, "CreateSecret", secret).await.map(drop)
}

/// One call over a connection of its own: moto closes it.
async fn call(
    api: &Api,
    service: Service,
    operation: &str,
    body: Value,
) -> Result<Value, ProofError> {
    api.connect().await?.call(service, operation, &body).await
}

fn calls(documents: &Documents) -> Result<Vec<Call>, ProofError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.during("read the clock")?.as_millis() as u64;
    let event = |number| json!({ "timestamp": now, "message": format!("GET /products {number}") });
    let events: Vec<Value> = (0..EVENTS).map(event).collect();
    let definition = documents.pairs.first().map(|(definition, _)| definition);
    let cluster = documents.cluster.rsplit('/').next().unwrap_or_default();
    Ok(vec![
        Call {
            service: ECS,
            operation: "RegisterTaskDefinition",
            what: "RegisterTaskDefinition".into(),
            body: definition.cloned().unwrap_or_default(),
        },
        Call {
            service: ECS,
            operation: "DescribeServices",
            what: format!("DescribeServices of {SERVICES}"),
            body: json!({ "cluster": cluster, "services": documents.names() }),
        },
        Call {
            service: LOGS,
            operation: "PutLogEvents",
            what: format!("PutLogEvents of {EVENTS}"),
            body: json!({ "logGroupName": "figures", "logStreamName": "one", "logEvents": events }),
        },
        Call {
            service: SECRETS,
            operation: "GetSecretValue",
            what: "GetSecretValue".into(),
            body: json!({ "SecretId": "figures" }),
        },
    ])
}

/// Presses both sides in turn; each side's best round.
fn compare(
    stage: &Stage,
    apis: [&Api; 2],
    call: &Call,
    extent: Extent,
) -> Result<[Pressed; 2], ProofError> {
    let mut best = [None, None];
    for round in 1..=extent.rounds {
        for (best, api) in best.iter_mut().zip(apis) {
            // Signed now: a signature has its time.
            let request = api.request(call.service, call.operation, &call.body)?;
            let script = stage.root().join("call.lua");
            let body = call.body.to_string();
            let pressure = Pressure::new(api.address(), &request, &body, CONNECTIONS, &script)?;
            *best = Some(pressure.press(extent.calls)?.best(*best));
        }
        let speed = best.map(|best: Option<Pressed>| best.map_or(0.0, |best| best.per_second));
        let [seaway, moto] = speed;
        note(format!(
            "{}, best of {round}: {seaway:.0} and {moto:.0} calls/s",
            call.what
        ));
    }
    match best {
        [Some(seaway), Some(moto)] => Ok([seaway, moto]),
        _ => Err(ProofError::Refuted("nothing was measured".into())),
    }
}
