//! A job's task definition: another command in a service's image, with its variables and secrets.
//! Volumes belong to the service alone.

use seaway_core::digest::ImageRef;
use seaway_core::environment::{Job, Service};

use super::Scene;
use super::task_definition::{fargate, listed, whole};
use crate::document::{Container, TaskDefinition};
use crate::names::job_source;

impl Scene<'_> {
    pub(super) fn job_definition(
        &self,
        job: &Job,
        service: &Service,
        image: &ImageRef,
    ) -> TaskDefinition {
        let mut variables = self.addresses(&service.uses);
        variables.extend(service.env.clone());
        variables.extend(job.env.clone());
        let container = Container {
            name: job.name.to_string(),
            image: image.to_string(),
            essential: true,
            command: job.command.clone(),
            environment: listed(variables, &service.secrets),
            secrets: self.secret_variables(&service.secrets),
            port_mappings: vec![],
            mount_points: vec![],
            stop_timeout: Some(whole(service.stop_timeout.0)),
            log_configuration: Some(self.log_configuration(&job_source(job.name.as_str()))),
        };
        TaskDefinition {
            family: self.identity.job_family(&job.name),
            ..fargate(job.cpu, job.memory, container)
        }
    }
}
