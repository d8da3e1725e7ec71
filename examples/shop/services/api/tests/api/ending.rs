//! SIGTERM loses no request.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::Duration;

use shop_testing::{Connection, request};

use crate::{Shop, start_alone};

/// Connections that are kept open at the same time.
const CLIENTS: usize = 48;

#[test]
fn thousands_of_requests_over_kept_connections_are_all_answered() {
    let shop = Shop::open();
    let mut api = shop.start_api(&[]);
    let address = api.address();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(address).unwrap();
                for _ in 0..5_000 / CLIENTS + 1 {
                    let answer = connection.request("GET", "/api/products", "").unwrap();
                    assert!(answer.status == 200 && !answer.last, "{answer:?}");
                }
            });
        }
    });
}

#[test]
fn under_load_each_connection_ends_with_an_answer_that_says_so() {
    let mut api = start_alone(&[], &[]);
    let address = api.address();
    let busy = Barrier::new(CLIENTS + 1);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| use_until_told_to_close(address, &busy)))
            .collect();
        busy.wait();
        std::thread::sleep(Duration::from_millis(100));
        api.signal("TERM");
        for client in clients {
            assert!(client.join().unwrap() > 1);
        }
    });
    assert!(api.wait().success());
    api.wait_for("every request is answered");
}

/// Sends requests over one connection until an answer closes it; says how many were answered.
fn use_until_told_to_close(address: SocketAddr, busy: &Barrier) -> u32 {
    let mut connection = Connection::open(address).expect("a connection");
    let mut answered = 0;
    loop {
        let answer = connection.request("GET", "/", "").expect("an answer");
        assert_eq!(answer.status, 200);
        answered += 1;
        if answered == 1 {
            busy.wait();
        }
        if answer.last {
            return answered;
        }
    }
}

#[test]
fn a_request_in_flight_is_finished_and_then_nobody_listens() {
    let mut api = start_alone(&[], &[("SHOP_FAULT", "slow:1000")]);
    let address = api.address();
    let mut idle = Connection::open(address).unwrap();
    let mut connection = Connection::open(address).unwrap();
    connection.send("GET", "/", "").unwrap();
    // Long enough to be read, far too short to be answered.
    std::thread::sleep(Duration::from_millis(100));
    api.signal("TERM");
    let answer = connection.receive().unwrap();
    assert!(answer.status == 200 && answer.last, "{answer:?}");
    assert!(api.wait().success());
    assert!(request(address, "GET", "/", "").is_err());
    assert!(idle.request("GET", "/", "").is_err());
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut api = start_alone(&[], &[]);
    let _idle = Connection::open(api.address()).unwrap();
    let start = std::time::Instant::now();
    api.signal("TERM");
    assert!(api.wait().success());
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}
