//! The health check of a service, changed without harm to tasks that never had to pass it.
//!
//! A load balancer judges every task of a target group by the same check; ECS ends a task that
//! fails it once its grace period is over. So before a check is changed under tasks that run, the
//! grace period becomes endless, and the new check puts up with as many failures in a row as it
//! can: for that many intervals the old targets stay healthy and get requests, while one passing
//! check makes a fresh one healthy. Enforcing it all is the last step, when the fresh tasks have
//! proved it under Seaway's own watch.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as ecs;
use aws_sdk_elasticloadbalancingv2::types as elb;
use seaway_core::desired::DesiredService;
use seaway_core::digest::Digest;
use seaway_core::name::ServiceName;
use seaway_ports::{Checks, PortError, PortErrorKind};

use crate::connect::Session;
use crate::document::{self, Check};
use crate::error::During as _;
use crate::tags;

/// The longest grace period that ECS takes: 68 years.
const ENDLESS: i32 = i32::MAX;
/// The largest unhealthy threshold that Elastic Load Balancing takes.
const MOST_FAILURES: i32 = 10;
/// In place of digests while checks are suspended, so that the next plan finds that there is
/// something left to apply.
const UNSETTLED: &str = "unsettled";

impl Session {
    /// Puts the service's check in force; under tasks that run, suspended.
    pub(crate) async fn change_check(&self, service: &DesiredService) -> Result<(), PortError> {
        let Some((wanted, group)) = self.check_and_group(service).await? else {
            return Ok(());
        };
        let in_force = in_force(&group);
        if in_force.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let arn = group.target_group_arn().unwrap_or_default();
        let check = match self.suspend_checks(&service.name, arn).await? {
            Checks::Suspended => lenient(wanted),
            Checks::Enforced => wanted,
        };
        self.put_check(arn, &check).await
    }

    /// Ends the leniency of a changed check. Another check than the service's is left alone, and so
    /// are tasks that fail it: it is the next plan that sees it.
    pub(crate) async fn enforce_check(
        &self,
        service: &DesiredService,
    ) -> Result<Checks, PortError> {
        let Some((wanted, group)) = self.check_and_group(service).await? else {
            return Ok(Checks::Enforced);
        };
        let in_force = in_force(&group);
        if in_force.as_ref() == Some(&wanted) {
            return Ok(Checks::Enforced);
        }
        if in_force != Some(lenient(wanted.clone())) {
            return Ok(Checks::Suspended);
        }
        let arn = group.target_group_arn().unwrap_or_default();
        self.put_check(arn, &wanted).await?;
        Ok(Checks::Enforced)
    }

    async fn check_and_group(
        &self,
        service: &DesiredService,
    ) -> Result<Option<(Check, elb::TargetGroup)>, PortError> {
        let Some(check) = &service.check else {
            return Ok(None);
        };
        let wanted: Check = document::read("health check", check)?;
        let name = &wanted.target_group_name;
        let group = self.target_groups(vec![name.clone()]).await?.remove(name);
        match group {
            Some(group) => Ok(Some((wanted, group))),
            None => {
                let what = format!("find the target group {name}");
                let message = "it is not there";
                Err(PortError::new(PortErrorKind::NotFound, what, message))
            }
        }
    }

    /// Keeps tasks alive that fail the check of that target group, if any are registered there. The
    /// mark comes first: a command that ends half-way leaves something to be found.
    async fn suspend_checks(&self, name: &ServiceName, group: &str) -> Result<Checks, PortError> {
        let service = match self.described(name).await {
            Err(error) if error.kind == PortErrorKind::NotFound => return Ok(Checks::Enforced),
            described => described?,
        };
        let mut balancers = service.load_balancers().iter();
        if !balancers.any(|balancer| balancer.target_group_arn() == Some(group)) {
            return Ok(Checks::Enforced);
        }
        let what = format!("suspend the health checks of {name}");
        self.ecs
            .tag_resource()
            .resource_arn(service.service_arn().unwrap_or_default())
            .tags(tags::tag(tags::SETTINGS, UNSETTLED))
            .tags(tags::tag(tags::CHECK, UNSETTLED))
            .send()
            .await
            .during(what)?;
        self.set_grace(name, ENDLESS).await?;
        Ok(Checks::Suspended)
    }

    /// Sets the grace period alone, in seconds.
    pub(crate) async fn set_grace(
        &self,
        name: &ServiceName,
        seconds: i32,
    ) -> Result<(), PortError> {
        self.ecs
            .update_service()
            .cluster(self.identity.cluster())
            .service(name.as_str())
            .health_check_grace_period_seconds(seconds)
            .send()
            .await
            .during(format!("change the grace period of {name}"))?;
        Ok(())
    }

    async fn put_check(&self, arn: &str, check: &Check) -> Result<(), PortError> {
        self.balancing
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_path(&check.path)
            .health_check_interval_seconds(check.interval_seconds)
            .health_check_timeout_seconds(check.timeout_seconds)
            .healthy_threshold_count(check.healthy_threshold_count)
            .unhealthy_threshold_count(check.unhealthy_threshold_count)
            .matcher(elb::Matcher::builder().http_code(&check.codes).build())
            .send()
            .await
            .during(format!(
                "change the target group {}",
                check.target_group_name
            ))?;
        Ok(())
    }
}

/// Whether failing checks end tasks of a service.
pub(crate) fn checks_of(service: &ecs::Service) -> Checks {
    if service.health_check_grace_period_seconds() == Some(ENDLESS) {
        Checks::Suspended
    } else {
        Checks::Enforced
    }
}

/// Digests of the checks in force by the names of their target groups.
pub(crate) fn checks_in_force(
    groups: &BTreeMap<String, elb::TargetGroup>,
) -> Result<BTreeMap<String, Digest>, PortError> {
    let mut digests = BTreeMap::new();
    for check in groups.values().filter_map(in_force) {
        let digest = document::finished(&check)?.digest;
        digests.insert(check.target_group_name, digest);
    }
    Ok(digests)
}

/// The same check for tasks that never had to pass it.
fn lenient(check: Check) -> Check {
    Check {
        unhealthy_threshold_count: MOST_FAILURES,
        ..check
    }
}

/// The check by which a target group judges now.
fn in_force(group: &elb::TargetGroup) -> Option<Check> {
    Some(Check {
        target_group_name: group.target_group_name()?.to_owned(),
        path: group.health_check_path()?.to_owned(),
        interval_seconds: group.health_check_interval_seconds()?,
        timeout_seconds: group.health_check_timeout_seconds()?,
        healthy_threshold_count: group.healthy_threshold_count()?,
        unhealthy_threshold_count: group.unhealthy_threshold_count()?,
        codes: group.matcher()?.http_code()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_grace_period_is_a_suspension() {
        let with = |grace| {
            ecs::Service::builder()
                .set_health_check_grace_period_seconds(grace)
                .build()
        };
        assert_eq!(checks_of(&with(Some(ENDLESS))), Checks::Suspended);
        assert_eq!(checks_of(&with(Some(30))), Checks::Enforced);
        assert_eq!(checks_of(&with(None)), Checks::Enforced);
    }

    #[test]
    fn a_group_without_a_check_has_none_in_force() {
        let group = elb::TargetGroup::builder().target_group_name("shop-local-api");
        assert_eq!(in_force(&group.build()), None);
    }
}
