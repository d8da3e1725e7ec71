//! Where bodies end, and that they pass whole whatever says so.

use std::num::NonZero;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use seaway_router::{RouterOptions, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, Body, response};
use crate::client::raw;
use crate::fixture::{Fixture, impatient, table, unchecked};

#[tokio::test]
async fn answers_without_a_body_keep_the_connection_in_step() {
    let backend = Backend::serving(|request| async move {
        match request.uri().path() {
            "/none" => response(StatusCode::NO_CONTENT, ""),
            "/same" => response(StatusCode::NOT_MODIFIED, ""),
            _ => response(StatusCode::OK, "body"),
        }
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let head = fixture
        .client
        .send(fixture.client.request(Method::HEAD, "/"))
        .await;
    assert_eq!(head.headers[header::CONTENT_LENGTH], "4");
    assert_eq!(head.body, "");
    assert_eq!(
        fixture.client.get("/none").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fixture.client.get("/same").await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(fixture.client.get("/").await.body, "body");
}

#[tokio::test]
async fn of_an_answers_two_lengths_the_chunks_count() {
    for length in ["2", "50"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        );
        let backend = Backend::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let fixture = Fixture::new(unchecked(&[backend.address]));
        let request = fixture.client.request(Method::GET, "/");
        let answer = fixture.client.try_send(request).await;
        assert_eq!(answer.map(|answer| answer.body).as_deref(), Ok("hello"));
    }
}

#[tokio::test]
async fn a_body_without_a_length_passes() {
    let backend = Backend::serving(|request| async move {
        assert!(!request.headers().contains_key(header::CONTENT_LENGTH));
        let body = request.into_body().map_err(|error| panic!("{error}"));
        Response::new(body.boxed())
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = raw(fixture.address, &format!("{head}\r\n{body}")).await;
    assert!(
        answer.contains("transfer-encoding: chunked\r\n"),
        "{answer}"
    );
    let text: String = answer
        .split("\r\n\r\n")
        .nth(1)
        .unwrap()
        .lines()
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(text, "hello world");
}

#[tokio::test]
async fn a_request_that_ends_in_trailers_leaves_its_connection_to_the_next() {
    let backend = Backend::serving(repeat).await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n";
    let mut answer = Vec::new();
    for last in ["", "Connection: close\r\n"] {
        answer.clear();
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{last}{chunks}");
        stream.write_all(request.as_bytes()).await.unwrap();
        while !answer.ends_with(b"POST hi") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    }
    assert_eq!(backend.connections(), 1);
}

/// Answers with the method and what came in the request's body.
async fn repeat(request: Request<Incoming>) -> Response<Body> {
    let method = request.method().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = format!("{method} {}", String::from_utf8_lossy(&body));
    response(StatusCode::OK, text)
}

#[tokio::test]
async fn a_body_without_a_length_passes_with_every_method() {
    let backend = Backend::serving(repeat).await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    for method in ["GET", "DELETE", "OPTIONS", "POST"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        let body = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let answer = raw(fixture.address, &format!("{head}{body}")).await;
        assert!(answer.ends_with(&format!("{method} hello")), "{answer}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_passes_to_an_old_target() {
    // Answers each connection's requests in the old version, with a word of what came.
    let backend = Backend::raw(|mut stream| async move {
        let mut seen = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut seen).await {
            let text = String::from_utf8_lossy(&seen);
            let is_whole = if text.starts_with("POST") {
                text.ends_with("0\r\n\r\n")
            } else {
                text.ends_with("\r\n\r\n")
            };
            if is_whole {
                let said = if text.contains("hello") {
                    "heard"
                } else {
                    "empty"
                };
                let head = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5";
                let answer = format!("{head}\r\n\r\n{said}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                seen.clear();
            }
        }
    })
    .await;
    let options = RouterOptions {
        // Both requests would find the same connection.
        workers: Workers::Own(NonZero::<usize>::MIN),
        ..impatient(Duration::from_secs(1))
    };
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    assert_eq!(fixture.client.get("/").await.body, "empty");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let answer = raw(
        fixture.address,
        &format!("{head}\r\n5\r\nhello\r\n0\r\n\r\n"),
    )
    .await;
    assert!(answer.ends_with("heard"), "{answer}");
}
