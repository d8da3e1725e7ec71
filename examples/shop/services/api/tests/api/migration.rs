//! The job before a release.

use shop_testing::request;

use crate::{Shop, start, start_alone};

#[test]
fn old_orders_get_a_status_once() {
    let shop = Shop::open();
    let order = r#"{"id":"order-1","product":"lamp","quantity":1,"total_cents":3490}"#;
    let put = |name, value| {
        request(shop.store.address, "PUT", name, value)
            .unwrap()
            .status
    };
    assert_eq!(put("/store/order-1", order), 204);
    let migrate = || start(&["migrate"], &shop.catalog.url(), &shop.store.url(), &[]);

    let mut job = migrate();
    assert!(job.wait().success());
    job.wait_for("from schema 0 to 1, orders rewritten: 1");
    let order = request(shop.store.address, "GET", "/store/order-1", "")
        .unwrap()
        .body;
    assert!(order.contains(r#""status":"shipped""#), "{order}");

    let mut job = migrate();
    assert!(job.wait().success());
    job.wait_for("schema 1: nothing to do");

    assert_eq!(put("/store/schema", "2"), 204);
    let mut job = migrate();
    assert_eq!(job.wait().code(), Some(1));
    job.wait_for("a newer version wrote it");
}

#[test]
fn a_first_release_has_nothing_to_migrate() {
    let mut job = start_alone(&["migrate"], &[]);
    assert!(job.wait().success());
    job.wait_for("a first release has no data");
}

#[test]
fn it_fails_when_told_and_ignores_the_faults_of_the_service() {
    let mut job = start_alone(&["migrate"], &[("SHOP_FAULT", "fail-migrate")]);
    assert_eq!(job.wait().code(), Some(1));
    job.wait_for("ERROR migrate failed: the migration failed");
    let mut job = start_alone(&["migrate"], &[("SHOP_FAULT", "crash-at-start")]);
    assert!(job.wait().success());
}

#[test]
fn other_commands_are_refused() {
    let mut job = start_alone(&["migrat"], &[]);
    assert_eq!(job.wait().code(), Some(2));
}
