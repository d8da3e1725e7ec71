//! The services that have wire types, and how each of them is spoken to.

use std::fmt;

use crate::error::{ErrorShape, common};
use crate::generated::{ecs, elbv2, logs, secretsmanager, sts};
use crate::operation::ServiceInfo;

/// An AWS service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing v2.
    Elbv2,
    /// CloudWatch Logs.
    Logs,
    /// Secrets Manager.
    SecretsManager,
    /// Security Token Service.
    Sts,
}

/// How requests and responses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// AWS JSON 1.1: the operation in `X-Amz-Target`, JSON both ways.
    Json,
    /// AWS query: a form with `Action` and `Version`, answered in XML.
    Query,
}

impl Service {
    /// Every service.
    pub const ALL: &'static [Self] = &[
        Self::Ecs,
        Self::Elbv2,
        Self::Logs,
        Self::SecretsManager,
        Self::Sts,
    ];

    /// How this service is spoken to.
    pub fn protocol(self) -> Protocol {
        self.info().protocol
    }

    /// The service's name in the credential scope of a signature, such as `elasticloadbalancing`.
    pub fn signing_name(self) -> &'static str {
        self.info().signing_name
    }

    /// The API version, such as `2014-11-13`.
    pub fn api_version(self) -> &'static str {
        self.info().api_version
    }

    /// The namespace of XML responses; empty for JSON services.
    pub fn xml_namespace(self) -> &'static str {
        self.info().xml_namespace
    }

    /// The service behind the prefix of an `X-Amz-Target` header.
    pub fn from_target_prefix(prefix: &str) -> Option<Self> {
        let matches = |service: &Self| {
            service.protocol() == Protocol::Json && service.info().target_prefix == prefix
        };
        Self::ALL.iter().copied().find(matches)
    }

    /// The query service with this `Version`.
    pub fn from_query_version(version: &str) -> Option<Self> {
        let matches = |service: &Self| {
            service.protocol() == Protocol::Query && service.api_version() == version
        };
        Self::ALL.iter().copied().find(matches)
    }

    /// What this service answers when a request breaks a constraint of the model.
    ///
    /// The models do not say it; the codes are those that the services are seen to use.
    pub fn validation_error(self) -> &'static ErrorShape {
        match self {
            Self::Ecs | Self::Logs => &common::INVALID_PARAMETER_EXCEPTION,
            Self::SecretsManager => &common::VALIDATION_EXCEPTION,
            Self::Elbv2 | Self::Sts => &common::VALIDATION_ERROR,
        }
    }

    fn info(self) -> &'static ServiceInfo {
        match self {
            Self::Ecs => &ecs::INFO,
            Self::Elbv2 => &elbv2::INFO,
            Self::Logs => &logs::INFO,
            Self::SecretsManager => &secretsmanager::INFO,
            Self::Sts => &sts::INFO,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signing_name())
    }
}
