//! [`Ecs`] as the port through which the engine rolls services out. The work is done elsewhere,
//! one file per job.

use std::collections::BTreeMap;

use async_trait::async_trait;
use seaway_core::desired::{DesiredService, RevisionId};
use seaway_core::environment::Environment;
use seaway_core::live::Live;
use seaway_core::name::ServiceName;
use seaway_core::observed::Observed;
use seaway_core::rollout::{Progress, RolloutId};
use seaway_ports::{Change, PortError, RollbackAnswer, Rolled, Rollouts, ServiceStatus, Token};

use crate::connect::Ecs;

#[async_trait]
impl Rollouts for Ecs {
    async fn observe(&self, environment: &Environment) -> Result<Live, PortError> {
        self.session.observe(environment).await
    }

    async fn register(&self, service: &DesiredService) -> Result<RevisionId, PortError> {
        let registered = service.registered.as_ref();
        self.session
            .register(service.name.as_str(), &service.revision, registered)
            .await
    }

    async fn create(
        &self,
        service: &DesiredService,
        revision: &RevisionId,
        count: u32,
        token: &Token,
    ) -> Result<Rolled, PortError> {
        self.session.create(service, revision, count, token).await
    }

    async fn update(&self, change: &Change<'_>) -> Result<Rolled, PortError> {
        self.session.update(change).await
    }

    async fn restore_check(&self, service: &DesiredService) -> Result<(), PortError> {
        self.session.change_check(service).await
    }

    async fn configure(
        &self,
        service: &DesiredService,
        count: Option<u32>,
    ) -> Result<(), PortError> {
        self.session.configure(service, count).await
    }

    async fn scale(&self, service: &ServiceName, count: u32) -> Result<(), PortError> {
        self.session.scale(service, count).await
    }

    async fn newest(&self, service: &ServiceName) -> Result<Rolled, PortError> {
        self.session.newest(service).await
    }

    async fn progress(
        &self,
        rollouts: &BTreeMap<ServiceName, RolloutId>,
    ) -> Result<BTreeMap<ServiceName, Observed<Progress>>, PortError> {
        self.session.progress(rollouts).await
    }

    async fn request_rollback(
        &self,
        service: &ServiceName,
        rollout: &RolloutId,
    ) -> Result<RollbackAnswer, PortError> {
        self.session.request_rollback(service, rollout).await
    }

    async fn remove(&self, service: &ServiceName) -> Result<(), PortError> {
        self.session.remove(service).await
    }

    async fn status(&self) -> Result<Vec<ServiceStatus>, PortError> {
        self.session.status().await
    }
}
