//! Products and orders.

use shop_testing::{Connection, request};

use crate::{Shop, start_alone};

#[test]
fn products_come_from_the_catalog() {
    let shop = Shop::open();
    let mut api = shop.start_api(&[]);
    let mut connection = Connection::open(api.address()).unwrap();
    let mut get = |path| connection.request("GET", path, "").unwrap();
    assert!(get("/").body.contains("/api/products"));
    assert!(get("/api/products").body.contains("\"id\":\"lamp\""));
    assert!(
        get("/api/products/lamp")
            .body
            .contains("\"price_cents\":3490")
    );
    assert_eq!(get("/api/products/tea").status, 404);
    assert_eq!(get("/api/products/..%2Fhealth").status, 404);
    assert_eq!(get("/api/nothing").status, 404);
}

#[test]
fn orders_are_kept_with_their_price() {
    let shop = Shop::open();
    let mut api = shop.start_api(&[]);
    let address = api.address();
    let wish = r#"{"product":"lamp","quantity":2}"#;
    let placed = request(address, "POST", "/api/orders", wish).unwrap();
    assert_eq!(placed.status, 201);
    assert!(
        placed
            .body
            .contains(r#""total_cents":6980,"status":"placed""#),
        "{}",
        placed.body
    );
    let id = placed.body.split('"').nth(3).unwrap();
    let found = request(address, "GET", &format!("/api/orders/{id}"), "").unwrap();
    assert_eq!((found.status, found.body), (200, placed.body.clone()));
    let all = request(address, "GET", "/api/orders", "").unwrap();
    assert_eq!(all.body, format!("[\"{id}\"]"));
    assert_eq!(
        request(address, "GET", "/api/orders/schema", "")
            .unwrap()
            .status,
        404
    );
}

#[test]
fn wishes_that_cannot_be_met_are_refused() {
    let shop = Shop::open();
    let mut api = shop.start_api(&[]);
    let address = api.address();
    for (wish, status) in [
        ("", 400),
        (r#"{"product":"lamp"}"#, 400),
        (r#"{"product":"lamp","quantity":0}"#, 400),
        (r#"{"product":"lamp","quantity":1,"colour":"red"}"#, 400),
        (r#"{"product":"tea","quantity":1}"#, 404),
        (r#"{"product":"../health","quantity":1}"#, 404),
    ] {
        let answer = request(address, "POST", "/api/orders", wish).unwrap();
        assert_eq!(answer.status, status, "{wish}");
    }
}

#[test]
fn ready_names_what_is_missing_and_health_does_not_care() {
    let shop = Shop::open();
    let mut api = shop.start_api(&[]);
    let ready = request(api.address(), "GET", "/ready", "").unwrap();
    let state = r#"{"dependencies":{"catalog":"ok","store":"ok"},"status":"ready"}"#;
    assert_eq!((ready.status, ready.body.as_str()), (200, state));

    let mut api = start_alone(&[], &[]);
    let address = api.address();
    let ready = request(address, "GET", "/ready", "").unwrap();
    assert_eq!(ready.status, 503);
    assert!(
        ready
            .body
            .contains("\"catalog\":\"catalog did not answer: "),
        "{}",
        ready.body
    );
    assert_eq!(request(address, "GET", "/health", "").unwrap().status, 200);
    assert_eq!(
        request(address, "GET", "/api/products", "").unwrap().status,
        503
    );
}

#[test]
fn the_payment_token_is_noticed_and_never_written() {
    let mut api = start_alone(&[], &[("PAYMENT_TOKEN", "planted-value")]);
    assert_eq!(request(api.address(), "GET", "/", "").unwrap().status, 200);
    api.wait_for("payments are on");
    api.signal("TERM");
    api.wait_for("every request is answered");
    assert!(!api.output().contains("planted-value"), "{}", api.output());
}
