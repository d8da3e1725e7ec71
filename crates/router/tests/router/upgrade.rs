//! Tunnels: what follows `101 Switching Protocols`.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use seaway_router::TargetHealthState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, response};
use crate::client::{raw, rest};
use crate::fixture::{Fixture, group, impatient, table, unchecked};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";

/// Upgrades and echoes every byte; answers `plain` to who does not want that.
pub(crate) async fn echo() -> Backend {
    Backend::serving(|mut request| async move {
        if !request.headers().contains_key(header::UPGRADE) {
            return response(StatusCode::OK, "plain");
        }
        assert_eq!(request.headers()[header::UPGRADE], "websocket");
        assert_eq!(request.headers()["sec-websocket-key"], "x");
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(upgraded.await.unwrap());
            let mut chunk = [0; 1024];
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                stream.write_all(&chunk[..length]).await.unwrap();
            }
        });
        let mut response = response(StatusCode::SWITCHING_PROTOCOLS, "");
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-accept", HeaderValue::from_static("y"));
        response
    })
    .await
}

/// A client's end of a tunnel.
pub(crate) async fn open(router: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(router).await.unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    assert!(head.contains("sec-websocket-accept: y\r\n"), "{head}");
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    stream
}

pub(crate) async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut echoed = vec![0; text.len()];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(echoed, text.as_bytes());
}

#[tokio::test]
async fn bytes_pass_in_both_directions_until_the_client_closes() {
    let backend = echo().await;
    let mut fixture = Fixture::new(unchecked(&[backend.address]));
    let mut stream = open(fixture.address).await;
    for text in ["hello", "world"] {
        say(&mut stream, text).await;
    }
    stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    // The target counts no request any more: it drains at once.
    fixture.update(unchecked(&[]));
    fixture
        .until(backend.address, TargetHealthState::Unused)
        .await;
}

#[tokio::test]
async fn an_upgrade_that_the_target_refuses_is_an_ordinary_answer() {
    let backend = Backend::answering(StatusCode::FORBIDDEN).await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let handshake = HANDSHAKE.replace("Connection: Upgrade", "Connection: Upgrade, close");
    let answer = raw(fixture.address, &handshake).await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed() {
    let backend = echo().await;
    let options = impatient(Duration::from_millis(100));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let mut stream = open(fixture.address).await;
    say(&mut stream, "hello").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_tunnel_keeps_its_target_from_being_drained_until_the_delay_is_over() {
    let backend = echo().await;
    let mut group = group(&[backend.address]);
    group.deregistration_delay = Duration::from_millis(300);
    let mut fixture = Fixture::new(group.clone());
    fixture
        .until(backend.address, TargetHealthState::Healthy)
        .await;
    let mut stream = open(fixture.address).await;
    group.targets.clear();
    fixture.update(group);
    fixture
        .until(backend.address, TargetHealthState::Draining)
        .await;
    say(&mut stream, "still here").await;
    fixture
        .until(backend.address, TargetHealthState::Unused)
        .await;
    assert_eq!(rest(&mut stream).await, "");
}
