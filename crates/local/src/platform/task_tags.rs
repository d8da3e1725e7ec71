//! The tags that a task is started with: those of what it comes from, where that was asked for
//! (`propagateTags`), and those that ECS itself gives (`enableECSManagedTags`). Pure.
//!
//! Source: Amazon ECS developer guide, "Tagging Amazon ECS resources".

use seaway_aws_wire::ecs::PropagateTags;

use super::records::{ServiceRecord, Tags, TaskDefinitionRecord};

/// The tags of a service's next task. What the service was asked for holds for tasks that are
/// launched from then on.
pub(super) fn of_service(service: &ServiceRecord, found: Option<&TaskDefinitionRecord>) -> Tags {
    let mut tags = match service.settings.propagate_tags {
        Some(PropagateTags::Service) => service.tags.clone(),
        Some(PropagateTags::TaskDefinition) => {
            found.map(|found| found.tags.clone()).unwrap_or_default()
        }
        _ => Tags::new(),
    };
    if service.settings.enable_ecs_managed_tags {
        tags.extend([
            in_cluster(&service.key.cluster),
            ("aws:ecs:serviceName".to_owned(), service.key.name.clone()),
        ]);
    }
    tags
}

/// The tag that ECS gives every task whose tags it manages.
pub(crate) fn in_cluster(cluster: &str) -> (String, String) {
    ("aws:ecs:clusterName".to_owned(), cluster.to_owned())
}
