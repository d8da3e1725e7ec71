//! Asking ECS to go back: `StopServiceDeployment` with `ROLLBACK`.

use aws_sdk_ecs::types as sdk;
use seaway_core::name::ServiceName;
use seaway_core::rollout::RolloutId;
use seaway_ports::{PortError, PortErrorKind, RollbackAnswer};

use crate::connect::Session;
use crate::error::{During as _, incomplete};
use crate::services::is_same_rollout;

impl Session {
    pub(crate) async fn request_rollback(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<RollbackAnswer, PortError> {
        let what = format!("roll {service} back");
        let record = self.open_record(service, rollout).await?;
        let record = record.ok_or_else(|| incomplete(&what, "record of the rollout"))?;
        let arn = record.service_deployment_arn().unwrap_or_default();
        if let Some(answer) = settled(record.status()) {
            return Ok(answer);
        }
        let described = self.described(service).await?;
        if self.is_first(service, &described).await? {
            return Ok(RollbackAnswer::NothingBefore);
        }
        let asked = self
            .ecs
            .stop_service_deployment()
            .service_deployment_arn(arn)
            .stop_type(sdk::StopServiceDeploymentStopType::Rollback)
            .send()
            .await
            .during(&what);
        match asked {
            Ok(_) => Ok(RollbackAnswer::Accepted),
            // It may have ended between the look and the request.
            Err(error) if is_too_late(&error) => {
                let again = self.describe_service_deployments(&[arn.to_owned()]).await?;
                let status = again.first().and_then(sdk::ServiceDeployment::status);
                settled(status).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The record of a rollout, by the service's own pointer where the list lags behind.
    async fn open_record(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<Option<sdk::ServiceDeployment>, PortError> {
        if let Some(record) = self.record(service, rollout).await? {
            return Ok(Some(record));
        }
        let described = self.described(service).await?;
        let Some(current) = described.current_service_deployment() else {
            return Ok(None);
        };
        let records = self
            .describe_service_deployments(&[current.to_owned()])
            .await?;
        let of_rollout = |record: &sdk::ServiceDeployment| {
            let target = record.target_service_revision().and_then(|r| r.arn());
            target.is_some_and(|arn| is_same_rollout(arn, rollout))
        };
        Ok(records.into_iter().find(of_rollout))
    }
}

/// What a rollout's status says to a request for a rollback; none while it can be granted.
fn settled(status: Option<&sdk::ServiceDeploymentStatus>) -> Option<RollbackAnswer> {
    use sdk::ServiceDeploymentStatus as Status;
    match status? {
        Status::RollbackRequested | Status::RollbackInProgress | Status::RollbackSuccessful => {
            Some(RollbackAnswer::Accepted)
        }
        Status::RollbackFailed => Some(RollbackAnswer::NothingBefore),
        Status::Successful | Status::StopRequested | Status::Stopped => {
            Some(RollbackAnswer::AlreadyOver)
        }
        _ => None,
    }
}

fn is_too_late(error: &PortError) -> bool {
    matches!(
        error.kind,
        PortErrorKind::Conflict | PortErrorKind::NotFound | PortErrorKind::Invalid
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdk::ServiceDeploymentStatus as Status;

    #[test]
    fn a_rollout_that_ended_is_not_asked_again() {
        let cases = [
            (Status::Pending, None),
            (Status::InProgress, None),
            (Status::RollbackRequested, Some(RollbackAnswer::Accepted)),
            (Status::RollbackInProgress, Some(RollbackAnswer::Accepted)),
            (Status::RollbackSuccessful, Some(RollbackAnswer::Accepted)),
            (Status::RollbackFailed, Some(RollbackAnswer::NothingBefore)),
            (Status::Successful, Some(RollbackAnswer::AlreadyOver)),
            (Status::StopRequested, Some(RollbackAnswer::AlreadyOver)),
            (Status::Stopped, Some(RollbackAnswer::AlreadyOver)),
        ];
        for (status, expected) in cases {
            assert_eq!(settled(Some(&status)), expected, "{status}");
        }
    }
}
