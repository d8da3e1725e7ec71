//! Calls to a service that is being replaced.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shop_common::reply::{self, Reply};
use shop_common::{Method, Request, Routes, StatusCode, Upstream, UpstreamError};
use shop_testing::Serving;

/// Answers 503 to the first requests, as a router does while no task is there.
struct Recovering {
    requests: Arc<AtomicU32>,
    refused: u32,
}

impl Routes for Recovering {
    async fn answer(&self, _: Request) -> Reply {
        match self.requests.fetch_add(1, Ordering::SeqCst) < self.refused {
            true => reply::empty(StatusCode::SERVICE_UNAVAILABLE),
            false => reply::text(StatusCode::OK, "here"),
        }
    }
}

/// A service that refuses its first requests, and how many it has had.
fn recovering(refused: u32) -> (Serving, Arc<AtomicU32>) {
    let requests = Arc::new(AtomicU32::new(0));
    let routes = Recovering {
        requests: Arc::clone(&requests),
        refused,
    };
    (Serving::start("recovering", routes), requests)
}

fn call(address: SocketAddr, method: Method) -> Result<StatusCode, UpstreamError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("one");
    let upstream = Upstream::new(
        "recovering",
        &format!("http://{address}").parse().expect("url"),
    );
    runtime
        .block_on(upstream.call(method, "/", ""))
        .map(|answer| answer.status)
}

#[test]
fn what_may_be_repeated_is_repeated_until_it_works() {
    let (serving, requests) = recovering(2);
    assert_eq!(call(serving.address, Method::GET).unwrap(), StatusCode::OK);
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[test]
fn orders_are_not_sent_twice() {
    let (serving, requests) = recovering(2);
    let error = call(serving.address, Method::POST).unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unavailable { .. }),
        "{error}"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[test]
fn a_service_that_stays_away_is_given_up() {
    let (serving, requests) = recovering(u32::MAX);
    let error = call(serving.address, Method::GET).unwrap_err().to_string();
    assert_eq!(
        error,
        "recovering is not available (status 503 Service Unavailable)"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[test]
fn a_service_that_starts_meanwhile_is_found() {
    // An address of its own: no other test takes the port while it is free.
    let listener = TcpListener::bind("127.83.0.7:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        Serving::start_at(
            address,
            "late",
            Recovering {
                requests: Arc::default(),
                refused: 0,
            },
        )
    });
    assert_eq!(call(address, Method::GET).unwrap(), StatusCode::OK);
    drop(late.join());
}
