//! Environments to play with.

use std::collections::BTreeMap;

use seaway_core::environment::{
    Bundle, Class, Environment, HealthCheck, ImageSource, Job, Platform, RolloutPolicy, Route,
    Rules, Scaling, Service,
};
use seaway_core::time::Seconds;

/// An environment in the making.
#[derive(Debug, Clone)]
pub struct Scene {
    environment: Environment,
}

impl Scene {
    /// The environment `local` of the project `shop` with these services, two tasks each.
    pub fn of(services: &[&str]) -> Self {
        let services = services.iter().map(|name| service(name));
        let services = services.map(|service| (service.name.clone(), service));
        let environment = Environment {
            project: "shop".parse().expect("a name"),
            name: "local".parse().expect("a name"),
            platform: Platform::Local,
            class: Class::Local,
            rules: Rules {
                promote_from: None,
                branches: vec![],
                approvals: 0,
                log_retention_days: 7,
                deletion_protection: false,
                spot_percent: 0,
            },
            shared: vec![],
            services: services.collect(),
            jobs: BTreeMap::new(),
            sites: BTreeMap::new(),
        };
        Self { environment }
    }

    /// A job that must succeed before `service` rolls.
    #[must_use]
    pub fn job_before(mut self, name: &str, before: &str) -> Self {
        let job = Job {
            name: name.parse().expect("a name"),
            service: before.parse().expect("a name"),
            command: vec![name.to_owned()],
            cpu: 256,
            memory: 512,
            env: BTreeMap::new(),
            timeout: Seconds(60),
        };
        let (name, service) = (job.name.clone(), job.service.clone());
        self.environment.jobs.insert(name.clone(), job);
        self.change(service.as_str(), |service| {
            service.before.push(name.clone())
        })
    }

    /// A service that stays on its new revision when another one fails.
    #[must_use]
    pub fn independent(self, service: &str) -> Self {
        self.change(service, |service| service.independent = true)
    }

    /// A service whose count belongs to autoscaling.
    #[must_use]
    pub fn autoscaled(self, service: &str) -> Self {
        let scaling = Scaling {
            min: 1,
            max: 9,
            cpu: None,
        };
        self.change(service, |service| service.scaling = Some(scaling.clone()))
    }

    /// The count of a service in the manifest.
    #[must_use]
    pub fn count(self, service: &str, count: u32) -> Self {
        self.change(service, |service| service.count = count)
    }

    /// The public route to a service, which belongs to the infrastructure.
    #[must_use]
    pub fn route(self, service: &str, path: &str) -> Self {
        self.change(service, |service| {
            service.route = Some(Route {
                path: path.to_owned(),
                host: None,
            });
        })
    }

    /// The path of a service's health check.
    #[must_use]
    pub fn health_path(self, service: &str, path: &str) -> Self {
        self.change(service, |service| {
            if let Some(health) = &mut service.health {
                path.clone_into(&mut health.path);
            }
        })
    }

    /// A setting of a service that is no part of its revision.
    #[must_use]
    pub fn max_percent(self, service: &str, percent: u32) -> Self {
        self.change(service, |service| service.rollout.max = percent)
    }

    /// Without a service.
    #[must_use]
    pub fn without(mut self, service: &str) -> Self {
        self.environment.services.remove(service);
        self
    }

    /// The finished environment.
    pub fn environment(self) -> Environment {
        self.environment
    }

    fn change(mut self, service: &str, change: impl Fn(&mut Service)) -> Self {
        let service = self.environment.services.get_mut(service);
        change(service.expect("a service of the scene"));
        self
    }
}

fn service(name: &str) -> Service {
    Service {
        name: name.parse().expect("a name"),
        path: format!("services/{name}"),
        image: ImageSource::Bundle(Bundle {
            build: Some("make".into()),
            files: vec![name.to_owned()],
        }),
        command: vec![format!("./{name}")],
        port: Some(8000),
        cpu: 256,
        memory: 512,
        count: 2,
        route: None,
        health: Some(HealthCheck {
            path: "/health".into(),
            interval: Seconds(1),
            timeout: Seconds(1),
            healthy: 2,
            unhealthy: 2,
            codes: "200".into(),
            grace: Seconds(5),
        }),
        rollout: RolloutPolicy {
            min_healthy: 100,
            max: 200,
            timeout: Seconds(120),
        },
        scaling: None,
        before: vec![],
        uses: vec![],
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        drain: Seconds(1),
        stop_timeout: Seconds(1),
        independent: false,
    }
}
