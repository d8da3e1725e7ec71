//! A service's settings. On ECS, Terraform owns load balancing and network, so they are left out.

use seaway_core::environment::{Platform, Service};

use super::Scene;
use super::task_definition::whole;
use crate::document::{
    Attachment, CircuitBreaker, DeploymentConfiguration, NetworkConfiguration, Settings,
};

impl Scene<'_> {
    pub(super) fn settings(&self, service: &Service) -> Settings {
        let is_local = self.environment.platform == Platform::Local;
        let attachment = |port| Attachment {
            target_group_name: self.identity.target_group(&service.name),
            container_name: service.name.to_string(),
            container_port: i32::from(port),
        };
        let attachments: Vec<Attachment> = service.port.into_iter().map(attachment).collect();
        // ECS takes a grace period only for services behind a load balancer.
        let is_balanced = if is_local {
            service.port.is_some()
        } else {
            service.route.is_some()
        };
        // Zero instead of nothing: an update keeps what it does not name.
        let health = service.health.as_ref();
        let grace = health.map_or(0, |health| whole(health.grace.0));
        Settings {
            deployment_configuration: DeploymentConfiguration {
                minimum_healthy_percent: whole(service.rollout.min_healthy),
                maximum_percent: whole(service.rollout.max),
                deployment_circuit_breaker: CircuitBreaker {
                    enable: true,
                    rollback: true,
                },
            },
            health_check_grace_period_seconds: is_balanced.then_some(grace),
            load_balancers: if is_local { attachments } else { vec![] },
            network_configuration: is_local.then(NetworkConfiguration::local),
        }
    }
}
