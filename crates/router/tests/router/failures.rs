//! Requests that go wrong, and those that must not although something did.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use seaway_router::{Target, TargetState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, Body, Nobody, response};
use crate::client::{PATIENCE, raw, rest};
use crate::fixture::{Fixture, group_id, impatient, options, table, target, unchecked};

/// Reads a head, writes an answer and closes.
async fn answer_and_close(mut stream: TcpStream, answer: &'static [u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    // The router may already be gone; then there is nobody to tell.
    let _ = stream.write_all(answer).await;
}

async fn answering_raw(answer: &'static [u8]) -> Backend {
    Backend::raw(move |stream| answer_and_close(stream, answer)).await
}

async fn status_of(answer: &'static [u8]) -> StatusCode {
    let backend = answering_raw(answer).await;
    let fixture = Fixture::with_options(options(), table(unchecked(&[backend.address])));
    fixture.client.get("/").await.status
}

#[tokio::test]
async fn no_registered_target_is_503() {
    let fixture = Fixture::new(unchecked(&[]));
    let answer = fixture.client.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers[header::SERVER], "awselb/2.0");
    assert!(answer.body.contains("503 Service Unavailable"));
    assert_eq!(fixture.router.metrics(&group_id()).unwrap().elb_5xx, 1);
}

#[tokio::test]
async fn only_draining_targets_are_503() {
    let backend = Backend::saying("").await;
    let mut group = unchecked(&[]);
    let since = std::time::SystemTime::now();
    let state = TargetState::Draining { since };
    group.targets = vec![Target {
        state,
        ..target(backend.address)
    }];
    let fixture = Fixture::new(group);
    assert_eq!(
        fixture.client.get("/").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn a_refused_connection_is_502() {
    let nobody = Nobody::new();
    let fixture = Fixture::new(unchecked(&[nobody.address]));
    assert_eq!(
        fixture.client.get("/").await.status,
        StatusCode::BAD_GATEWAY
    );
    let metrics = fixture.router.metrics(&group_id()).unwrap();
    assert_eq!((metrics.elb_5xx, metrics.connection_errors), (1, 1));
}

#[tokio::test]
async fn a_target_that_does_not_speak_http_is_502() {
    assert_eq!(status_of(b"hello\r\n\r\n").await, StatusCode::BAD_GATEWAY);
    assert_eq!(status_of(b"").await, StatusCode::BAD_GATEWAY);
    assert_eq!(
        status_of(b"HTTP/1.1 200 OK\r\nContent-Le").await,
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(
        status_of(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await,
        StatusCode::BAD_GATEWAY
    );
}

#[tokio::test]
async fn a_broken_body_breaks_the_answer() {
    let backend = answering_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    let fixture = Fixture::with_options(options(), table(unchecked(&[backend.address])));
    let answer = fixture
        .client
        .try_send(fixture.client.request(Method::GET, "/"))
        .await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_silent_target_is_504() {
    let backend = Backend::serving(|_| std::future::pending::<Response<Body>>()).await;
    let options = impatient(Duration::from_millis(50));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    assert_eq!(
        fixture.client.get("/").await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn a_client_that_stops_sending_is_408() {
    let backend = Backend::serving(|request| async {
        let body = request.into_body().collect().await;
        response(StatusCode::OK, format!("{}", body.is_ok()))
    })
    .await;
    let options = impatient(Duration::from_millis(50));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let stalled = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
    let answer = raw(fixture.address, stalled).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_target_that_stops_reading_is_504() {
    let backend = Backend::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        std::future::pending().await
    })
    .await;
    let options = impatient(Duration::from_millis(300));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.split();
    let upload = async {
        let chunk = vec![0; 1024 * 1024];
        while to.write_all(&chunk).await.is_ok() {}
        // The connection may break before its answer was read.
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 13];
    let answered = async { from.read_exact(&mut answer).await.unwrap() };
    tokio::select! {
        () = upload => {}
        _ = tokio::time::timeout(PATIENCE, answered) => {}
    }
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 504 ");
    assert_eq!(fixture.router.metrics(&group_id()).unwrap().elb_5xx, 1);
}

#[tokio::test]
async fn a_slow_upload_that_moves_is_not_cut_off() {
    let backend = Backend::serving(|request| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        response(StatusCode::OK, format!("{} bytes", body.len()))
    })
    .await;
    let options = impatient(Duration::from_millis(400));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("10 bytes"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_off() {
    let backend = Backend::raw(|mut stream| async move {
        // An answer that comes before the request is none.
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            .await;
        std::future::pending().await
    })
    .await;
    let options = impatient(Duration::from_millis(50));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let answer = fixture
        .client
        .try_send(fixture.client.request(Method::GET, "/"))
        .await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let backend = Backend::saying("").await;
    let large = Backend::serving(|_| async {
        response(StatusCode::OK, Bytes::from(vec![0; 64 * 1024 * 1024]))
    })
    .await;
    let options = impatient(Duration::from_millis(100));
    let fixture = Fixture::with_options(options, table(unchecked(&[large.address])));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let cut_off = async {
        while fixture.router.metrics(&group_id()).unwrap().target_2xx == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cut_off).await.unwrap();
    drop(backend);
}

#[tokio::test]
async fn a_dead_target_costs_no_request() {
    let alive = Backend::saying("alive").await;
    let dead = [Nobody::new(), Nobody::new()];
    let targets = [dead[0].address, alive.address, dead[1].address];
    let fixture = Fixture::new(unchecked(&targets));
    for _ in 0..20 {
        let request = fixture
            .client
            .request(Method::POST, "/")
            .map(|_| Full::from("body"));
        assert_eq!(fixture.client.send(request).await.body, "alive");
    }
}

#[tokio::test]
async fn connections_that_targets_close_cost_no_request() {
    // Keeps the connection in words and closes it in deed, as a server's idle time-out does.
    let backend = answering_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    for _ in 0..200 {
        assert_eq!(fixture.client.get("/").await.body, "ok");
    }
}

/// Two targets, of which every other request meets the one that breaks.
async fn with_a_breaking_target(method: Method) -> (usize, usize) {
    let met = Arc::new(AtomicUsize::new(0));
    let count = met.clone();
    let breaking = Backend::raw(move |stream| {
        count.fetch_add(1, Ordering::SeqCst);
        answer_and_close(stream, b"")
    })
    .await;
    let alive = Backend::saying("alive").await;
    let fixture = Fixture::new(unchecked(&[breaking.address, alive.address]));
    let mut served = 0;
    for _ in 0..10 {
        let answer = fixture
            .client
            .send(fixture.client.request(method.clone(), "/"))
            .await;
        served += usize::from(answer.status == StatusCode::OK);
    }
    (served, met.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_request_that_broke_off_is_repeated_elsewhere_if_that_does_no_harm() {
    let (served, met) = with_a_breaking_target(Method::GET).await;
    assert_eq!(served, 10);
    assert!(met > 0);
}

#[tokio::test]
async fn a_request_that_could_do_harm_is_never_repeated() {
    assert_eq!(with_a_breaking_target(Method::POST).await, (5, 5));
}

#[tokio::test]
async fn a_request_is_repeated_only_once() {
    let broken = Arc::new(AtomicUsize::new(0));
    let mut targets = Vec::new();
    for _ in 0..5 {
        let count = broken.clone();
        let backend = Backend::raw(move |stream| {
            count.fetch_add(1, Ordering::SeqCst);
            answer_and_close(stream, b"")
        });
        targets.push(backend.await);
    }
    let addresses: Vec<_> = targets.iter().map(|backend| backend.address).collect();
    let fixture = Fixture::new(unchecked(&addresses));
    assert_eq!(
        fixture.client.get("/").await.status,
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(broken.load(Ordering::SeqCst), 2);
}
