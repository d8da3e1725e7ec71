//! What is written down about requests.

use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::Full;
use seaway_router::{AccessLogOptions, Router, RouterOptions, StartError};

use crate::backend::{Backend, Nobody};
use crate::client::{PATIENCE, raw};
use crate::fixture::{Fixture, group_id, options, table, unchecked};
use crate::upgrade;

fn logging_to(path: &Path) -> RouterOptions {
    RouterOptions {
        access_log: Some(AccessLogOptions::new(path)),
        ..options()
    }
}

/// Splits a line at its spaces, quoted fields whole.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

#[tokio::test]
async fn every_request_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let backend = Backend::saying("12345").await;
    let fixture = Fixture::with_options(logging_to(&path), table(unchecked(&[backend.address])));
    let mut request = fixture
        .client
        .request(Method::POST, "/a?b=c")
        .map(|_| Full::from("123"));
    request.headers_mut().insert(
        "user-agent",
        http::HeaderValue::from_static("tester/1 \"x\""),
    );
    fixture.client.send(request).await;
    let nobody = Nobody::new();
    fixture.update(unchecked(&[nobody.address]));
    fixture.client.get("/gone").await;
    raw(
        fixture.address,
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    .await;
    fixture.router.shutdown(PATIENCE).await;

    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Vec<String>> = log.lines().map(fields).collect();
    assert_eq!(lines.len(), 3, "{log}");
    let served = &lines[0];
    assert_eq!(served[0], "http");
    assert_eq!(served[2], "listener");
    assert!(served[3].starts_with("127.0.0.1:"));
    assert_eq!(served[4], backend.address.to_string());
    assert_eq!(served[8..12], ["200", "200", "3", "5"]);
    assert_eq!(
        served[12],
        format!("POST http://{}/a?b=c HTTP/1.1", fixture.address)
    );
    assert_eq!(served[16], group_id().as_str());
    assert!(served[17].starts_with("Root=1-"), "{served:?}");
    let refused = &lines[1];
    assert_eq!(refused[5..12], ["-1", "-1", "-1", "502", "-", "0", "122"]);
    let malformed = &lines[2];
    assert_eq!(malformed[8..10], ["400", "-"]);
    assert_eq!(malformed[16], "-");
}

#[tokio::test]
async fn lines_are_written_soon_without_being_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let backend = Backend::saying("").await;
    let fixture = Fixture::with_options(logging_to(&path), table(unchecked(&[backend.address])));
    fixture.client.get("/").await;
    let written = async {
        while std::fs::read_to_string(&path).unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
}

#[tokio::test]
async fn a_client_that_left_is_logged_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let backend = Backend::serving(|_| std::future::pending()).await;
    let fixture = Fixture::with_options(logging_to(&path), table(unchecked(&[backend.address])));
    let client = fixture.client.clone();
    let request = client.request(Method::GET, "/");
    let waiting = tokio::time::timeout(Duration::from_millis(100), client.try_send(request)).await;
    assert!(waiting.is_err());
    drop(client);
    let counted = async {
        while fixture.router.metrics(&group_id()).unwrap().elb_4xx == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
    fixture.router.shutdown(PATIENCE).await;
    let log = std::fs::read_to_string(&path).unwrap();
    assert_eq!(fields(log.trim())[8..10], ["460", "-"]);
}

#[tokio::test]
async fn a_tunnels_line_tells_what_went_in_both_directions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let backend = upgrade::echo().await;
    let fixture = Fixture::with_options(logging_to(&path), table(unchecked(&[backend.address])));
    let mut stream = upgrade::open(fixture.address).await;
    upgrade::say(&mut stream, "hello").await;
    drop(stream);
    fixture.router.shutdown(PATIENCE).await;
    let log = std::fs::read_to_string(&path).unwrap();
    let line = fields(log.trim());
    assert_eq!(line[0], "ws");
    assert_eq!(line[8..12], ["101", "101", "5", "5"]);
}

#[tokio::test]
async fn what_a_shutdown_cuts_off_is_not_its_clients_doing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let backend = Backend::serving(|_| std::future::pending()).await;
    let fixture = Fixture::with_options(logging_to(&path), table(unchecked(&[backend.address])));
    let client = fixture.client.clone();
    let waiting =
        tokio::spawn(async move { client.try_send(client.request(Method::GET, "/")).await });
    while backend.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.router.shutdown(Duration::ZERO).await;
    assert!(waiting.await.unwrap().is_err());
    let log = std::fs::read_to_string(&path).unwrap();
    assert_eq!(fields(log.trim())[8..10], ["503", "-"]);
    let metrics = fixture.router.metrics(&group_id()).unwrap();
    assert_eq!((metrics.elb_4xx, metrics.elb_5xx), (0, 1));
}

#[tokio::test]
async fn answers_are_counted_per_group() {
    let backend = Backend::answering(StatusCode::NOT_FOUND).await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    for _ in 0..3 {
        fixture.client.get("/").await;
    }
    let metrics = fixture.router.metrics(&group_id()).unwrap();
    assert_eq!((metrics.requests, metrics.target_4xx), (3, 3));
    assert_eq!(metrics.response_times.iter().sum::<u64>(), 3);
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing").join("access.log");
    let error = Router::start(logging_to(&path)).unwrap_err();
    assert!(matches!(error, StartError::AccessLog { .. }));
}
