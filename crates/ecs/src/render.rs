//! From an environment to finished documents: pure, so that what is planned is what is applied.

mod check;
mod infrastructure;
mod job;
mod service;
mod task_definition;

use std::collections::BTreeMap;

use seaway_core::desired::{Desired, DesiredJob, DesiredService, WatchRules};
use seaway_core::digest::ImageRef;
use seaway_core::environment::{Environment, Job, Platform, Service};
use seaway_core::name::ServiceName;
use seaway_ports::{PortError, Renderer};

use crate::document::finished;
use crate::error::invalid;
use crate::names::{EnvironmentIdentity, Home};
use crate::target::{LOCAL_ACCOUNT, LOCAL_REGION};

/// Renders for ECS and for the embedded platform.
#[derive(Debug, Clone, Copy, Default)]
pub struct EcsRenderer;

impl Renderer for EcsRenderer {
    fn render(
        &self,
        environment: &Environment,
        images: &BTreeMap<ServiceName, ImageRef>,
    ) -> Result<Desired, PortError> {
        let scene = Scene::new(environment, images);
        let mut services = BTreeMap::new();
        for (name, service) in &environment.services {
            services.insert(name.clone(), scene.service(service)?);
        }
        let mut jobs = BTreeMap::new();
        for (name, job) in &environment.jobs {
            jobs.insert(name.clone(), scene.job(job)?);
        }
        let infrastructure = match environment.platform {
            Platform::Local => Some(finished(&scene.infrastructure())?),
            Platform::Ecs(_) => None,
        };
        Ok(Desired {
            infrastructure,
            services,
            jobs,
        })
    }
}

/// Everything that documents are made from.
struct Scene<'a> {
    environment: &'a Environment,
    identity: EnvironmentIdentity,
    home: Home,
    images: &'a BTreeMap<ServiceName, ImageRef>,
}

impl<'a> Scene<'a> {
    fn new(environment: &'a Environment, images: &'a BTreeMap<ServiceName, ImageRef>) -> Self {
        let home = match &environment.platform {
            Platform::Local => Home {
                region: LOCAL_REGION.into(),
                account: LOCAL_ACCOUNT.into(),
            },
            Platform::Ecs(target) => Home {
                region: target.region.clone(),
                account: target.account.clone(),
            },
        };
        Self {
            environment,
            identity: EnvironmentIdentity {
                project: environment.project.clone(),
                environment: environment.name.clone(),
            },
            home,
            images,
        }
    }

    fn image(&self, service: &ServiceName) -> Result<&'a ImageRef, PortError> {
        let missing = || invalid(format!("render {service}"), "its image is not known");
        self.images.get(service).ok_or_else(missing)
    }

    fn service(&self, service: &Service) -> Result<DesiredService, PortError> {
        let image = self.image(&service.name)?;
        let health = service.health.as_ref();
        Ok(DesiredService {
            name: service.name.clone(),
            image: image.clone(),
            revision: finished(&self.task_definition(service, image))?,
            registered: None,
            settings: finished(&self.settings(service))?,
            check: self.check(service).as_ref().map(finished).transpose()?,
            count: service.count,
            autoscaled: service.scaling.is_some(),
            before: service.before.clone(),
            watch: WatchRules {
                timeout: service.rollout.timeout,
                grace: health.map(|health| health.grace).unwrap_or_default(),
                decided: self.check(service).map(|check| check.decides_after()),
                port: service.port,
                health_path: health.map(|health| health.path.clone()),
            },
            independent: service.independent,
        })
    }

    fn job(&self, job: &Job) -> Result<DesiredJob, PortError> {
        let image = self.image(&job.service)?;
        let unknown = || invalid(format!("render {}", job.name), "its service is not known");
        let service = self.environment.services.get(&job.service);
        let document = self.job_definition(job, service.ok_or_else(unknown)?, image);
        Ok(DesiredJob {
            name: job.name.clone(),
            service: job.service.clone(),
            image: image.clone(),
            revision: finished(&document)?,
            timeout: job.timeout,
        })
    }
}

#[cfg(test)]
#[path = "render/tests.rs"]
mod tests;
