//! The services that have wire types, and how each of them is spoken to.

use std::fmt;

use crate::error::{ErrorShape, common};
use crate::generated::{cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};
use crate::operation::ServiceInfo;

/// An AWS service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// CloudWatch: metrics and alarms.
    CloudWatch,
    /// Elastic Container Registry.
    Ecr,
    /// Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing v2.
    Elbv2,
    /// CloudWatch Logs.
    Logs,
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager: its Parameter Store.
    Ssm,
    /// Security Token Service.
    Sts,
}

/// How requests and responses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Smithy RPC v2 with CBOR both ways: service and operation in the path.
    Cbor,
    /// AWS JSON 1.0 and 1.1: the operation in `X-Amz-Target`, JSON both ways.
    Json,
    /// AWS query: a form with `Action` and `Version`, answered in XML.
    Query,
}

impl Service {
    /// Every service.
    pub const ALL: &'static [Self] = &[
        Self::CloudWatch,
        Self::Ecr,
        Self::Ecs,
        Self::Elbv2,
        Self::Logs,
        Self::SecretsManager,
        Self::Ssm,
        Self::Sts,
    ];

    /// How this service can be spoken to, the way that new clients prefer first.
    pub fn protocols(self) -> &'static [Protocol] {
        self.info().protocols
    }

    /// Whether this service can be spoken to in a protocol.
    pub fn speaks(self, protocol: Protocol) -> bool {
        self.protocols().contains(&protocol)
    }

    /// The version of the JSON protocol that this service speaks, such as `1.1`.
    pub fn json_version(self) -> &'static str {
        self.info().json_version
    }

    /// The service's name in the credential scope of a signature, such as `elasticloadbalancing`.
    pub fn signing_name(self) -> &'static str {
        self.info().signing_name
    }

    /// The API version, such as `2014-11-13`.
    pub fn api_version(self) -> &'static str {
        self.info().api_version
    }

    /// The namespace of XML responses; empty for services that do not speak query.
    pub fn xml_namespace(self) -> &'static str {
        self.info().xml_namespace
    }

    /// The service behind the prefix of an `X-Amz-Target` header.
    pub fn from_target_prefix(prefix: &str) -> Option<Self> {
        Self::with_target_prefix(Protocol::Json, prefix)
    }

    /// The service behind a name in the path of a CBOR request.
    pub fn from_path_name(name: &str) -> Option<Self> {
        Self::with_target_prefix(Protocol::Cbor, name)
    }

    fn with_target_prefix(protocol: Protocol, prefix: &str) -> Option<Self> {
        let matches =
            |service: &Self| service.speaks(protocol) && service.info().target_prefix == prefix;
        Self::ALL.iter().copied().find(matches)
    }

    /// The query service with this `Version`.
    pub fn from_query_version(version: &str) -> Option<Self> {
        let matches =
            |service: &Self| service.speaks(Protocol::Query) && service.api_version() == version;
        Self::ALL.iter().copied().find(matches)
    }

    /// What this service answers when a request breaks a constraint of the model.
    ///
    /// The models do not say it; the codes are those that the services are seen to use.
    pub fn validation_error(self) -> &'static ErrorShape {
        match self {
            Self::Ecr | Self::Ecs | Self::Logs => &common::INVALID_PARAMETER_EXCEPTION,
            Self::SecretsManager | Self::Ssm => &common::VALIDATION_EXCEPTION,
            Self::CloudWatch => &common::VALIDATION_OF_QUERY,
            Self::Elbv2 | Self::Sts => &common::VALIDATION_ERROR,
        }
    }

    fn info(self) -> &'static ServiceInfo {
        match self {
            Self::CloudWatch => &cloudwatch::INFO,
            Self::Ecr => &ecr::INFO,
            Self::Ecs => &ecs::INFO,
            Self::Elbv2 => &elbv2::INFO,
            Self::Logs => &logs::INFO,
            Self::SecretsManager => &secretsmanager::INFO,
            Self::Ssm => &ssm::INFO,
            Self::Sts => &sts::INFO,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signing_name())
    }
}
