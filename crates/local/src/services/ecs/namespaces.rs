//! Namespaces: names that clusters have as their default. There is no Service Connect, so no service is
//! in one.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use crate::platform::records::ClusterRecord;
use crate::store::StoreError;

impl Ecs {
    pub(super) fn list_services_by_namespace(
        &self,
        request: wire::ListServicesByNamespaceRequest,
    ) -> Result<wire::ListServicesByNamespaceResponse, EcsError> {
        let clusters = self
            .store
            .read::<_, StoreError>(|view| view.list::<ClusterRecord>(""))?;
        let named = |cluster: &ClusterRecord| {
            let defaults = cluster.service_connect_defaults.as_ref();
            defaults.is_some_and(|defaults| defaults.namespace.as_ref() == Some(&request.namespace))
        };
        if !clusters
            .iter()
            .any(|(_, cluster)| cluster.active && named(cluster))
        {
            return Err(EcsError::NamespaceNotFound);
        }
        Ok(wire::ListServicesByNamespaceResponse {
            service_arns: Some(vec![]),
            next_token: None,
        })
    }
}
