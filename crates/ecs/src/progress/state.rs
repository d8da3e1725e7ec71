//! How a rollout stands: a pure reading of what ECS shows of its service.
//!
//! A deployment is followed by its own id, never by "the newest one": after a rollback or a newer
//! rollout the newest is another's, and its success is not this one's (hashicorp/
//! terraform-provider-aws#20858, argos-ci/argos#2390). While the deployment is the service's
//! primary one, its rollout state says all; once it is not, only the service deployment, which
//! stays the same object through a rollback, tells replaced from rolled back.

use aws_sdk_ecs::types as sdk;
use seaway_core::desired::RevisionId;
use seaway_core::rollout::{RolloutId, RolloutState};

use crate::names::last_part;
use crate::services::primary;

/// What there is to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) rollout: &'a RolloutId,
    pub(crate) service: &'a sdk::Service,
    /// The rollout's service deployment, once it was asked for.
    pub(crate) record: Option<&'a sdk::ServiceDeployment>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) state: RolloutState,
    /// The platform's words.
    pub(crate) reason: Option<String>,
}

/// Whether the service alone says how the rollout stands.
pub(crate) fn is_plain(service: &sdk::Service, rollout: &RolloutId) -> bool {
    let newest = primary(service).filter(|deployment| deployment.id() == Some(&rollout.0));
    newest.is_some_and(|deployment| {
        deployment.rollout_state() != Some(&sdk::DeploymentRolloutState::Failed)
    })
}

/// Reads the evidence; none when it does not suffice, because the rollout is in no answer.
pub(crate) fn read(evidence: Evidence<'_>) -> Option<Reading> {
    let own = own(evidence.service, evidence.rollout);
    let state = match evidence.record.and_then(sdk::ServiceDeployment::status) {
        Some(status) => from_record(status, &evidence, own)?,
        None => from_deployment(&evidence, own?)?,
    };
    let words = evidence
        .record
        .and_then(|record| record.status_reason())
        .or_else(|| own.and_then(|deployment| deployment.rollout_state_reason()));
    Some(Reading {
        state,
        reason: words.filter(|words| !words.is_empty()).map(str::to_owned),
    })
}

/// The rollout's own deployment, as long as the service shows it.
pub(crate) fn own<'a>(
    service: &'a sdk::Service,
    rollout: &RolloutId,
) -> Option<&'a sdk::Deployment> {
    let is_own = |deployment: &&sdk::Deployment| deployment.id() == Some(&rollout.0);
    service.deployments().iter().find(is_own)
}

fn from_record(
    status: &sdk::ServiceDeploymentStatus,
    evidence: &Evidence<'_>,
    own: Option<&sdk::Deployment>,
) -> Option<RolloutState> {
    use sdk::ServiceDeploymentStatus as Status;
    Some(match status {
        Status::Pending | Status::InProgress => match own {
            // The record may lag behind the deployment by a moment; a final state counts at once.
            Some(deployment) => from_deployment(evidence, deployment)?,
            None => RolloutState::InProgress,
        },
        Status::Successful => RolloutState::Succeeded,
        Status::RollbackRequested | Status::RollbackInProgress => RolloutState::RollingBack,
        Status::RollbackSuccessful => RolloutState::RolledBack {
            to: restored(evidence),
        },
        Status::RollbackFailed => RolloutState::Failed,
        Status::StopRequested | Status::Stopped => stopped(evidence, own),
        _ => return None,
    })
}

/// A stopped rollout failed without a rollback, or made room for a newer one.
fn stopped(evidence: &Evidence<'_>, own: Option<&sdk::Deployment>) -> RolloutState {
    let failed = own.is_some_and(|deployment| {
        deployment.rollout_state() == Some(&sdk::DeploymentRolloutState::Failed)
    });
    let triggered = evidence
        .record
        .and_then(|record| record.deployment_circuit_breaker()?.status())
        == Some(&sdk::ServiceDeploymentRollbackMonitorsStatus::Triggered);
    match replacement(evidence) {
        Some(by) if !failed && !triggered => RolloutState::Superseded { by: Some(by) },
        _ => RolloutState::Failed,
    }
}

fn from_deployment(evidence: &Evidence<'_>, own: &sdk::Deployment) -> Option<RolloutState> {
    use sdk::DeploymentRolloutState as State;
    let is_newest = own.status() == Some("PRIMARY");
    let newest = primary(evidence.service);
    Some(match own.rollout_state()? {
        State::Completed => RolloutState::Succeeded,
        State::InProgress => RolloutState::InProgress,
        State::Failed if is_newest => RolloutState::Failed,
        // Not the newest any more: an older one is restored, or a newer one was begun since.
        State::Failed => match newest.filter(|newest| is_restoration(newest, own)) {
            None => RolloutState::Failed,
            Some(newest) if newest.rollout_state() == Some(&State::Completed) => {
                RolloutState::RolledBack {
                    to: revision(newest),
                }
            }
            Some(_) => RolloutState::RollingBack,
        },
        _ => return None,
    })
}

/// A restored deployment keeps its id and its age: it is older than the one that failed.
fn is_restoration(newest: &sdk::Deployment, failed: &sdk::Deployment) -> bool {
    match (newest.created_at(), failed.created_at()) {
        (Some(newest), Some(failed)) => newest < failed,
        _ => false,
    }
}

/// What took the rollout's place.
fn replacement(evidence: &Evidence<'_>) -> Option<RolloutId> {
    let id = primary(evidence.service)?.id()?;
    (id != evidence.rollout.0).then(|| RolloutId(id.to_owned()))
}

/// The revision that a rollback restored, if the service still shows its deployment.
fn restored(evidence: &Evidence<'_>) -> Option<RevisionId> {
    let arn = evidence.record?.rollback()?.service_revision_arn()?;
    let of_revision = |deployment: &&sdk::Deployment| {
        deployment
            .id()
            .is_some_and(|id| last_part(id) == last_part(arn))
    };
    let deployments = evidence.service.deployments();
    deployments.iter().find(of_revision).and_then(revision)
}

fn revision(deployment: &sdk::Deployment) -> Option<RevisionId> {
    let arn = deployment.task_definition()?;
    Some(RevisionId(arn.to_owned()))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
