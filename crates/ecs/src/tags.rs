//! The tags by which Seaway knows its own: who made a thing, and from which document.

/// Name of the project.
pub(crate) const PROJECT: &str = "seaway:project";
/// Name of the environment.
pub(crate) const ENVIRONMENT: &str = "seaway:environment";
/// Name of the service or job.
pub(crate) const SERVICE: &str = "seaway:service";
/// On a task definition: digest of the document it was registered from.
pub(crate) const DOCUMENT: &str = "seaway:document";
/// On a service: digest of the settings that were applied last.
pub(crate) const SETTINGS: &str = "seaway:settings";
/// On a service: the count that the manifest asked for when it was applied last.
pub(crate) const COUNT: &str = "seaway:count";
/// On a service: digest of the health check that its newest rollout is to prove, while checks are
/// suspended.
pub(crate) const CHECK: &str = "seaway:check";
/// On a cluster: digest of the infrastructure document that was applied last.
pub(crate) const INFRASTRUCTURE: &str = "seaway:infrastructure";

/// An ECS tag.
pub(crate) fn tag(key: &str, value: impl Into<String>) -> aws_sdk_ecs::types::Tag {
    aws_sdk_ecs::types::Tag::builder()
        .key(key)
        .value(value)
        .build()
}

/// The value of an ECS tag.
pub(crate) fn value<'a>(tags: &'a [aws_sdk_ecs::types::Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key))?.value()
}
