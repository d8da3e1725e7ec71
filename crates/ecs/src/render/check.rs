//! What a service's tasks must answer. On ECS, Terraform owns the target group and its check.

use seaway_core::environment::{Platform, Service};

use super::Scene;
use super::task_definition::whole;
use crate::document::Check;

impl Scene<'_> {
    /// None where nothing of Seaway's checks the tasks. A service that names no check has to answer
    /// at all: any status below 500 on `/` passes.
    pub(super) fn check(&self, service: &Service) -> Option<Check> {
        let is_checked = self.environment.platform == Platform::Local && service.port.is_some();
        let target_group_name = self.identity.target_group(&service.name);
        is_checked.then(|| match &service.health {
            Some(health) => Check {
                target_group_name,
                path: health.path.clone(),
                interval_seconds: whole(health.interval.0),
                timeout_seconds: whole(health.timeout.0),
                healthy_threshold_count: whole(health.healthy),
                unhealthy_threshold_count: whole(health.unhealthy),
                codes: health.codes.clone(),
            },
            None => Check {
                target_group_name,
                path: "/".into(),
                interval_seconds: 10,
                timeout_seconds: 5,
                healthy_threshold_count: 2,
                unhealthy_threshold_count: 2,
                codes: "200-499".into(),
            },
        })
    }
}
