//! What Seaway itself makes around the services on this machine.
//!
//! Two load balancers: one for public routes, one that gives every service with a port a stable
//! internal host, so that callers inside the environment are drained like those outside. The
//! platform maps the listeners' port 80 to real ports; documents know nothing of it.

use seaway_core::environment::{Route, Service};

use super::Scene;
use super::task_definition::whole;
use crate::document::{
    Infrastructure, LoadBalancer, LogGroup, Rule, Scheme, TargetGroup, specificity,
};
use crate::names::job_source;

/// Port of both listeners.
const LISTENER_PORT: i32 = 80;

impl Scene<'_> {
    pub(super) fn infrastructure(&self) -> Infrastructure {
        let reachable = || {
            self.environment
                .services
                .values()
                .filter(|s| s.port.is_some())
        };
        Infrastructure {
            cluster_name: self.identity.cluster(),
            log_groups: self.log_groups(),
            target_groups: reachable().map(|s| self.target_group(s)).collect(),
            load_balancers: vec![self.public(reachable()), self.internal(reachable())],
        }
    }

    fn log_groups(&self) -> Vec<LogGroup> {
        let retention_in_days = whole(self.environment.rules.log_retention_days);
        let services = self.environment.services.keys();
        let jobs = self.environment.jobs.keys();
        services
            .map(|name| name.to_string())
            .chain(jobs.map(|name| job_source(name.as_str())))
            .map(|source| LogGroup {
                log_group_name: self.identity.log_group(&source),
                retention_in_days,
            })
            .collect()
    }

    fn target_group(&self, service: &Service) -> TargetGroup {
        TargetGroup {
            name: self.identity.target_group(&service.name),
            port: service.port.map_or(LISTENER_PORT, i32::from),
            deregistration_delay_seconds: whole(service.drain.0),
            health_check: None,
        }
    }

    fn public<'b>(&self, services: impl Iterator<Item = &'b Service>) -> LoadBalancer {
        let mut routes: Vec<(&Service, &Route)> = services
            .filter_map(|service| Some((service, service.route.as_ref()?)))
            .collect();
        routes.sort_by_key(|(service, route)| {
            let host = route.host.as_deref();
            (specificity(host, &route.path), &service.name)
        });
        let rule = |(priority, (service, route)): (i32, (&Service, &Route))| Rule {
            priority,
            host: route.host.clone(),
            path: Some(route.path.clone()),
            target_group_name: self.identity.target_group(&service.name),
        };
        LoadBalancer {
            name: self.identity.public_load_balancer(),
            scheme: Scheme::InternetFacing,
            port: LISTENER_PORT,
            rules: (1..).zip(routes).map(rule).collect(),
        }
    }

    fn internal<'b>(&self, services: impl Iterator<Item = &'b Service>) -> LoadBalancer {
        let rule = |(priority, service): (i32, &Service)| Rule {
            priority,
            host: Some(self.identity.internal_host(&service.name)),
            path: None,
            target_group_name: self.identity.target_group(&service.name),
        };
        LoadBalancer {
            name: self.identity.internal_load_balancer(),
            scheme: Scheme::Internal,
            port: LISTENER_PORT,
            rules: (1..).zip(services).map(rule).collect(),
        }
    }
}
