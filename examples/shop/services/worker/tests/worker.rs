//! The worker's program from outside, with a store in the test.

use std::time::{Duration, Instant};

use shop_store::{Shelf, Store};
use shop_testing::{Program, Serving, request};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

const ORDER: &str =
    r#"{"id":"order-1","product":"lamp","quantity":1,"total_cents":3490,"status":"placed"}"#;

#[test]
fn placed_orders_become_shipped() {
    let volume = tempfile::tempdir().unwrap();
    let store = Serving::start("store", Store::new(Shelf::open(volume.path()).unwrap()));
    let put = request(store.address, "PUT", "/store/order-1", ORDER).unwrap();
    assert_eq!(put.status, 204);

    let mut worker = Program::start(WORKER, &[], &[("STORE_URL", &store.url())]);
    worker.wait_for("orders shipped: 1");
    let order = request(store.address, "GET", "/store/order-1", "")
        .unwrap()
        .body;
    assert_eq!(order, ORDER.replace("placed", "shipped"));

    worker.signal("TERM");
    assert!(worker.wait().success());
    worker.wait_for("nothing is half done");
}

#[test]
fn a_missing_store_is_survived() {
    let mut worker = Program::start(WORKER, &[], &[("STORE_URL", "http://127.0.0.1:1")]);
    let line = worker.wait_for("ERROR");
    assert!(
        line.contains("failed to reach the store: store did not answer"),
        "{line}"
    );
    assert!(worker.is_running());
}

#[test]
fn without_its_store_it_says_which_variable_is_missing() {
    let mut worker = Program::start(WORKER, &[], &[]);
    assert_eq!(worker.wait().code(), Some(1));
    worker.wait_for("STORE_URL is not set");
}

#[test]
fn it_crashes_later_when_told() {
    let variables = [
        ("STORE_URL", "http://127.0.0.1:1"),
        ("SHOP_FAULT", "crash-later:1"),
    ];
    let start = Instant::now();
    let mut worker = Program::start(WORKER, &[], &variables);
    assert_eq!(worker.wait().code(), Some(1));
    assert!(start.elapsed() >= Duration::from_secs(1));
}
