//! Requests that never reach a target.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::backend::{Backend, response};
use crate::client::{raw, rest};
use crate::fixture::{Fixture, impatient, table, unchecked};

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
