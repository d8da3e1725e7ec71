//! Clusters.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::capacity_providers::check_association;
use super::error::EcsError;
use super::names::{cluster_arn, cluster_name, is_identifier};
use super::paging::page;
use super::tags;
use crate::platform::records::ClusterRecord;
use crate::store::StoreError;

impl Ecs {
    pub(super) fn create_cluster(
        &self,
        request: wire::CreateClusterRequest,
    ) -> Result<wire::CreateClusterResponse, EcsError> {
        let name = cluster_name(request.cluster_name.as_deref()).to_owned();
        if !is_identifier(&name) {
            let text = "Cluster names can have up to 255 letters, digits, underscores and hyphens.";
            return Err(EcsError::Parameter(text.into()));
        }
        let strategy = request.default_capacity_provider_strategy;
        check_association(
            request.capacity_providers.as_deref().unwrap_or_default(),
            strategy.as_deref().unwrap_or_default(),
        )?;
        let settings = match request.settings.filter(|settings| !settings.is_empty()) {
            Some(settings) => settings,
            None => vec![wire::ClusterSetting {
                name: Some(wire::ClusterSettingName::ContainerInsights),
                value: Some(self.account_default(&wire::SettingName::ContainerInsights)?),
            }],
        };
        let record = self.store.write::<_, EcsError>(|tx| {
            let existing: Option<ClusterRecord> = tx.get(&name)?;
            if let Some(existing) = existing.filter(|cluster| cluster.active) {
                return Ok(existing);
            }
            let record = ClusterRecord {
                name: name.clone(),
                settings: Some(settings),
                capacity_providers: request.capacity_providers,
                default_capacity_provider_strategy: strategy,
                configuration: request.configuration,
                service_connect_defaults: request.service_connect_defaults.map(connect_defaults),
                tags: tags::from_wire(request.tags)?,
                active: true,
            };
            tx.put(&name, &record)?;
            Ok(record)
        })?;
        let cluster = self.cluster_view(&record, &[wire::ClusterField::Tags]);
        Ok(wire::CreateClusterResponse {
            cluster: Some(cluster),
        })
    }

    pub(super) fn describe_clusters(
        &self,
        request: wire::DescribeClustersRequest,
    ) -> Result<wire::DescribeClustersResponse, EcsError> {
        let include = request.include.unwrap_or_default();
        let asked = request.clusters.unwrap_or_else(|| vec!["default".into()]);
        let (mut clusters, mut failures) = (vec![], vec![]);
        for given in asked {
            let name = cluster_name(Some(&given));
            match self
                .store
                .read::<_, StoreError>(|view| view.get::<ClusterRecord>(name))?
            {
                Some(record) => clusters.push(self.cluster_view(&record, &include)),
                None => failures.push(super::missing(cluster_arn(name))),
            }
        }
        Ok(wire::DescribeClustersResponse {
            clusters: Some(clusters),
            failures: Some(failures),
        })
    }

    pub(super) fn list_clusters(
        &self,
        request: wire::ListClustersRequest,
    ) -> Result<wire::ListClustersResponse, EcsError> {
        let all = self
            .store
            .read::<_, StoreError>(|view| view.list::<ClusterRecord>(""))?;
        let active = all.into_iter().filter(|(_, cluster)| cluster.active);
        let arns = active.map(|(name, _)| cluster_arn(&name)).collect();
        let page = page(arns, request.next_token.as_deref(), request.max_results)?;
        Ok(wire::ListClustersResponse {
            cluster_arns: Some(page.items),
            next_token: page.next,
        })
    }

    pub(super) fn delete_cluster(
        &self,
        request: wire::DeleteClusterRequest,
    ) -> Result<wire::DeleteClusterResponse, EcsError> {
        let name = cluster_name(Some(&request.cluster)).to_owned();
        let mut record = self.cluster(Some(&name))?;
        {
            let book = self.platform.book();
            if book.services_of(&name).any(super::is_active) {
                return Err(EcsError::ClusterHasServices);
            }
            let tasks = book
                .services_of(&name)
                .any(|s| !s.scheduler.tasks().is_empty());
            if tasks || book.standalone().any(|task| task.about.cluster == name) {
                return Err(EcsError::ClusterHasTasks);
            }
        }
        record.active = false;
        self.store
            .write::<_, EcsError>(|tx| Ok(tx.put(&name, &record)?))?;
        let cluster = Some(self.cluster_view(&record, &[]));
        Ok(wire::DeleteClusterResponse { cluster })
    }

    pub(super) fn update_cluster(
        &self,
        request: wire::UpdateClusterRequest,
    ) -> Result<wire::UpdateClusterResponse, EcsError> {
        let name = self.cluster(Some(&request.cluster))?.name;
        let record = self.change_cluster(&name, |record| {
            if let Some(settings) = request.settings {
                set(record, settings);
            }
            record.configuration = request.configuration.or(record.configuration.take());
            if let Some(asked) = request.service_connect_defaults {
                record.service_connect_defaults = Some(connect_defaults(asked));
            }
        })?;
        let cluster = Some(self.cluster_view(&record, &[wire::ClusterField::Tags]));
        Ok(wire::UpdateClusterResponse { cluster })
    }

    pub(super) fn update_cluster_settings(
        &self,
        request: wire::UpdateClusterSettingsRequest,
    ) -> Result<wire::UpdateClusterSettingsResponse, EcsError> {
        let name = self.cluster(Some(&request.cluster))?.name;
        let record = self.change_cluster(&name, |record| set(record, request.settings))?;
        let cluster = Some(self.cluster_view(&record, &[wire::ClusterField::Tags]));
        Ok(wire::UpdateClusterSettingsResponse { cluster })
    }

    /// Changes an active cluster's record in one transaction.
    pub(super) fn change_cluster(
        &self,
        name: &str,
        change: impl FnOnce(&mut ClusterRecord),
    ) -> Result<ClusterRecord, EcsError> {
        self.store.write(|tx| {
            let found: Option<ClusterRecord> = tx.get(name)?;
            let mut record = found
                .filter(|cluster| cluster.active)
                .ok_or(EcsError::ClusterNotFound)?;
            change(&mut record);
            tx.put(name, &record)?;
            Ok(record)
        })
    }

    /// The active cluster a request names.
    pub(super) fn cluster(&self, given: Option<&str>) -> Result<ClusterRecord, EcsError> {
        let name = cluster_name(given);
        let found = self
            .store
            .read::<_, StoreError>(|view| view.get::<ClusterRecord>(name))?;
        found
            .filter(|cluster| cluster.active)
            .ok_or(EcsError::ClusterNotFound)
    }

    pub(super) fn cluster_view(
        &self,
        record: &ClusterRecord,
        include: &[wire::ClusterField],
    ) -> wire::Cluster {
        let book = self.platform.book();
        let services: Vec<_> = book.services_of(&record.name).collect();
        let alone = book
            .standalone()
            .filter(|task| task.about.cluster == record.name);
        let (mut running, mut pending) = (0, 0);
        let tasks = services
            .iter()
            .flat_map(|service| service.scheduler.tasks());
        for task in tasks.chain(alone.map(|task| task.scheduler.task())) {
            running += i32::from(task.is_running());
            pending += i32::from(task.is_pending());
        }
        let active = services
            .iter()
            .filter(|service| super::is_active(service))
            .count();
        let has = |field: &wire::ClusterField| include.contains(field);
        wire::Cluster {
            cluster_arn: Some(cluster_arn(&record.name)),
            cluster_name: Some(record.name.clone()),
            status: Some(if record.active { "ACTIVE" } else { "INACTIVE" }.into()),
            registered_container_instances_count: Some(0),
            running_tasks_count: Some(running),
            pending_tasks_count: Some(pending),
            active_services_count: Some(super::int(active)),
            statistics: Some(vec![]),
            tags: Some(if has(&wire::ClusterField::Tags) {
                tags::to_wire(&record.tags)
            } else {
                vec![]
            }),
            settings: Some(record.settings.clone().unwrap_or_default()),
            configuration: record.configuration.clone(),
            service_connect_defaults: record.service_connect_defaults.clone(),
            capacity_providers: Some(record.capacity_providers.clone().unwrap_or_default()),
            default_capacity_provider_strategy: Some(
                record
                    .default_capacity_provider_strategy
                    .clone()
                    .unwrap_or_default(),
            ),
            ..wire::Cluster::default()
        }
    }
}

/// Settings that are named are exchanged, the others stay.
fn set(record: &mut ClusterRecord, new: Vec<wire::ClusterSetting>) {
    let settings = record.settings.get_or_insert_default();
    settings.retain(|old| new.iter().all(|one| one.name != old.name));
    settings.extend(new);
}

/// An empty namespace takes the default away (API reference, `UpdateCluster`).
fn connect_defaults(
    asked: wire::ClusterServiceConnectDefaultsRequest,
) -> wire::ClusterServiceConnectDefaults {
    wire::ClusterServiceConnectDefaults {
        namespace: Some(asked.namespace).filter(|namespace| !namespace.is_empty()),
    }
}
