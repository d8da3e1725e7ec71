//! What images are called.

use seaway_core::environment::{Environment, Platform};
use seaway_core::name::ServiceName;

/// The embedded platform's registry as images name it. A fixed name and never a port: nothing
/// about this machine enters a task definition. The platform resolves it itself.
pub const REGISTRY_HOST: &str = "registry.seaway.internal";

/// The repository of a service's images; none on a platform whose registry this version does not
/// know.
pub(crate) fn repository(environment: &Environment, service: &ServiceName) -> Option<String> {
    match environment.platform {
        Platform::Local => Some(format!("{REGISTRY_HOST}/{}/{service}", environment.project)),
        Platform::Ecs(_) => None,
    }
}

/// The repository's path in the embedded registry: `shop/api`.
pub(crate) fn path_in_registry(repository: &str) -> Option<&str> {
    repository.strip_prefix(REGISTRY_HOST)?.strip_prefix('/')
}
