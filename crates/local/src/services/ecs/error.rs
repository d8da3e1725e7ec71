//! What ECS refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::ecs::ErrorKind;
use seaway_scheduler::Refused;
use thiserror::Error;

use crate::services::call::internal;
use crate::store::StoreError;

/// Why ECS refuses a request.
#[derive(Debug, Error)]
pub(super) enum EcsError {
    #[error("Cluster not found.")]
    ClusterNotFound,
    #[error("The Cluster cannot be deleted while Services are active.")]
    ClusterHasServices,
    #[error("The Cluster cannot be deleted while Tasks are active.")]
    ClusterHasTasks,
    #[error("Service not found.")]
    ServiceNotFound,
    #[error("Service was not ACTIVE.")]
    ServiceNotActive,
    #[error("ServiceDeployment not found.")]
    ServiceDeploymentNotFound,
    #[error("The specified namespace wasn't found.")]
    NamespaceNotFound,
    #[error("The specified platform does not exist.")]
    PlatformUnknown,
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    InUse(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Parameter(String),
    #[error("{0}")]
    Client(String),
    #[error("The specified resource could not be found: {0}")]
    ResourceNotFound(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl EcsError {
    /// A task definition that cannot be read.
    pub(super) fn no_definition() -> Self {
        Self::Client("Unable to describe task definition.".into())
    }
}

impl From<Refused> for EcsError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ServiceNotActive => Self::ServiceNotActive,
            Refused::ServiceDeploymentNotFound(_) => Self::ServiceDeploymentNotFound,
            Refused::ServiceDeploymentNotInProgress(_) => Self::Conflict(refused.to_string()),
            Refused::DeploymentBlocked(_) => Self::Conflict(refused.to_string()),
            Refused::TaskNotFound(_) => {
                Self::Parameter("The referenced task was not found.".into())
            }
        }
    }
}

impl From<EcsError> for WireError {
    fn from(error: EcsError) -> Self {
        let kind = match &error {
            EcsError::ClusterNotFound => ErrorKind::ClusterNotFoundException,
            EcsError::ClusterHasServices => ErrorKind::ClusterContainsServicesException,
            EcsError::ClusterHasTasks => ErrorKind::ClusterContainsTasksException,
            EcsError::ServiceNotFound => ErrorKind::ServiceNotFoundException,
            EcsError::ServiceNotActive => ErrorKind::ServiceNotActiveException,
            EcsError::ServiceDeploymentNotFound => ErrorKind::ServiceDeploymentNotFoundException,
            EcsError::NamespaceNotFound => ErrorKind::NamespaceNotFoundException,
            EcsError::PlatformUnknown => ErrorKind::PlatformUnknownException,
            EcsError::Conflict(_) => ErrorKind::ConflictException,
            EcsError::InUse(_) => ErrorKind::ResourceInUseException,
            EcsError::Unsupported(_) => ErrorKind::UnsupportedFeatureException,
            EcsError::Parameter(_) => ErrorKind::InvalidParameterException,
            EcsError::Client(_) => ErrorKind::ClientException,
            EcsError::ResourceNotFound(_) => ErrorKind::ResourceNotFoundException,
            EcsError::Store(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
