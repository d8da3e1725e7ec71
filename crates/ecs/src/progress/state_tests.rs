//! Tables of what ECS shows and how the rollout stands then.

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{DeploymentRolloutState as State, ServiceDeploymentStatus as Status};

use super::*;

/// The rollout that is followed; `ecs-svc/1` ran before it, `ecs-svc/3` came after it.
const FOLLOWED: &str = "ecs-svc/2";

fn deployment(number: u8, status: &str, state: State) -> sdk::Deployment {
    sdk::Deployment::builder()
        .id(format!("ecs-svc/{number}"))
        .status(status)
        .rollout_state(state)
        .created_at(DateTime::from_secs(i64::from(number)))
        .task_definition(format!("td:{number}"))
        .build()
}

fn service(deployments: Vec<sdk::Deployment>) -> sdk::Service {
    sdk::Service::builder()
        .set_deployments(Some(deployments))
        .build()
}

fn record(status: Status) -> sdk::ServiceDeployment {
    sdk::ServiceDeployment::builder()
        .status(status)
        .rollback(
            sdk::Rollback::builder()
                .service_revision_arn("arn:aws:ecs:r:a:service-revision/c/s/1")
                .build(),
        )
        .build()
}

fn state(service: &sdk::Service, record: Option<&sdk::ServiceDeployment>) -> Option<RolloutState> {
    let rollout = RolloutId(FOLLOWED.into());
    let evidence = Evidence {
        rollout: &rollout,
        service,
        record,
    };
    read(evidence).map(|reading| reading.state)
}

fn rolled_back() -> RolloutState {
    RolloutState::RolledBack {
        to: Some(RevisionId("td:1".into())),
    }
}

fn superseded() -> RolloutState {
    RolloutState::Superseded {
        by: Some(RolloutId("ecs-svc/3".into())),
    }
}

#[test]
fn the_newest_deployment_speaks_for_itself() {
    let cases = [
        (State::InProgress, RolloutState::InProgress),
        (State::Completed, RolloutState::Succeeded),
        (State::Failed, RolloutState::Failed),
    ];
    for (shown, expected) in cases {
        let service = service(vec![
            deployment(2, "PRIMARY", shown),
            deployment(1, "ACTIVE", State::Completed),
        ]);
        assert_eq!(state(&service, None), Some(expected));
    }
}

#[test]
fn a_rollback_is_no_success_although_the_newest_deployment_completed() {
    let restoring = service(vec![
        deployment(1, "PRIMARY", State::InProgress),
        deployment(2, "ACTIVE", State::Failed),
    ]);
    let restored = service(vec![
        deployment(1, "PRIMARY", State::Completed),
        deployment(2, "ACTIVE", State::Failed),
    ]);
    let gone = service(vec![deployment(1, "PRIMARY", State::Completed)]);
    let cases = [
        (
            &restoring,
            Status::RollbackRequested,
            RolloutState::RollingBack,
        ),
        (
            &restoring,
            Status::RollbackInProgress,
            RolloutState::RollingBack,
        ),
        (&restored, Status::RollbackSuccessful, rolled_back()),
        (&gone, Status::RollbackSuccessful, rolled_back()),
        (&restored, Status::RollbackFailed, RolloutState::Failed),
    ];
    for (service, status, expected) in cases {
        let record = record(status.clone());
        assert_eq!(state(service, Some(&record)), Some(expected), "{status}");
    }
    // Where no record could be had, the deployments' ages tell.
    assert_eq!(state(&restoring, None), Some(RolloutState::RollingBack));
    assert_eq!(state(&restored, None), Some(rolled_back()));
}

#[test]
fn a_newer_rollout_makes_it_superseded_not_rolled_back() {
    for status in [Status::StopRequested, Status::Stopped] {
        let replaced = service(vec![
            deployment(3, "PRIMARY", State::InProgress),
            deployment(2, "ACTIVE", State::InProgress),
        ]);
        let gone = service(vec![deployment(3, "PRIMARY", State::Completed)]);
        let record = record(status);
        assert_eq!(state(&replaced, Some(&record)), Some(superseded()));
        assert_eq!(state(&gone, Some(&record)), Some(superseded()));
    }
}

#[test]
fn a_rollout_that_failed_before_a_newer_one_stays_failed() {
    let followed_by_newer = service(vec![
        deployment(3, "PRIMARY", State::InProgress),
        deployment(2, "ACTIVE", State::Failed),
    ]);
    let stopped = record(Status::Stopped);
    let failed = Some(RolloutState::Failed);
    assert_eq!(state(&followed_by_newer, Some(&stopped)), failed);
    assert_eq!(state(&followed_by_newer, None), failed);

    let gone = service(vec![deployment(3, "PRIMARY", State::Completed)]);
    let breaker = sdk::ServiceDeploymentCircuitBreaker::builder()
        .status(sdk::ServiceDeploymentRollbackMonitorsStatus::Triggered)
        .build();
    let triggered = sdk::ServiceDeployment::builder()
        .status(Status::Stopped)
        .deployment_circuit_breaker(breaker)
        .build();
    assert_eq!(state(&gone, Some(&triggered)), failed);
}

#[test]
fn stopped_with_rollback_off_and_nothing_newer_is_a_failure() {
    let service = service(vec![deployment(2, "PRIMARY", State::Failed)]);
    let record = record(Status::Stopped);
    assert_eq!(state(&service, Some(&record)), Some(RolloutState::Failed));
}

#[test]
fn a_success_stays_one_when_a_newer_rollout_follows() {
    let service = service(vec![deployment(3, "PRIMARY", State::InProgress)]);
    let record = record(Status::Successful);
    assert_eq!(
        state(&service, Some(&record)),
        Some(RolloutState::Succeeded)
    );
}

#[test]
fn a_record_that_lags_does_not_hide_what_the_deployment_shows() {
    let service = service(vec![
        deployment(3, "PRIMARY", State::InProgress),
        deployment(2, "ACTIVE", State::Completed),
    ]);
    let record = record(Status::InProgress);
    assert_eq!(
        state(&service, Some(&record)),
        Some(RolloutState::Succeeded)
    );
}

#[test]
fn a_rollout_in_no_answer_is_not_guessed() {
    let service = service(vec![deployment(3, "PRIMARY", State::Completed)]);
    assert_eq!(state(&service, None), None);
}

#[test]
fn a_record_is_asked_for_only_when_the_service_does_not_tell() {
    let rollout = RolloutId(FOLLOWED.into());
    let plain = |deployments| is_plain(&service(deployments), &rollout);
    assert!(plain(vec![deployment(2, "PRIMARY", State::InProgress)]));
    assert!(plain(vec![deployment(2, "PRIMARY", State::Completed)]));
    assert!(!plain(vec![deployment(2, "PRIMARY", State::Failed)]));
    assert!(!plain(vec![deployment(3, "PRIMARY", State::InProgress)]));
}

#[test]
fn the_record_s_words_come_first() {
    let rollout = RolloutId(FOLLOWED.into());
    let mut own = deployment(2, "ACTIVE", State::Failed);
    own.rollout_state_reason =
        Some("ECS deployment circuit breaker: tasks failed to start.".into());
    let service = service(vec![deployment(1, "PRIMARY", State::InProgress), own]);
    let mut record = record(Status::RollbackInProgress);
    let read = |record| {
        read(Evidence {
            rollout: &rollout,
            service: &service,
            record,
        })
        .and_then(|reading| reading.reason)
    };
    assert_eq!(
        read(None).as_deref(),
        Some("ECS deployment circuit breaker: tasks failed to start.")
    );
    record.status_reason = Some("circuit breaker threshold was exceeded".into());
    assert_eq!(
        read(Some(&record)).as_deref(),
        Some("circuit breaker threshold was exceeded")
    );
}
