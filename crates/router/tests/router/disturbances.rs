//! What stands between the router and a target.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use seaway_router::{
    Disturbance, Disturbances, RouterOptions, TargetGroup, TargetHealthReason, TargetHealthState,
    TargetId, Timeouts,
};

use crate::backend::Backend;
use crate::fixture::{Fixture, group, group_id, options, table, unchecked};

/// The same trouble for all targets.
#[derive(Debug, Default)]
struct Everywhere(Mutex<Option<Disturbance>>);

impl Everywhere {
    fn set(&self, disturbance: Option<Disturbance>) {
        *self.0.lock().unwrap() = disturbance;
    }
}

impl Disturbances for Everywhere {
    fn of(&self, _target: &TargetId) -> Option<Disturbance> {
        *self.0.lock().unwrap()
    }
}

fn disturbed(group: TargetGroup) -> (Arc<Everywhere>, Fixture) {
    let trouble = Arc::new(Everywhere::default());
    let options = RouterOptions {
        disturbances: Some(Arc::clone(&trouble) as Arc<dyn Disturbances>),
        timeouts: Timeouts {
            connect: Duration::from_millis(50),
            ..Timeouts::default()
        },
        ..options()
    };
    (trouble, Fixture::with_options(options, table(group)))
}

/// Checked soon.
fn checked(backend: &Backend) -> TargetGroup {
    let mut group = group(&[backend.address]);
    group.health_check.timeout = Duration::from_millis(100);
    group
}

#[tokio::test]
async fn a_cut_lets_neither_requests_nor_checks_through_until_it_is_mended() {
    let backend = Backend::saying("here").await;
    let (trouble, mut fixture) = disturbed(checked(&backend));
    let target = backend.address;
    fixture.until(target, TargetHealthState::Healthy).await;
    assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);

    trouble.set(Some(Disturbance::Cut));
    let answer = fixture.client.get("/").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    let ill = fixture.until(target, TargetHealthState::Unhealthy).await;
    assert_eq!(ill.health.reason, Some(TargetHealthReason::Timeout));

    trouble.set(None);
    fixture.until(target, TargetHealthState::Healthy).await;
    assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_waits_for_one_target_that_does_not_answer_and_not_for_each() {
    let backends = [Backend::saying("one").await, Backend::saying("two").await];
    let addresses = backends.each_ref().map(|backend| backend.address);
    let (trouble, fixture) = disturbed(unchecked(&addresses));
    trouble.set(Some(Disturbance::Cut));
    let answer = fixture.client.get("/").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    let metrics = fixture.router.metrics(&group_id()).unwrap();
    assert_eq!(metrics.connection_errors, 1);
}

#[tokio::test]
async fn a_target_that_refuses_is_as_one_where_nobody_listens() {
    let backend = Backend::saying("here").await;
    let (trouble, mut fixture) = disturbed(checked(&backend));
    let target = backend.address;
    fixture.until(target, TargetHealthState::Healthy).await;
    assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);

    trouble.set(Some(Disturbance::Refused));
    let answer = fixture.client.get("/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let ill = fixture.until(target, TargetHealthState::Unhealthy).await;
    assert_eq!(
        ill.health.reason,
        Some(TargetHealthReason::FailedHealthChecks)
    );
}

#[tokio::test]
async fn failing_checks_are_told_with_their_status_and_requests_get_through() {
    let backend = Backend::saying("here").await;
    let (trouble, mut fixture) = disturbed(checked(&backend));
    trouble.set(Some(Disturbance::FailingChecks(
        StatusCode::SERVICE_UNAVAILABLE,
    )));
    let ill = fixture
        .until(backend.address, TargetHealthState::Unhealthy)
        .await;
    let told = ill.health.description.unwrap_or_default();
    assert_eq!(told, "Health checks failed with these codes: [503]");
    // All are unhealthy: the load balancer fails open.
    assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);
}
