//! What Elastic Load Balancing refuses, in its own words.

use seaway_aws_wire::WireError;
use seaway_aws_wire::elbv2::ErrorKind;
use seaway_aws_wire::error::common;
use thiserror::Error;

use crate::balancing::BalancingError;
use crate::services::call::internal;

/// Why a request is refused.
#[derive(Debug, Error)]
pub(super) enum ElbError {
    #[error("One or more load balancers not found")]
    LoadBalancerNotFound,
    #[error("Load balancers '[{0}]' not found")]
    LoadBalancerNameNotFound(String),
    #[error("One or more listeners not found")]
    ListenerNotFound,
    #[error("One or more rules not found")]
    RuleNotFound,
    #[error("One or more target groups not found")]
    TargetGroupNotFound,
    #[error("A load balancer with the same name '{0}' exists, but with different settings")]
    DuplicateLoadBalancer(String),
    #[error("A target group with the same name '{0}' exists, but with different settings")]
    DuplicateTargetGroup(String),
    #[error("A listener already exists on this port for this load balancer")]
    DuplicateListener,
    #[error("Duplicate tag keys '[{0}]' found in the request")]
    DuplicateTagKey(String),
    #[error("Target group '{0}' is currently in use by a listener or a rule")]
    TargetGroupInUse(String),
    #[error("Priority '{0}' is currently in use")]
    PriorityInUse(u32),
    #[error("The maximum number of rules per load balancer has been reached")]
    TooManyRules,
    #[error("The maximum number of listeners per load balancer has been reached")]
    TooManyListeners,
    #[error("The maximum number of tags per resource is {0}")]
    TooManyTags(usize),
    #[error("The maximum number of actions per rule has been reached")]
    TooManyActions,
    #[error("Certificate '{0}' not found")]
    CertificateNotFound(String),
    #[error("SSL policy '{0}' not found")]
    PolicyNotFound(String),
    #[error("{0}")]
    InvalidTarget(String),
    #[error("{0}")]
    NotPermitted(String),
    #[error("{0}")]
    Validation(String),
    #[error("the load balancer failed")]
    Balancing(#[from] BalancingError),
}

impl ElbError {
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }

    /// Something that Elastic Load Balancing has and this platform lacks.
    pub(super) fn not_offered(what: impl std::fmt::Display) -> Self {
        Self::Validation(format!("The embedded platform does not offer {what}"))
    }
}

impl From<ElbError> for WireError {
    fn from(error: ElbError) -> Self {
        let kind = match &error {
            ElbError::LoadBalancerNotFound | ElbError::LoadBalancerNameNotFound(_) => {
                ErrorKind::LoadBalancerNotFoundException
            }
            ElbError::ListenerNotFound => ErrorKind::ListenerNotFoundException,
            ElbError::RuleNotFound => ErrorKind::RuleNotFoundException,
            ElbError::TargetGroupNotFound => ErrorKind::TargetGroupNotFoundException,
            ElbError::DuplicateLoadBalancer(_) => ErrorKind::DuplicateLoadBalancerNameException,
            ElbError::DuplicateTargetGroup(_) => ErrorKind::DuplicateTargetGroupNameException,
            ElbError::DuplicateListener => ErrorKind::DuplicateListenerException,
            ElbError::DuplicateTagKey(_) => ErrorKind::DuplicateTagKeysException,
            ElbError::TargetGroupInUse(_) => ErrorKind::ResourceInUseException,
            ElbError::PriorityInUse(_) => ErrorKind::PriorityInUseException,
            ElbError::TooManyRules => ErrorKind::TooManyRulesException,
            ElbError::TooManyListeners => ErrorKind::TooManyListenersException,
            ElbError::TooManyTags(_) => ErrorKind::TooManyTagsException,
            ElbError::TooManyActions => ErrorKind::TooManyActionsException,
            ElbError::CertificateNotFound(_) => ErrorKind::CertificateNotFoundException,
            ElbError::PolicyNotFound(_) => ErrorKind::SSLPolicyNotFoundException,
            ElbError::InvalidTarget(_) => ErrorKind::InvalidTargetException,
            ElbError::NotPermitted(_) => ErrorKind::OperationNotPermittedException,
            ElbError::Validation(_) => {
                return Self::new(&common::VALIDATION_ERROR, error.to_string());
            }
            ElbError::Balancing(_) => return internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}
