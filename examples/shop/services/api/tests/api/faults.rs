//! Each fault does what the README says.

use std::time::{Duration, Instant};

use shop_testing::request;

use crate::start_alone;

#[test]
fn crash_at_start() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "crash-at-start")]);
    assert_eq!(api.wait().code(), Some(1));
    api.wait_for("ERROR api failed: crash, as SHOP_FAULT says");
}

#[test]
fn crash_later() {
    let start = Instant::now();
    let mut api = start_alone(&[], &[("SHOP_FAULT", "crash-later:1")]);
    assert_eq!(
        request(api.address(), "GET", "/health", "").unwrap().status,
        200
    );
    assert_eq!(api.wait().code(), Some(1));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn never_healthy() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "never-healthy")]);
    let address = api.address();
    assert_eq!(request(address, "GET", "/health", "").unwrap().status, 503);
    assert_eq!(request(address, "GET", "/ready", "").unwrap().status, 503);
    assert_eq!(request(address, "GET", "/", "").unwrap().status, 200);
}

#[test]
fn slow() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "slow:300")]);
    let address = api.address();
    for path in ["/", "/health"] {
        let start = Instant::now();
        assert_eq!(request(address, "GET", path, "").unwrap().status, 200);
        assert!(start.elapsed() >= Duration::from_millis(300), "{path}");
    }
}

#[test]
fn ignore_sigterm() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "ignore-sigterm")]);
    let address = api.address();
    api.signal("TERM");
    api.wait_for("SIGTERM ignored");
    assert_eq!(request(address, "GET", "/health", "").unwrap().status, 200);
}

#[test]
fn ignore_port() {
    // Held by the test, so that the program would fail if it wanted this port.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let variables = [("SHOP_FAULT", "ignore-port"), ("PORT", &*port.to_string())];
    let mut api = start_alone(&[], &variables);
    let address = api.address();
    assert_ne!(address.port(), port);
    assert_eq!(request(address, "GET", "/health", "").unwrap().status, 200);
}

#[test]
fn eat_memory() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "eat-memory:200")]);
    api.address();
    let end = Instant::now() + Duration::from_secs(20);
    while api.memory_kib() < 60 * 1024 {
        assert!(Instant::now() < end, "only {} KiB", api.memory_kib());
        std::thread::sleep(Duration::from_millis(20));
    }
}
