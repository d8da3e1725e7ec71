//! The catalog's program from outside.

use shop_testing::{Connection, Program, request};

const CATALOG: &str = env!("CARGO_BIN_EXE_catalog");

#[test]
fn lists_products_and_answers_one() {
    let mut catalog = Program::start(CATALOG, &[], &[]);
    let address = catalog.address();
    let mut connection = Connection::open(address).unwrap();
    let list = connection.request("GET", "/products", "").unwrap();
    assert_eq!(list.status, 200);
    assert!(list.body.contains("\"id\":\"coffee\""), "{}", list.body);
    let one = connection.request("GET", "/products/coffee", "").unwrap();
    assert_eq!(one.status, 200);
    assert!(list.body.contains(&one.body), "{}", one.body);
    assert_eq!(
        connection
            .request("GET", "/products/tea", "")
            .unwrap()
            .status,
        404
    );
    assert_eq!(
        connection.request("POST", "/products", "").unwrap().status,
        404
    );
}

#[test]
fn probes_version_and_metrics_are_there() {
    let mut catalog = Program::start(CATALOG, &[], &[("SHOP_VERSION", "7.1")]);
    let address = catalog.address();
    let health = request(address, "GET", "/health", "").unwrap();
    assert_eq!(
        (health.status, health.body.as_str()),
        (200, r#"{"status":"ok"}"#)
    );
    let ready = request(address, "GET", "/ready", "").unwrap();
    assert_eq!(
        (ready.status, ready.body.contains(r#""status":"ready""#)),
        (200, true)
    );
    let version = request(address, "GET", "/version", "").unwrap().body;
    assert!(version.contains(r#""version":"7.1""#), "{version}");
    assert!(version.contains(r#""service":"catalog""#), "{version}");

    assert_eq!(
        request(address, "GET", "/products/tea", "").unwrap().status,
        404
    );
    let metrics = request(address, "GET", "/metrics", "").unwrap().body;
    for line in [
        "shop_build_info{service=\"catalog\",version=\"7.1\"} 1",
        "http_requests_total{method=\"GET\",status=\"404\"} 1",
        "http_request_duration_seconds_count 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not in\n{metrics}"
        );
    }
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let mut catalog = Program::start(CATALOG, &[], &[]);
    let body = "x".repeat(1024 * 1024 + 1);
    let answer = request(catalog.address(), "PUT", "/products", &body).unwrap();
    assert_eq!(answer.status, 413);
}

#[test]
fn unusable_settings_end_it_with_status_2() {
    for pair in [("PORT", "high"), ("HOST", "here"), ("SHOP_FAULT", "boom")] {
        let mut catalog = Program::start(CATALOG, &[], &[pair]);
        assert_eq!(catalog.wait().code(), Some(2));
        assert!(
            catalog
                .wait_for("ERROR catalog cannot start")
                .contains(pair.0)
        );
    }
}
