//! The router beside nginx, in front of the same server, with equal settings: ten rules of which
//! the last applies, access log on, connections to the server kept, answers not buffered, two
//! workers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Extent;
use super::peer::{NGINX, Peer, free_address};
use super::row::Row;
use super::wrk::{Pressed, Pressure};
use crate::prove::bench::api::{Api, Client};
use crate::prove::bench::figures::microspan;
use crate::prove::bench::manifest::Manifest;
use crate::prove::bench::process::{self, TICKS_PER_SECOND};
use crate::prove::bench::stage::Stage;
use crate::prove::bench::{Bench, During as _, ProofError, claim, http, note};

/// Connections of the clients.
const CONNECTIONS: u32 = 64;
/// Rules that are looked at before the one that applies.
const OTHER_RULES: u32 = 9;
/// How many requests are to be answered for each that nginx answers.
const THROUGHPUT: f64 = 0.9;
/// How long a target may take to be healthy.
const HEALTHY: Duration = Duration::from_secs(30);
/// What is asked for: what to call it, its path and its size in bytes.
const BODIES: [(&str, &str, usize); 2] = [
    ("1 KB", "/shop/small", 1_024),
    ("1 MB", "/shop/large", 1_024 * 1_024),
];

pub(super) fn measure(bench: &Bench, extent: Extent) -> Result<Vec<Row>, ProofError> {
    let stage = Stage::new(bench, |project| {
        let manifest = toml::toml! {
            [project]
            name = "proxy"
            [environments.local]
            platform = "local"
        };
        Manifest::create(&project.join("seaway.toml"), manifest)
    })?;
    stage.run(&["local", "start"])?.exited(0)?;
    let server = start_server(&stage)?;
    let nginx = start_proxy(&stage, server.address)?;
    http::block_on(balance(&Api::of(&stage)?, server.address))??;
    let platform = stage.platform()?;
    let router = Side {
        address: platform.listener()?,
        pid: platform.pid,
    };
    healthy(router.address)?;
    let nginx_side = Side {
        address: nginx.address,
        pid: nginx.pid(),
    };

    let mut rows = Vec::new();
    for (what, path, size) in BODIES {
        let sides = compare(&stage, [router, nginx_side], (path, size), extent)?;
        let speed = sides.map(|(pressed, _)| pressed.per_second);
        let slow = sides.map(|(pressed, _)| pressed.p99.as_secs_f64());
        let cpu = sides.map(|(_, cpu)| cpu.as_secs_f64());
        let title = format!("proxied {what}, requests/s");
        rows.push(Row::more(&title, speed, |speed| format!("{speed:.0}")).target(THROUGHPUT));
        rows.push(Row::less("  p99", slow, |time| {
            microspan(Duration::from_secs_f64(time))
        }));
        rows.push(Row::less("  CPU of a request", cpu, |time| {
            microspan(Duration::from_secs_f64(time))
        }));
    }
    let lines = fs::read_to_string(stage.project().join(".seaway/access.log"));
    let logged = lines.during("read the access log")?;
    claim!(
        logged.contains("/shop/small"),
        "the router has logged nothing"
    );
    drop((nginx, server));
    stage.end()?;
    Ok(rows)
}

/// One of the two that forward.
#[derive(Debug, Clone, Copy)]
struct Side {
    address: SocketAddr,
    /// Of the process that forwards, or whose children do.
    pid: i32,
}

/// Presses both sides in turn: each side's best round, and the least CPU that it took for a request.
fn compare(
    stage: &Stage,
    sides: [Side; 2],
    (path, size): (&str, usize),
    extent: Extent,
) -> Result<[(Pressed, Duration); 2], ProofError> {
    let mut best = [None; 2];
    for round in 1..=extent.rounds {
        for (best, side) in best.iter_mut().zip(sides) {
            let address = side.address;
            let (status, body) = http::get(address, path)?;
            claim!(
                status == 200 && body.len() == size,
                "{address}{path} is answered with {status} and {} bytes",
                body.len()
            );
            let request = http::get_request(address, path).during("form a request")?;
            let script = stage.root().join("proxied.lua");
            let pressure = Pressure::new(address, &request, "", CONNECTIONS, &script)?;
            let before = process::ticks_with_children(side.pid);
            let pressed = pressure.press(extent.proxied)?;
            let ticks = process::ticks_with_children(side.pid).saturating_sub(before);
            let used = Duration::from_secs(ticks) / TICKS_PER_SECOND as u32;
            let cpu = used.div_f64(pressed.requests.max(1) as f64);
            *best = Some(match *best {
                Some((before, least)) => (pressed.best(Some(before)), cpu.min(least)),
                None => (pressed, cpu),
            });
        }
        let [seaway, nginx] =
            best.map(|best: Option<(Pressed, _)>| best.map_or(0.0, |(best, _)| best.per_second));
        note(format!(
            "{path}, best of {round}: {seaway:.0} and {nginx:.0} requests/s"
        ));
    }
    match best {
        [Some(seaway), Some(nginx)] => Ok([seaway, nginx]),
        _ => Err(ProofError::Refuted("nothing was measured".into())),
    }
}

/// What both forward to.
fn start_server(stage: &Stage) -> Result<Peer, ProofError> {
    let directory = stage.root().join("server");
    for (_, path, size) in BODIES {
        let file = directory.join(format!("files{path}"));
        fs::create_dir_all(file.parent().unwrap_or(&directory)).during("make a directory")?;
        fs::write(&file, "x".repeat(size)).during("write a file")?;
    }
    let address = free_address()?;
    let http = format!(
        "access_log off; sendfile on; tcp_nopush on; open_file_cache max=16;
         server {{
           listen {address} backlog=1024;
           root {}/files;
           location = /health {{ return 200; }}
         }}",
        directory.display()
    );
    start(&directory, address, &http)
}

/// What the router is compared with.
fn start_proxy(stage: &Stage, server: SocketAddr) -> Result<Peer, ProofError> {
    let directory = stage.root().join("proxy");
    fs::create_dir_all(&directory).during("make a directory")?;
    let address = free_address()?;
    let rules: String = (0..OTHER_RULES)
        .map(|number| format!("location /other-{number}/ {{ return 404; }}\n"))
        .collect();
    let http = format!(
        "log_format balancer '$time_iso8601 $remote_addr:$remote_port $upstream_addr '
           '$request_time $upstream_response_time $status $upstream_status $request_length '
           '$bytes_sent \"$request\" \"$http_user_agent\"';
         access_log {}/access.log balancer buffer=256k flush=1s;
         upstream server {{ server {server}; keepalive 256; keepalive_requests 1000000000; }}
         server {{
           listen {address} backlog=1024;
           {rules}
           location /shop/ {{
             proxy_pass http://server;
             proxy_http_version 1.1;
             proxy_buffering off;
             proxy_set_header Connection \"\";
             proxy_set_header Host $http_host;
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
             proxy_set_header X-Forwarded-Proto $scheme;
             proxy_set_header X-Forwarded-Port $server_port;
           }}
           location / {{ return 404; }}
         }}",
        directory.display()
    );
    start(&directory, address, &http)
}

fn start(directory: &Path, address: SocketAddr, http: &str) -> Result<Peer, ProofError> {
    let text = format!(
        "daemon off; worker_processes 2; error_log {place}/error.log; pid {place}/nginx.pid;
         events {{ worker_connections 2048; }}
         http {{
           client_body_temp_path {place}/body; proxy_temp_path {place}/kept;
           fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
           keepalive_requests 1000000000; tcp_nodelay on;
           {http}
         }}",
        place = directory.display()
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, text).during("write nginx's configuration")?;
    let (file, place) = (file.display().to_string(), directory.display().to_string());
    let arguments = ["-p", &place, "-c", &file, "-e", "stderr"];
    Peer::start(NGINX, &arguments, directory, address)
}

/// Has the platform balance requests to `server`.
async fn balance(api: &Api, server: SocketAddr) -> Result<(), ProofError> {
    let mut client = api.connect().await?;
    let form = "CreateLoadBalancer&Name=figures&Scheme=internet-facing\
                &Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
    let balancer = created(&mut client, form, "LoadBalancerArn").await?;
    let form = "CreateTargetGroup&Name=server&TargetType=ip&Protocol=HTTP&Port=80\
                &HealthCheckPath=%2Fhealth&HealthCheckIntervalSeconds=5\
                &HealthCheckTimeoutSeconds=2";
    let group = created(&mut client, form, "TargetGroupArn").await?;
    let (ip, port) = (server.ip(), server.port());
    let form = format!(
        "RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id={ip}&Targets.member.1.Port={port}"
    );
    client.elb(&form).await?;
    let form = format!(
        "CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{}",
        not_found("DefaultActions")
    );
    let listener = created(&mut client, &form, "ListenerArn").await?;
    for number in 0..OTHER_RULES {
        let action = not_found("Actions");
        rule(
            &mut client,
            &listener,
            number + 1,
            &format!("other-{number}"),
            &action,
        )
        .await?;
    }
    let action = format!("Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={group}");
    rule(&mut client, &listener, OTHER_RULES + 1, "shop", &action).await
}

fn not_found(list: &str) -> String {
    format!(
        "{list}.member.1.Type=fixed-response\
         &{list}.member.1.FixedResponseConfig.StatusCode=404"
    )
}

/// Adds a rule for everything below a directory.
async fn rule(
    client: &mut Client,
    listener: &str,
    priority: u32,
    directory: &str,
    action: &str,
) -> Result<(), ProofError> {
    let form = format!(
        "CreateRule&ListenerArn={listener}&Priority={priority}\
         &Conditions.member.1.Field=path-pattern\
         &Conditions.member.1.Values.member.1=%2F{directory}%2F%2A&{action}"
    );
    client.elb(&form).await.map(drop)
}

/// Creates something and returns what the answer calls `element`.
async fn created(client: &mut Client, form: &str, element: &str) -> Result<String, ProofError> {
    let answer = client.elb(form).await?;
    let found = answer
        .split_once(&format!("<{element}>"))
        .and_then(|(_, rest)| rest.split_once('<'));
    let (name, _) = found.ok_or_else(|| {
        ProofError::Refuted(format!("no {element} in the answer to {form}: {answer}"))
    })?;
    Ok(name.to_owned())
}

/// Waits until requests reach the server.
fn healthy(router: SocketAddr) -> Result<(), ProofError> {
    let began = Instant::now();
    let (_, path, _) = BODIES[0];
    loop {
        match http::get(router, path) {
            Ok((200, _)) => return Ok(()),
            other => claim!(
                began.elapsed() < HEALTHY,
                "the router does not forward: {other:?}"
            ),
        }
        thread::sleep(Duration::from_millis(100));
    }
}
