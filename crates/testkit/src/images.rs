//! Images: built from a service's contents, kept in the registry, rendered into documents.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use seaway_core::desired::{Desired, DesiredJob, DesiredService, Document, WatchRules};
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::environment::{Environment, Job, Service};
use seaway_core::name::ServiceName;
use seaway_ports::{
    Builder, Built, Infrastructure, OutputSink, PortError, PortErrorKind, Registry, Renderer,
};
use serde_json::json;

use crate::audit::Act;
use crate::client::Client;

/// The image of a service's contents.
pub(crate) fn image(service: &ServiceName, contents: &str) -> ImageRef {
    ImageRef {
        repository: format!("registry/shop/{service}"),
        digest: Digest::of(format!("{service} {contents}").as_bytes()),
    }
}

#[async_trait]
impl Builder for Client {
    async fn build(
        &self,
        _environment: &Environment,
        service: &Service,
        output: &dyn OutputSink,
    ) -> Result<Built, PortError> {
        tokio::time::sleep(self.world.build_time()).await;
        output.line("compiled");
        self.call(format!("build {}", service.name), |state| {
            let contents = state.sources.get(&service.name).cloned();
            let image = image(&service.name, contents.as_deref().unwrap_or("v1"));
            state.built.insert(image.clone());
            Ok(Built {
                image,
                files: 1,
                bytes: 1,
            })
        })
        .await
    }
}

#[async_trait]
impl Registry for Client {
    async fn held(&self, images: &BTreeSet<ImageRef>) -> Result<BTreeSet<ImageRef>, PortError> {
        self.call("held", |state| {
            Ok(images.intersection(&state.registry).cloned().collect())
        })
        .await
    }

    async fn push(&self, image: &ImageRef) -> Result<(), PortError> {
        self.call(format!("push {image}"), |state| {
            state.audit(self.number, &Act::Push(image));
            if !state.built.contains(image) && !state.registry.contains(image) {
                return Err(PortError::new(
                    PortErrorKind::NotFound,
                    format!("push {image}"),
                    "it was never built here",
                ));
            }
            state.registry.insert(image.clone());
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Infrastructure for Client {
    async fn provision(&self, document: &Document) -> Result<Vec<String>, PortError> {
        self.call("provision", |state| {
            state.audit(self.number, &Act::Provision);
            let before = state.infrastructure.replace(document.clone());
            let changed = before.as_ref() != Some(document);
            Ok(changed
                .then(|| "load balancer".to_owned())
                .into_iter()
                .collect())
        })
        .await
    }
}

impl Renderer for Client {
    fn render(
        &self,
        environment: &Environment,
        images: &BTreeMap<ServiceName, ImageRef>,
    ) -> Result<Desired, PortError> {
        let sources = self.world.fresh().sources.clone();
        let mut services: BTreeMap<ServiceName, DesiredService> = BTreeMap::new();
        for (name, service) in &environment.services {
            let contents = sources.get(name).map_or("v1", String::as_str);
            services.insert(name.clone(), rendered(service, &images[name], contents));
        }
        let jobs = environment.jobs.values();
        let jobs = jobs.map(|job| (job.name.clone(), rendered_job(job, &images[&job.service])));
        let route = |service: &Service| Some(service.route.as_ref()?.path.clone());
        let named = environment.services.iter();
        let routes: BTreeMap<_, _> = named.map(|(name, s)| (name.as_str(), route(s))).collect();
        Ok(Desired {
            infrastructure: Some(Document::new(json!({ "routes": routes }))),
            jobs: jobs.collect(),
            services,
        })
    }
}

fn rendered(service: &Service, image: &ImageRef, contents: &str) -> DesiredService {
    let environment: Vec<_> = service
        .env
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let body = json!({
        "contents": contents,
        "containerDefinitions": [{
            "name": service.name,
            "image": image.to_string(),
            "environment": environment,
        }],
    });
    DesiredService {
        name: service.name.clone(),
        image: image.clone(),
        revision: Document::new(body),
        registered: None,
        settings: Document::new(json!({"maximumPercent": service.rollout.max})),
        check: service
            .health
            .as_ref()
            .map(|health| Document::new(json!({"path": health.path}))),
        count: service.count,
        autoscaled: service.scaling.is_some(),
        before: service.before.clone(),
        watch: WatchRules {
            timeout: service.rollout.timeout,
            grace: service
                .health
                .as_ref()
                .map(|health| health.grace)
                .unwrap_or_default(),
            decided: None,
            port: service.port,
            health_path: service.health.as_ref().map(|health| health.path.clone()),
        },
        independent: service.independent,
    }
}

fn rendered_job(job: &Job, image: &ImageRef) -> DesiredJob {
    DesiredJob {
        name: job.name.clone(),
        service: job.service.clone(),
        image: image.clone(),
        revision: Document::new(json!({"command": job.command, "image": image.to_string()})),
        timeout: job.timeout,
    }
}
