//! Requests that never reach a target.

use std::time::Duration;

use http::{Method, StatusCode};
use seaway_router::{Action, Condition, Redirect, RedirectCode, RoutingTable, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, response};
use crate::client::{raw, rest};
use crate::fixture::{Fixture, impatient, listener, named_group, options, table, unchecked};

async fn fixture() -> (Backend, Fixture) {
    let backend = Backend::saying("reached").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    (backend, fixture)
}

#[tokio::test]
async fn malformed_requests_are_400() {
    let (backend, fixture) = fixture().await;
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    ] {
        let request = request.replace("HTTP/1.1\r\n\r\n", "HTTP/1.1\r\nConnection: close\r\n\r\n");
        let answer = raw(fixture.address, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{request:?}: {answer:?}"
        );
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn other_codings_than_chunks_are_501() {
    let (backend, fixture) = fixture().await;
    for codings in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
    ] {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        let request = format!("{head}{codings}\r\n\r\n0\r\n\r\n");
        let answer = raw(fixture.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 501 "), "{codings}: {answer}");
    }
    assert_eq!(backend.requests(), 0);
    for coding in ["chunked", "Chunked ", ",chunked"] {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        let request = format!("{head}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        let answer = raw(fixture.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{coding}: {answer}");
    }
}

/// Whom nobody answers: one group is empty, the other's target breaks connections.
async fn nobody() -> (Backend, Fixture) {
    let breaking = Backend::raw(|mut stream| async move {
        let _ = stream.read_u8().await;
    })
    .await;
    let mut broken = named_group("broken", &[breaking.address]);
    broken.health_check.enabled = false;
    let moved = Redirect {
        protocol: None,
        host: None,
        port: None,
        path: Some("/new".to_owned()),
        query: None,
        code: RedirectCode::Found,
    };
    let rule = |priority, path: &str, action| Rule {
        priority,
        conditions: vec![Condition::Path(vec![path.into()])],
        action,
    };
    let rules = vec![
        rule(1, "/moved", Action::Redirect(moved)),
        rule(2, "/broken", Action::forward("broken")),
    ];
    let empty = unchecked(&[]);
    let listener = listener("listener", rules, Action::forward(empty.id.clone()));
    let table = RoutingTable::default()
        .with_listener(listener)
        .with_target_group(empty)
        .with_target_group(broken);
    (breaking, Fixture::with_options(options(), table))
}

#[tokio::test]
async fn who_is_answered_before_the_request_was_read_is_told_that_nothing_follows() {
    let (_breaking, fixture) = nobody().await;
    for (request, status) in [
        ("TRACE /", 405),
        ("POST /", 503),
        ("POST /moved", 302),
        ("POST /broken", 502),
    ] {
        for expects in ["", "Expect: 100-continue\r\n"] {
            let head = format!("{request} HTTP/1.1\r\nHost: a\r\n{expects}");
            let answer = raw(
                fixture.address,
                &format!("{head}Content-Length: 9\r\n\r\nhalf"),
            )
            .await;
            let starts = format!("HTTP/1.1 {status} ");
            let after_go_on = answer.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n");
            // Nobody but a target asks for the body.
            assert!(after_go_on.is_none() || status == 502, "{answer}");
            let answer = after_go_on.unwrap_or(&answer);
            assert!(answer.starts_with(&starts), "{request}: {answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_short_request_that_nobody_reads_leaves_its_connection_to_the_next() {
    let (_breaking, fixture) = nobody().await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let body = "x".repeat(200 * 1024);
    for (request, status) in [("TRACE /", 405), ("POST /", 503), ("POST /moved", 302)] {
        let head = format!("{request} HTTP/1.1\r\nHost: a\r\nContent-Length:");
        let request = format!("{head} {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"</html>\r\n") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(!answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn methods_for_proxies_are_405() {
    let (backend, fixture) = fixture().await;
    let request =
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n";
    let answer = raw(fixture.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    let trace = fixture
        .client
        .send(fixture.client.request(Method::TRACE, "/"))
        .await;
    assert_eq!(trace.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn what_is_too_long_is_414_or_431() {
    let (backend, fixture) = fixture().await;
    let long = fixture
        .client
        .get(&format!("/{}", "x".repeat(17 * 1024)))
        .await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
    let header = format!("X: {}\r\n", "x".repeat(70 * 1024));
    let answer = raw(
        fixture.address,
        &format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = "X: y\r\n".repeat(200);
    let answer = raw(
        fixture.address,
        &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn nothing_is_smuggled_behind_two_lengths() {
    let backend = Backend::serving(|request| async move {
        let lengths = request.headers().contains_key("content-length");
        let body = http_body_util::BodyExt::collect(request.into_body())
            .await
            .unwrap()
            .to_bytes();
        response(StatusCode::OK, format!("{} {lengths}", body.len()))
    })
    .await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    for lengths in [
        "Content-Length: 50\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 50",
    ] {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n0\r\n\r\n{smuggled}");
        let before = backend.requests();
        let answer = raw(fixture.address, &request).await;
        assert!(answer.ends_with("0 false"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert_eq!(backend.requests(), before + 1);
    }
}

#[tokio::test]
async fn an_absolute_target_goes_where_every_request_goes() {
    let (backend, fixture) = fixture().await;
    let request = "GET http://127.0.0.1:1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = raw(fixture.address, request).await;
    assert!(answer.ends_with("reached"), "{answer}");
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn a_head_that_comes_by_drops_is_cut_off() {
    let backend = Backend::saying("").await;
    let options = impatient(Duration::from_millis(100));
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    rest(&mut stream).await;
    let mut silent = TcpStream::connect(fixture.address).await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(backend.requests(), 0);
}
