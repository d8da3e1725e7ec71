//! Operations: their names, their shapes, and the link to their request and response types.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::generated::{cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};
use crate::schema::Shape;
use crate::service::{Protocol, Service};

/// One operation of one service, as a type. Its implementations are generated.
pub trait AwsOperation {
    /// What a client sends.
    type Request: DeserializeOwned + Serialize + fmt::Debug;
    /// What the service answers.
    type Response: DeserializeOwned + Serialize + fmt::Debug;
    /// The service that has the operation.
    const SERVICE: Service;
    /// The operation's AWS name.
    const NAME: &'static str;
    /// The operation as a value.
    const OPERATION: Operation;
}

/// One operation of one service, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// CloudWatch: metrics and alarms.
    CloudWatch(cloudwatch::Operation),
    /// Elastic Container Registry.
    Ecr(ecr::Operation),
    /// Elastic Container Service.
    Ecs(ecs::Operation),
    /// Elastic Load Balancing v2.
    Elbv2(elbv2::Operation),
    /// CloudWatch Logs.
    Logs(logs::Operation),
    /// Secrets Manager.
    SecretsManager(secretsmanager::Operation),
    /// Systems Manager: its Parameter Store.
    Ssm(ssm::Operation),
    /// Security Token Service.
    Sts(sts::Operation),
}

impl Operation {
    /// The operation of a service with this AWS name.
    pub fn from_name(service: Service, name: &str) -> Option<Self> {
        match service {
            Service::CloudWatch => cloudwatch::Operation::from_name(name).map(Self::CloudWatch),
            Service::Ecr => ecr::Operation::from_name(name).map(Self::Ecr),
            Service::Ecs => ecs::Operation::from_name(name).map(Self::Ecs),
            Service::Elbv2 => elbv2::Operation::from_name(name).map(Self::Elbv2),
            Service::Logs => logs::Operation::from_name(name).map(Self::Logs),
            Service::SecretsManager => {
                secretsmanager::Operation::from_name(name).map(Self::SecretsManager)
            }
            Service::Ssm => ssm::Operation::from_name(name).map(Self::Ssm),
            Service::Sts => sts::Operation::from_name(name).map(Self::Sts),
        }
    }

    /// The service that has the operation.
    pub const fn service(self) -> Service {
        match self {
            Self::CloudWatch(_) => Service::CloudWatch,
            Self::Ecr(_) => Service::Ecr,
            Self::Ecs(_) => Service::Ecs,
            Self::Elbv2(_) => Service::Elbv2,
            Self::Logs(_) => Service::Logs,
            Self::SecretsManager(_) => Service::SecretsManager,
            Self::Ssm(_) => Service::Ssm,
            Self::Sts(_) => Service::Sts,
        }
    }

    /// The AWS name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudWatch(operation) => operation.name(),
            Self::Ecr(operation) => operation.name(),
            Self::Ecs(operation) => operation.name(),
            Self::Elbv2(operation) => operation.name(),
            Self::Logs(operation) => operation.name(),
            Self::SecretsManager(operation) => operation.name(),
            Self::Ssm(operation) => operation.name(),
            Self::Sts(operation) => operation.name(),
        }
    }

    /// The shape of the request.
    pub fn input(self) -> &'static Shape {
        match self {
            Self::CloudWatch(operation) => operation.input(),
            Self::Ecr(operation) => operation.input(),
            Self::Ecs(operation) => operation.input(),
            Self::Elbv2(operation) => operation.input(),
            Self::Logs(operation) => operation.input(),
            Self::SecretsManager(operation) => operation.input(),
            Self::Ssm(operation) => operation.input(),
            Self::Sts(operation) => operation.input(),
        }
    }

    /// The shape of the response; none where the service answers with an empty body.
    pub fn output(self) -> Option<&'static Shape> {
        match self {
            Self::CloudWatch(operation) => operation.output(),
            Self::Ecr(operation) => operation.output(),
            Self::Ecs(operation) => operation.output(),
            Self::Elbv2(operation) => operation.output(),
            Self::Logs(operation) => operation.output(),
            Self::SecretsManager(operation) => operation.output(),
            Self::Ssm(operation) => operation.output(),
            Self::Sts(operation) => operation.output(),
        }
    }
}

/// The operation as AWS writes it in IAM actions, such as `ecs:CreateService`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service(), self.name())
    }
}

/// What a service model says about the service as a whole.
#[derive(Debug)]
pub(crate) struct ServiceInfo {
    pub(crate) protocols: &'static [Protocol],
    pub(crate) json_version: &'static str,
    pub(crate) api_version: &'static str,
    pub(crate) signing_name: &'static str,
    pub(crate) target_prefix: &'static str,
    pub(crate) xml_namespace: &'static str,
}

/// Declares the operations of a service: an enumeration, and a type for each of them.
macro_rules! operations {
    (
        $service:ident;
        $($(#[$doc:meta])* $name:ident($request:ident, $input:expr) -> ($response:ident, $output:expr);)+
    ) => {
        /// The operations of this service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $($(#[$doc])* $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The operation with this AWS name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|operation| operation.name() == name)
            }

            /// The AWS name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The shape of the request.
            pub fn input(self) -> &'static $crate::schema::Shape {
                match self {
                    $(Self::$name => $input,)+
                }
            }

            /// The shape of the response; none where the service answers with an empty body.
            pub fn output(self) -> Option<&'static $crate::schema::Shape> {
                match self {
                    $(Self::$name => $output,)+
                }
            }

            /// Reads a decoded request as a handler would, and writes what was read.
            #[cfg(any(test, feature = "fuzzing"))]
            pub(crate) fn read_request(
                self,
                decoded: $crate::codec::Decoded,
            ) -> Result<serde_json::Result<serde_json::Value>, $crate::error::WireError> {
                match self {
                    $(Self::$name => Ok(serde_json::to_value(decoded.parse::<$name>()?)),)+
                }
            }

            /// Reads a request into its type and writes it again.
            #[cfg(any(test, feature = "fuzzing"))]
            pub(crate) fn rewrite_request(
                self,
                value: serde_json::Value,
            ) -> serde_json::Result<serde_json::Value> {
                match self {
                    $(Self::$name => {
                        serde_json::to_value(serde_json::from_value::<$request>(value)?)
                    })+
                }
            }

            /// Reads a response into its type and writes it again.
            #[cfg(test)]
            pub(crate) fn rewrite_response(
                self,
                value: serde_json::Value,
            ) -> serde_json::Result<serde_json::Value> {
                match self {
                    $(Self::$name => {
                        serde_json::to_value(serde_json::from_value::<$response>(value)?)
                    })+
                }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::operation::AwsOperation for $name {
                type Request = $request;
                type Response = $response;
                const SERVICE: $crate::service::Service = $crate::service::Service::$service;
                const NAME: &'static str = stringify!($name);
                const OPERATION: $crate::operation::Operation =
                    $crate::operation::Operation::$service(Operation::$name);
            }
        )+
    };
}
pub(crate) use operations;
