//! What the router finds out about targets, and what it does with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use http::{StatusCode, header};
use seaway_router::{Action, TargetGroup, TargetHealth, TargetHealthReason, TargetHealthState};

use crate::backend::{Backend, Nobody, response};
use crate::fixture::{
    Fixture, group, group_id, listener, named_group, options, table, target, unchecked,
};

/// A target whose health is a status that the test sets.
struct Patient {
    backend: Backend,
    status: Arc<AtomicU16>,
}

impl Patient {
    async fn with(status: u16) -> Self {
        let status = Arc::new(AtomicU16::new(status));
        let current = status.clone();
        let backend = Backend::serving(move |request| {
            let status = current.load(Ordering::SeqCst);
            async move {
                let checked = request.uri().path() == "/checked";
                let by_checker = request.headers().get(header::USER_AGENT);
                let by_checker = by_checker.is_some_and(|agent| agent == "ELB-HealthChecker/2.0");
                assert_eq!(checked, by_checker);
                let status = if checked { status } else { 200 };
                response(StatusCode::from_u16(status).unwrap(), "")
            }
        })
        .await;
        Self { backend, status }
    }

    fn address(&self) -> SocketAddr {
        self.backend.address
    }

    fn become_(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

fn checked(targets: &[SocketAddr]) -> TargetGroup {
    let mut group = group(targets);
    group.health_check.path = "/checked".to_owned();
    group
}

fn only(fixture: &Fixture) -> TargetHealth {
    let mut health = fixture.router.health(&group_id()).unwrap();
    assert_eq!(health.len(), 1);
    health.remove(0)
}

#[tokio::test]
async fn a_new_target_is_initial_and_healthy_after_one_check() {
    let patient = Patient::with(200).await;
    let mut group = checked(&[patient.address()]);
    group.health_check.interval = Duration::from_secs(300);
    group.health_check.healthy_threshold = 10;
    let mut fixture = Fixture::new(group);
    let initial = fixture
        .until(patient.address(), TargetHealthState::Initial)
        .await
        .health;
    assert_eq!(
        initial.reason,
        Some(TargetHealthReason::RegistrationInProgress)
    );
    let healthy = fixture
        .until(patient.address(), TargetHealthState::Healthy)
        .await
        .health;
    assert_eq!((healthy.reason, healthy.description.clone()), (None, None));
    assert_eq!(only(&fixture), healthy);
}

#[tokio::test]
async fn a_target_that_starts_late_is_healthy_at_once() {
    let late = Nobody::new();
    let address = late.address;
    let mut group = group(&[address]);
    group.health_check.interval = Duration::from_secs(300);
    let mut fixture = Fixture::new(group);
    let checking = loop {
        let event = fixture
            .until(address, TargetHealthState::Initial)
            .await
            .health;
        if event.reason == Some(TargetHealthReason::InitialHealthChecking) {
            break event;
        }
    };
    assert_eq!(
        checking.description.as_deref(),
        Some("Initial health checks in progress")
    );
    let started = Instant::now();
    let _backend = Backend::serving_at(late.listen(), |_| async { response(StatusCode::OK, "") });
    fixture.until(address, TargetHealthState::Healthy).await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_target_that_fails_has_the_time_of_the_whole_threshold() {
    let patient = Patient::with(503).await;
    let mut group = checked(&[patient.address()]);
    group.health_check.interval = Duration::from_millis(200);
    group.health_check.unhealthy_threshold = 3;
    let started = Instant::now();
    let mut fixture = Fixture::new(group);
    let unhealthy = fixture
        .until(patient.address(), TargetHealthState::Unhealthy)
        .await
        .health;
    assert!(
        started.elapsed() >= Duration::from_millis(600),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        unhealthy.reason.unwrap().as_str(),
        "Target.ResponseCodeMismatch"
    );
    let description = unhealthy.description.as_deref();
    assert_eq!(
        description,
        Some("Health checks failed with these codes: [503]")
    );
}

#[tokio::test]
async fn a_target_falls_ill_and_recovers() {
    let patient = Patient::with(200).await;
    let mut fixture = Fixture::new(checked(&[patient.address()]));
    fixture
        .until(patient.address(), TargetHealthState::Healthy)
        .await;
    patient.become_(500);
    fixture
        .until(patient.address(), TargetHealthState::Unhealthy)
        .await;
    patient.become_(200);
    fixture
        .until(patient.address(), TargetHealthState::Healthy)
        .await;
}

#[tokio::test]
async fn refused_connections_and_time_outs_are_told_apart() {
    let nobody = Nobody::new();
    let refusing = nobody.address;
    let silent = Backend::raw(|stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let mut group = group(&[refusing, silent.address]);
    group.health_check.timeout = Duration::from_millis(30);
    let mut fixture = Fixture::new(group);
    let mut found = Vec::new();
    while found.len() < 2 {
        let event = fixture.events.recv().await.unwrap().health;
        if event.state == TargetHealthState::Unhealthy {
            found.push((
                event.address,
                event.reason.unwrap(),
                event.description.unwrap(),
            ));
        }
    }
    let failed = (
        refusing,
        TargetHealthReason::FailedHealthChecks,
        "Health checks failed".into(),
    );
    let late = (
        silent.address,
        TargetHealthReason::Timeout,
        "Request timed out".into(),
    );
    assert!(found.contains(&failed), "{found:?}");
    assert!(found.contains(&late), "{found:?}");
}

#[tokio::test]
async fn the_matcher_says_which_codes_pass() {
    let patient = Patient::with(301).await;
    let mut group = checked(&[patient.address()]);
    group.health_check.matcher = "200-299,301".parse().unwrap();
    let mut fixture = Fixture::new(group);
    fixture
        .until(patient.address(), TargetHealthState::Healthy)
        .await;
}

#[tokio::test]
async fn unhealthy_targets_get_requests_only_when_none_is_healthy() {
    let (well, ill) = (Patient::with(200).await, Patient::with(500).await);
    // The checks of this test count as requests, so what is compared is who answered.
    let mut fixture = Fixture::new(checked(&[well.address(), ill.address()]));
    fixture
        .until(ill.address(), TargetHealthState::Unhealthy)
        .await;
    let group = fixture.router.metrics(&group_id()).unwrap();
    assert_eq!(group.requests, 0, "health checks are not requests");
    for _ in 0..10 {
        assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);
    }
    well.become_(500);
    fixture
        .until(well.address(), TargetHealthState::Unhealthy)
        .await;
    // Fail-open: both are unhealthy, and requests are still served.
    for _ in 0..10 {
        assert_eq!(fixture.client.get("/").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_go_to_healthy_targets_only() {
    let well = Backend::saying("well").await;
    let ill = Backend::serving(|_| async { response(StatusCode::OK, "ill") }).await;
    let mut group = group(&[well.address, ill.address]);
    group.health_check.port = Some(well.address.port());
    group.targets.truncate(1);
    let mut fixture = Fixture::new(group.clone());
    fixture
        .until(well.address, TargetHealthState::Healthy)
        .await;
    // A second target that is checked at a port where nobody listens stays out.
    group.targets.push(target(SocketAddr::from((
        [127, 0, 0, 2],
        ill.address.port(),
    ))));
    fixture.update(group);
    for _ in 0..10 {
        assert_eq!(fixture.client.get("/").await.body, "well");
    }
}

#[tokio::test]
async fn a_group_that_no_rule_refers_to_is_unused_until_one_does() {
    let patient = Patient::with(200).await;
    let backend = Backend::saying("").await;
    let spare = named_group("spare", &[backend.address]);
    let before = table(checked(&[patient.address()])).with_target_group(spare.clone());
    let mut fixture = Fixture::with_options(options(), before);
    let unused = fixture
        .until(backend.address, TargetHealthState::Unused)
        .await
        .health;
    assert_eq!(unused.reason.unwrap().as_str(), "Target.NotInUse");
    let after = table(checked(&[patient.address()]))
        .with_listener(listener("other", vec![], Action::forward("spare")))
        .with_target_group(spare);
    fixture.router.apply(after).unwrap();
    fixture
        .until(backend.address, TargetHealthState::Initial)
        .await;
    fixture
        .until(backend.address, TargetHealthState::Healthy)
        .await;
}

#[tokio::test]
async fn without_health_checks_a_target_is_unavailable_and_gets_requests() {
    let backend = Backend::saying("here").await;
    let mut fixture = Fixture::new(unchecked(&[backend.address]));
    let health = fixture
        .until(backend.address, TargetHealthState::Unavailable)
        .await
        .health;
    assert_eq!(
        health.reason.unwrap().as_str(),
        "Target.HealthCheckDisabled"
    );
    assert_eq!(fixture.client.get("/").await.body, "here");
}

#[tokio::test]
async fn applying_the_same_again_changes_no_health() {
    let backends = [Backend::saying("").await, Backend::saying("").await];
    let addresses = backends.each_ref().map(|backend| backend.address);
    let mut fixture = Fixture::healthy(&addresses).await;
    for _ in 0..3 {
        fixture.router.apply(table(group(&addresses))).unwrap();
    }
    assert_eq!(fixture.events.try_recv(), None);
    let mut slower = group(&addresses);
    slower.health_check.interval = Duration::from_secs(10);
    fixture.update(slower);
    assert_eq!(fixture.events.try_recv(), None);
    let states = fixture.router.health(&group_id()).unwrap();
    assert!(
        states
            .iter()
            .all(|target| target.state == TargetHealthState::Healthy)
    );
}
