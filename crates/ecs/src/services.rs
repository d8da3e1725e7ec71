//! Reading services: listed by page, described ten at a time.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as sdk;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::RolloutId;
use seaway_ports::{PortError, PortErrorKind};

use crate::connect::Session;
use crate::error::During as _;
use crate::names::last_part;
use crate::parallel;

/// `DescribeServices` takes at most this many.
const DESCRIBED_AT_ONCE: usize = 10;
/// `ListServices` answers at most this many.
const LISTED_AT_ONCE: i32 = 100;

impl Session {
    /// Names of all services of the cluster; none when there is no cluster.
    pub(crate) async fn service_names(&self) -> Result<Vec<String>, PortError> {
        let cluster = self.identity.cluster();
        let pages: Result<Vec<String>, PortError> = self
            .ecs
            .list_services()
            .cluster(&cluster)
            .max_results(LISTED_AT_ONCE)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<String>, _>>()
            .await
            .during(format!("list the services of {cluster}"));
        match pages {
            Ok(arns) => Ok(arns.iter().map(|arn| last_part(arn).to_owned()).collect()),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Services by name. One that is not there is `Absent`; those of a call that failed are
    /// `Unknown`.
    pub(crate) async fn describe(
        &self,
        names: &[String],
    ) -> BTreeMap<String, Observed<sdk::Service>> {
        let chunks = names.chunks(DESCRIBED_AT_ONCE);
        let calls = chunks.map(|chunk| self.describe_chunk(chunk)).collect();
        parallel::all(calls).await.into_iter().flatten().collect()
    }

    /// One service that has to be there.
    pub(crate) async fn described(&self, name: &ServiceName) -> Result<sdk::Service, PortError> {
        let what = format!("describe the service {name}");
        let services = self.describe_few(&[name.to_string()]).await?;
        let service = services.into_iter().find(is_active);
        service.ok_or_else(|| PortError::new(PortErrorKind::NotFound, what, "it is not there"))
    }

    async fn describe_chunk(&self, names: &[String]) -> Vec<(String, Observed<sdk::Service>)> {
        let services = match self.describe_few(names).await {
            Ok(services) => services,
            Err(error) if error.kind == PortErrorKind::NotFound => vec![],
            Err(error) => {
                let unknown = |name: &String| (name.clone(), Observed::Unknown(error.to_string()));
                return names.iter().map(unknown).collect();
            }
        };
        let mut found: BTreeMap<String, sdk::Service> = services
            .into_iter()
            .filter(|service| service.status() != Some("INACTIVE"))
            .filter_map(|service| Some((service.service_name()?.to_owned(), service)))
            .collect();
        let observed = |name: &String| {
            let service = found.remove(name);
            (
                name.clone(),
                service.map_or(Observed::Absent, Observed::Known),
            )
        };
        names.iter().map(observed).collect()
    }

    async fn describe_few(&self, names: &[String]) -> Result<Vec<sdk::Service>, PortError> {
        let what = match names {
            [name] => format!("describe the service {name}"),
            _ => format!("describe {} services", names.len()),
        };
        let answer = self
            .ecs
            .describe_services()
            .cluster(self.identity.cluster())
            .set_services(Some(names.to_vec()))
            .include(sdk::ServiceField::Tags)
            .send()
            .await
            .during(what)?;
        Ok(answer.services.unwrap_or_default())
    }

    /// Briefs of a service's rollouts, newest first, at most one page.
    pub(crate) async fn service_deployments(
        &self,
        service: &ServiceName,
        only: &[sdk::ServiceDeploymentStatus],
    ) -> Result<Vec<sdk::ServiceDeploymentBrief>, PortError> {
        let answer = self
            .ecs
            .list_service_deployments()
            .cluster(self.identity.cluster())
            .service(service.as_str())
            .set_status((!only.is_empty()).then(|| only.to_vec()))
            .send()
            .await
            .during(format!("list the rollouts of {service}"))?;
        let mut briefs = answer.service_deployments.unwrap_or_default();
        briefs.sort_by_key(|brief| {
            std::cmp::Reverse(brief.created_at().map(|at| (at.secs(), at.subsec_nanos())))
        });
        Ok(briefs)
    }

    /// Service deployments in full, 20 ARNs a call; one that is gone is left out.
    pub(crate) async fn describe_service_deployments(
        &self,
        arns: &[String],
    ) -> Result<Vec<sdk::ServiceDeployment>, PortError> {
        const AT_ONCE: usize = 20;
        let describe = async |chunk: &[String]| {
            let request = self.ecs.describe_service_deployments();
            let answer = request
                .set_service_deployment_arns(Some(chunk.to_vec()))
                .send()
                .await
                .during("describe rollouts")?;
            Ok(answer.service_deployments.unwrap_or_default())
        };
        parallel::joined(arns.chunks(AT_ONCE).map(describe).collect()).await
    }
}

/// A service that is neither gone nor being removed.
pub(crate) fn is_active(service: &sdk::Service) -> bool {
    service.status() == Some("ACTIVE")
}

/// The deployment a service is moving to, or is on.
pub(crate) fn primary(service: &sdk::Service) -> Option<&sdk::Deployment> {
    let is_primary = |deployment: &&sdk::Deployment| deployment.status() == Some("PRIMARY");
    service.deployments().iter().find(is_primary)
}

/// Whether a service revision's ARN and a deployment's id mean the same rollout: `ecs-svc/N` and
/// `...:service-revision/CLUSTER/SERVICE/N`.
pub(crate) fn is_same_rollout(revision_arn: &str, rollout: &RolloutId) -> bool {
    last_part(revision_arn) == last_part(&rollout.0)
}

/// A number that the API never makes negative.
pub(crate) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_and_a_deployment_are_matched_by_their_number() {
        let rollout = RolloutId("ecs-svc/0123".into());
        let revision = |number: &str| {
            format!("arn:aws:ecs:us-east-1:000000000000:service-revision/shop-local/api/{number}")
        };
        assert!(is_same_rollout(&revision("0123"), &rollout));
        assert!(!is_same_rollout(&revision("10123"), &rollout));
    }
}
