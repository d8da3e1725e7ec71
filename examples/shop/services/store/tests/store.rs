//! The store's program from outside: what is kept, and what a crash leaves.

use std::path::Path;

use shop_testing::{Connection, Program, request};

const STORE: &str = env!("CARGO_BIN_EXE_store");

fn start(volume: &Path) -> Program {
    let volume = volume.to_str().expect("a path in UTF-8");
    Program::start(STORE, &[], &[("SEAWAY_VOLUME_DATA", volume)])
}

#[test]
fn values_are_put_got_listed_and_removed() {
    let volume = tempfile::tempdir().unwrap();
    let mut store = start(volume.path());
    let mut connection = Connection::open(store.address()).unwrap();
    let mut status = |method, path, body| connection.request(method, path, body).unwrap().status;
    assert_eq!(status("GET", "/store/a", ""), 404);
    assert_eq!(status("PUT", "/store/a", "one"), 204);
    assert_eq!(status("PUT", "/store/a", "two"), 204);
    assert_eq!(status("PUT", "/store/b", ""), 204);
    assert_eq!(status("PUT", "/store/..%2Fa", "out"), 400);
    assert_eq!(status("PUT", "/store/.lock", "out"), 400);
    assert_eq!(status("POST", "/store/a", "out"), 405);
    assert_eq!(
        connection.request("GET", "/store/a", "").unwrap().body,
        "two"
    );
    assert_eq!(
        connection.request("GET", "/store", "").unwrap().body,
        r#"["a","b"]"#
    );
    assert_eq!(
        connection
            .request("GET", "/store?prefix=b", "")
            .unwrap()
            .body,
        r#"["b"]"#
    );
    assert_eq!(
        connection.request("DELETE", "/store/a", "").unwrap().status,
        204
    );
    assert_eq!(
        connection.request("DELETE", "/store/a", "").unwrap().status,
        404
    );
    assert_eq!(connection.request("GET", "/ready", "").unwrap().status, 200);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let volume = tempfile::tempdir().unwrap();
    let mut store = start(volume.path());
    let address = store.address();
    let writing = std::thread::spawn(move || {
        let mut connection = Connection::open(address).unwrap();
        let mut kept = 0;
        let long = "x".repeat(10_000);
        while connection
            .request("PUT", "/store/counter", &format!("{kept} {long}"))
            .is_ok()
        {
            kept += 1;
        }
        kept
    });
    // Enough writes that the kill meets one.
    while request(address, "GET", "/store/counter", "")
        .unwrap()
        .status
        == 404
    {}
    std::thread::sleep(std::time::Duration::from_millis(100));
    store.signal("KILL");
    store.wait();
    let kept: u64 = writing.join().unwrap();
    assert!(kept > 0);

    let mut store = start(volume.path());
    let value = request(store.address(), "GET", "/store/counter", "")
        .unwrap()
        .body;
    assert_eq!(
        value.len(),
        value.find(' ').unwrap() + 10_001,
        "a whole value"
    );
    let found: u64 = value.split(' ').next().unwrap().parse().unwrap();
    // The last one may be on the volume without its answer having gone out.
    assert!(
        found + 1 == kept || found == kept,
        "{found} found, {kept} acknowledged"
    );
}

#[test]
fn a_second_store_waits_until_the_first_has_ended() {
    let volume = tempfile::tempdir().unwrap();
    let mut first = start(volume.path());
    let address = first.address();
    assert_eq!(
        request(address, "PUT", "/store/a", "one").unwrap().status,
        204
    );
    let mut second = start(volume.path());
    second.wait_for("volume is");
    first.signal("TERM");
    let address = second.address();
    assert!(first.wait().success());
    assert_eq!(request(address, "GET", "/store/a", "").unwrap().body, "one");
}

#[test]
fn a_store_that_waits_can_be_stopped() {
    let volume = tempfile::tempdir().unwrap();
    let mut first = start(volume.path());
    first.address();
    let mut second = start(volume.path());
    second.wait_for("volume is");
    second.signal("TERM");
    assert!(second.wait().success());
}

#[test]
fn an_unusable_volume_is_named() {
    let mut store = start(Path::new("/proc/nowhere"));
    assert_eq!(store.wait().code(), Some(1));
    assert!(
        store
            .wait_for("ERROR")
            .contains("failed to open the volume at /proc/nowhere: ")
    );
}
