//! Elastic Container Service.
//!
//! Each file has the operations of one noun. They translate between the wire and the platform's
//! [`Book`](crate::platform::Book) and decide nothing about tasks: schedulers do.

mod account_settings;
mod capacity_providers;
mod clusters;
mod configuration;
mod container_settings;
mod dependencies;
mod error;
mod execute_command;
mod fargate;
mod names;
mod namespaces;
mod network;
mod overrides;
mod paging;
mod run_task;
mod service_deployments;
mod service_view;
mod services;
mod tags;
mod task_definitions;
mod task_list;
mod task_protection;
mod task_view;
mod tasks;
mod unsupported;

use std::sync::Arc;

use seaway_aws_wire::ecs::{self as wire, Operation};
use seaway_aws_wire::{Operation as AnyOperation, Timestamp};
use seaway_scheduler::{Millis, ServiceStatus};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::clock::EpochMillis;
use crate::platform::Platform;
use crate::platform::records::ServiceRecord;
use crate::store::Store;

/// The ECS of one platform.
#[derive(Debug)]
pub struct Ecs {
    platform: Arc<Platform>,
    store: Arc<Store>,
}

impl Ecs {
    /// The API of `platform`.
    #[must_use]
    pub fn new(platform: Arc<Platform>) -> Self {
        let store = Arc::clone(&platform.parts().store);
        Self { platform, store }
    }
}

impl BlockingHandler for Ecs {
    fn handle(&self, call: Call) -> Answer {
        let AnyOperation::Ecs(operation) = call.operation() else {
            return Err(dispatch::not_here(call.operation()));
        };
        let now = call.now();
        match operation {
            Operation::CreateCluster => {
                call.answer::<wire::CreateCluster, _>(|r| self.create_cluster(r))
            }
            Operation::DescribeClusters => {
                call.answer::<wire::DescribeClusters, _>(|r| self.describe_clusters(r))
            }
            Operation::ListClusters => {
                call.answer::<wire::ListClusters, _>(|r| self.list_clusters(r))
            }
            Operation::DeleteCluster => {
                call.answer::<wire::DeleteCluster, _>(|r| self.delete_cluster(r))
            }
            Operation::UpdateCluster => {
                call.answer::<wire::UpdateCluster, _>(|r| self.update_cluster(r))
            }
            Operation::UpdateClusterSettings => {
                call.answer::<wire::UpdateClusterSettings, _>(|r| self.update_cluster_settings(r))
            }
            Operation::PutClusterCapacityProviders => call
                .answer::<wire::PutClusterCapacityProviders, _>(|r| {
                    self.put_cluster_capacity_providers(r)
                }),
            Operation::DescribeCapacityProviders => call
                .answer::<wire::DescribeCapacityProviders, _>(|r| {
                    self.describe_capacity_providers(r)
                }),
            Operation::RegisterTaskDefinition => {
                call.answer::<wire::RegisterTaskDefinition, _>(|r| self.register(r, now))
            }
            Operation::DescribeTaskDefinition => {
                call.answer::<wire::DescribeTaskDefinition, _>(|r| self.describe_task_definition(r))
            }
            Operation::ListTaskDefinitions => {
                call.answer::<wire::ListTaskDefinitions, _>(|r| self.list_task_definitions(r))
            }
            Operation::ListTaskDefinitionFamilies => {
                call.answer::<wire::ListTaskDefinitionFamilies, _>(|r| self.list_families(r))
            }
            Operation::DeregisterTaskDefinition => {
                call.answer::<wire::DeregisterTaskDefinition, _>(|r| self.deregister(r, now))
            }
            Operation::DeleteTaskDefinitions => call
                .answer::<wire::DeleteTaskDefinitions, _>(|r| self.delete_task_definitions(r, now)),
            Operation::CreateService => {
                call.answer::<wire::CreateService, _>(|r| self.create_service(r, now))
            }
            Operation::UpdateService => {
                call.answer::<wire::UpdateService, _>(|r| self.update_service(r, now))
            }
            Operation::DescribeServices => {
                call.answer::<wire::DescribeServices, _>(|r| self.describe_services(r))
            }
            Operation::ListServices => {
                call.answer::<wire::ListServices, _>(|r| self.list_services(r))
            }
            Operation::ListServicesByNamespace => call
                .answer::<wire::ListServicesByNamespace, _>(|r| self.list_services_by_namespace(r)),
            Operation::DeleteService => {
                call.answer::<wire::DeleteService, _>(|r| self.delete_service(r, now))
            }
            Operation::ListServiceDeployments => {
                call.answer::<wire::ListServiceDeployments, _>(|r| self.list_deployments(r))
            }
            Operation::DescribeServiceDeployments => {
                call.answer::<wire::DescribeServiceDeployments, _>(|r| self.describe_deployments(r))
            }
            Operation::StopServiceDeployment => {
                call.answer::<wire::StopServiceDeployment, _>(|r| self.stop_deployment(r, now))
            }
            Operation::DescribeServiceRevisions => {
                call.answer::<wire::DescribeServiceRevisions, _>(|r| self.describe_revisions(r))
            }
            Operation::RunTask => call.answer::<wire::RunTask, _>(|r| self.run_task(r, now)),
            Operation::StopTask => call.answer::<wire::StopTask, _>(|r| self.stop_task(r, now)),
            Operation::DescribeTasks => {
                call.answer::<wire::DescribeTasks, _>(|r| self.describe_tasks(r))
            }
            Operation::ListTasks => call.answer::<wire::ListTasks, _>(|r| self.list_tasks(r)),
            Operation::ExecuteCommand => {
                call.answer::<wire::ExecuteCommand, _>(|r| self.execute_command(r))
            }
            Operation::TagResource => call.answer::<wire::TagResource, _>(|r| self.tag(r)),
            Operation::UntagResource => call.answer::<wire::UntagResource, _>(|r| self.untag(r)),
            Operation::ListTagsForResource => {
                call.answer::<wire::ListTagsForResource, _>(|r| self.list_tags(r))
            }
            Operation::GetTaskProtection => {
                call.answer::<wire::GetTaskProtection, _>(|r| self.get_task_protection(r))
            }
            Operation::UpdateTaskProtection => call
                .answer::<wire::UpdateTaskProtection, _>(|r| self.update_task_protection(r, now)),
            Operation::ListAccountSettings => {
                call.answer::<wire::ListAccountSettings, _>(|r| self.list_account_settings(r))
            }
            Operation::PutAccountSetting => {
                call.answer::<wire::PutAccountSetting, _>(|r| self.put_account_setting(r))
            }
            Operation::PutAccountSettingDefault => call
                .answer::<wire::PutAccountSettingDefault, _>(|r| {
                    self.put_account_setting_default(r)
                }),
            Operation::DeleteAccountSetting => {
                call.answer::<wire::DeleteAccountSetting, _>(|r| self.delete_account_setting(r))
            }
            _ => Err(dispatch::not_here(call.operation())),
        }
    }
}

fn is_active(service: &ServiceRecord) -> bool {
    service.scheduler.status() == ServiceStatus::Active
}

/// A thing that was asked for and is not there.
fn missing(arn: String) -> wire::Failure {
    wire::Failure {
        arn: Some(arn),
        reason: Some("MISSING".into()),
        detail: None,
    }
}

/// A moment on the wire. The platform's clock never leaves what a timestamp can hold.
fn time(at: EpochMillis) -> Option<Timestamp> {
    Timestamp::from_millis(at.0).ok()
}

fn moment(at: Millis) -> Option<Timestamp> {
    Timestamp::from_millis(at.0).ok()
}

fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
