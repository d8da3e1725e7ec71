//! A router with a listener of every kind of rule, and one target that says what it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    AccessLogOptions, Action, Condition, Distribution, FixedResponse, Forward, HealthCheck,
    Listener, Redirect, RedirectCode, Router, RouterOptions, RoutingTable, Rule, Target,
    TargetGroup, WeightedGroup, Workers,
};

const LISTENER: &str = "listener";
const GROUP: &str = "group";
const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// What ends the head of a message.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Lives as long as it is talked to.
pub(super) struct Setting {
    router: Router,
    script: Arc<Mutex<Script>>,
}

/// What the target says, and what it has heard.
struct Script {
    /// The next answer last.
    answers: Vec<Vec<u8>>,
    /// By connection.
    heard: Vec<Vec<u8>>,
}

impl Setting {
    /// A router whose target gives these answers, one to each request.
    pub(super) async fn new(mut answers: Vec<&[u8]>) -> Self {
        answers.reverse();
        let script = Arc::new(Mutex::new(Script {
            answers: answers.into_iter().map(<[u8]>::to_vec).collect(),
            heard: Vec::new(),
        }));
        let target = TcpListener::bind(LOOPBACK).await.expect("a socket");
        let address = target.local_addr().expect("its address");
        tokio::spawn(accept(target, script.clone()));
        let options = RouterOptions {
            access_log: Some(AccessLogOptions::new("/dev/null")),
            // Its clock is the caller's.
            workers: Workers::Callers,
            ..RouterOptions::default()
        };
        let router = Router::start(options).expect("a router");
        router.apply(table(address)).expect("a table that fits");
        Self { router, script }
    }

    pub(super) fn router(&self) -> SocketAddr {
        let address = self.router.address(&LISTENER.into());
        address.expect("the listener of the table")
    }

    /// What the target has heard, by connection.
    pub(super) fn forwarded(&self) -> Vec<Vec<u8>> {
        lock(&self.script).heard.clone()
    }
}

fn table(target: SocketAddr) -> RoutingTable {
    let group = TargetGroup {
        id: GROUP.into(),
        targets: vec![Target::registered("target", target)],
        health_check: HealthCheck {
            enabled: false,
            ..HealthCheck::default()
        },
        distribution: Distribution {
            stickiness: Some(Duration::from_secs(60)),
            ..Distribution::default()
        },
        deregistration_delay: Duration::ZERO,
    };
    let group_and_weight = WeightedGroup {
        group: GROUP.into(),
        weight: 1,
    };
    let listener = Listener {
        id: LISTENER.into(),
        address: LOOPBACK,
        tls: None,
        rules: vec![rule(1, "/fixed", fixed()), rule(2, "/moved*", moved())],
        default: Action::Forward(Forward {
            groups: vec![group_and_weight],
            stickiness: Some(Duration::from_secs(60)),
        }),
        fixed_host: None,
    };
    RoutingTable::default()
        .with_listener(listener)
        .with_target_group(group)
}

fn rule(priority: u32, path: &str, action: Action) -> Rule {
    Rule {
        priority,
        conditions: vec![Condition::Path(vec![path.into()])],
        action,
    }
}

fn fixed() -> Action {
    Action::FixedResponse(FixedResponse {
        status: StatusCode::OK,
        content_type: None,
        body: Bytes::from_static(b"fixed"),
    })
}

/// Repeats to the client all that it can of what the client sent.
fn moved() -> Action {
    Action::Redirect(Redirect {
        protocol: None,
        host: Some("new.#{host}".to_owned()),
        port: None,
        path: Some("/new/#{path}".to_owned()),
        query: Some("#{query}&from=#{host}".to_owned()),
        code: RedirectCode::Found,
    })
}

async fn accept(target: TcpListener, script: Arc<Mutex<Script>>) {
    while let Ok((stream, _)) = target.accept().await {
        tokio::spawn(answer(stream, script.clone()));
    }
}

/// Answers each request's head, whatever it says, and leaves when there is nothing left to say.
async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let connection = {
        let mut script = lock(&script);
        script.heard.push(Vec::new());
        script.heard.len() - 1
    };
    let mut answered = 0;
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        let (answers, is_last) = {
            let mut script = lock(&script);
            let heard = &mut script.heard[connection];
            heard.extend_from_slice(&chunk[..length]);
            let heads = heard.windows(HEAD_END.len()).filter(|it| *it == HEAD_END);
            let due = heads.count() - answered;
            answered += due;
            let kept = script.answers.len().saturating_sub(due);
            (script.answers.split_off(kept), kept == 0)
        };
        for answer in answers.iter().rev() {
            // The router may have heard enough of it.
            let _ = stream.write_all(answer).await;
        }
        if is_last && answered > 0 {
            let _ = stream.shutdown().await;
        }
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}
